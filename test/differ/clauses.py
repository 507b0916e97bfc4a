"""Random clauses, and what the service may be asked for each.

A clause is SQL with holes for the column and for its values, so that a value may stand there as a
constant, as a parameter of a prepared statement or as a sub-query.  With it goes an Ask, where the design
says that the clause is one for the service; where there is none, the clause is local.
"""

import re
from typing import NamedTuple

from .tables import INTEGERS, STRINGS

# Values that the documents list as filters, and those of them that may find more than the clause means.
DOCUMENTED = {
    ("phones", "status"): ({"1", "2", "3", "4", "6", "7", "8", "-5", "-6", "-7", "-8", "-9"}, {"1"}),
    ("phones", "type"): ({"0"}, set()),
    ("phones", "server_id"): (None, set()),
    ("servers", "status"): ({"0", "1", "2", "3", "4", "5", "8", "10", "11", "12", "13"}, {"0", "1", "3", "4"}),
    ("servers", "server_id"): (None, set()),
    ("servers", "network_version"): ({"v1", "v2"}, set()),
    ("servers", "phone_model_name"): (None, None),      # None: always more
}
NAMES = {"phones": "phone_name", "servers": "server_name"}

LABELS = {
    "phones": {"creating": ["0", "1"], "running": ["2"], "resetting": ["3"], "restarting": ["4"],
               "frozen": ["6"], "stopping": ["7"], "stopped": ["8"], "reset failed": ["-5"],
               "restart failed": ["-6"], "abnormal": ["-7"], "creation failed": ["-8"], "stop failed": ["-9"]},
    "servers": {"creating": ["0", "1", "3", "4"], "abnormal": ["2"], "normal": ["5"], "frozen": ["8"],
                "stopped": ["10"], "being stopped": ["11"], "stop failed": ["12"], "starting": ["13"]},
}

NUMBERS = {
    "status": ["2", "2", "2", "8", "8", "7", "5", "-7", "3", "4", "1", "0", "6", "10", "99", "-1", "-5", None],
    "type": ["0", "0", "0", "1", "7", None],
    "volume_mode": ["0", "1", None],
}

NAME_LENGTH = 65        # the service refuses a longer one
SERVER_ID = re.compile(r"[0-9A-Za-z-]{1,32}")


class Value(NamedTuple):
    sql: str            # a literal
    type: str           # its type, for PREPARE


class Ask(NamedTuple):
    """What the service is asked for a clause."""
    param: str
    values: tuple       # a stream each; none: no row can match
    exact: bool = False         # it returns just the rows of the clause
    like: str = None    # of a name: "like", "prefix" or "equal"; then values are patterns
    oldest: str = None  # of the time, as in the answers; "?" if it is not worked out here
    newest: str = None
    refused: bool = False       # the service may answer with 400
    choice: tuple = ()  # any of these is as good as the one value

    @property
    def is_bound(self):
        return bool(self.oldest or self.newest)


class Clause(NamedTuple):
    template: str       # {c} is the column, {q} what stands before another one; {0}, {1}, ... are the values
    column: str
    values: tuple = ()
    ask: Ask = None     # None: the clause is local

    @property
    def is_several(self):
        """Whether it may ask for several values: a label can be that of several."""
        return len(self.values) > 1 or "_status({c}" in self.template or \
            any(value.type.endswith("[]") for value in self.values)

    def sql(self, qualifier="", values=None):
        shown = values or [value.sql for value in self.values]
        return self.template.format(*shown, c=f"{qualifier}{self.column}", q=qualifier)


def quote(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def array(texts):
    """An array literal."""
    elements = ("NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
                for text in texts)
    return quote("{" + ",".join(elements) + "}")


def distinct(texts):
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def ask_equal(table, column, texts):
    """What to ask for a column that is one of some values, of which None is null."""
    resource, field = table.resource, column.field
    values = distinct(texts)
    if field == NAMES[resource] and column.family == "string":
        return Ask(field, values, like="equal")
    wanted = "integer" if field in ("status", "type") else "string"
    if (resource, field) not in DOCUMENTED or column.family != wanted or "" in values:
        return None
    documented, more = DOCUMENTED[resource, field]
    if documented is not None and not set(values) <= documented:
        return None
    refused = field == "server_id" and not all(map(SERVER_ID.fullmatch, values)) or \
        field == "phone_model_name" and any(len(value.encode()) > 64 for value in values)
    return Ask(field, values, more is not None and not set(values) & more, refused=refused)


def literal_runs(pattern, like):
    """The runs of a pattern that stand for themselves: the first begins it, and may be empty.

    A backslash ends a run even where it stands for itself: the service may take it for an escape.
    """
    runs, at = [""], 0
    while at < len(pattern):
        char, after = pattern[at], pattern[at + 1:at + 2]
        at += 1
        if char == "\\" and like and after not in ("", "\\"):
            runs[-1] += after
            at += 1
        elif char == "\\" or like and char in "%_":
            runs.append("")
            at += char == "\\" and like and after == "\\"
        else:
            runs[-1] += char
    return runs


def ask_name(ask, name_filter):
    """The Ask for a clause on a name as an option has it sent; None: it may be sent or not."""
    like = ask.like == "like"
    values, choice = [], ()
    for pattern in ask.values:
        runs = literal_runs(pattern, like)
        longest = max(runs, key=len)
        run = longest if name_filter == "substring" else runs[0]
        if name_filter == "off" or not run or \
                name_filter == "exact" and (len(runs) > 1 or ask.like == "prefix"):
            return None
        if name_filter == "auto" and run != longest:    # once it was shown that insides are found
            choice = (run, longest)
        values.append(run)
    values = distinct(values)
    if choice and len(values) > 1:
        return None
    return Ask(ask.param, values, choice=choice, refused=any(len(value) > NAME_LENGTH for value in values + choice))


class Clauses:
    """Makes clauses out of a random generator and a world's values."""

    def __init__(self, rng, world):
        self.rng = rng
        self.world = world

    def conjunction(self, table, most=3):
        """Some clauses, to be joined by AND; a view's own are not among them."""
        rng = self.rng
        return [self.clause(table) for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 2, 3][:most + 5]))]

    def clause(self, table):
        rng = self.rng
        if rng.random() < 0.04:
            return self.no_column()
        columns = [each for each in table.columns for _ in range(5 if self.is_filter(table, each) else 1)]
        column = rng.choice(columns)
        if column.type in INTEGERS or column.field in NUMBERS:
            if column.field == "status" and column.type in INTEGERS and rng.random() < 0.2:
                return self.label(table, column)
            return self.number(table, column)
        if column.family == "time" or column.field == "create_time":
            return self.time(table, column)
        if column.type == "boolean":
            template = rng.choice(["{c}", "NOT {c}", "{c} IS TRUE", "{c} IS NULL", "{c} IS NOT TRUE", "{c} = true"])
            return Clause(template, column.name)
        if column.type == "jsonb":
            return Clause(rng.choice(["{c} IS NULL", "{c} ? 'order_id'", "{c}->>'order_id' LIKE 'CS1%'"]), column.name)
        if column.type in ("text", "name") or column.type.startswith("character"):
            return self.text(table, column)
        return Clause("{c} IS NOT NULL", column.name)

    @staticmethod
    def is_filter(table, column):
        return (table.resource, column.field) in DOCUMENTED or \
            column.field in ("create_time", NAMES[table.resource])

    def no_column(self):
        """A clause on no column."""
        value = Value(self.rng.choice(["1", "2"]), "integer")
        template = self.rng.choice(["{0} = 1", "false", "true", "now() > '2000-01-01'", "now() < '2000-01-01'",
                                    "NULL", "(SELECT {0}) = 1", "random() < 2"])
        return Clause(template, "", (value,) if "{0}" in template else ())

    # Numbers

    def number_value(self, text, column):
        rng = self.rng
        if text is None:
            return Value("NULL", rng.choice(["integer", "bigint"]))
        type_ = rng.choice(["integer", "integer", "integer", "smallint", "bigint", "numeric"])
        if column.type not in INTEGERS:
            type_ = "integer"
        shown = f"{text}.0" if type_ == "numeric" and rng.random() < 0.5 else text
        if type_ == "integer":
            return Value(f"({shown})" if shown.startswith("-") else shown, type_)
        return Value(f"'{shown}'::{type_}", type_)

    def number(self, table, column):
        rng = self.rng
        texts = [rng.choice(NUMBERS[column.field] if column.field in NUMBERS else ["0", "1", None])
                 for _ in range(rng.choice([1, 2, 2, 3, 5, 12]))]
        if column.type not in INTEGERS:     # numeric, or text
            return self.strange_number(column, texts[0])
        form = rng.random()
        if form < 0.35:
            value = self.number_value(texts[0], column)
            template = rng.choice(["{c} = {0}", "{c} = {0}", "{0} = {c}"])
            return Clause(template, column.name, (value,), ask_equal(table, column, texts[:1]))
        if form < 0.65:
            return self.one_of(table, column, texts, "integer",
                               [self.number_value(text, column) for text in texts])
        if form < 0.7:
            odd = rng.choice(["2.5", "4294967298", "-9223372036854775808"])
            return Clause("{c} = {0}", column.name, (Value(f"({odd})", "numeric"),))
        values = tuple(self.number_value(text, column) for text in (texts * 2)[:2])
        template = rng.choice([
            "{c} <> {0}", "NOT {c} = {0}", "{c} > {0}", "{c} <= {0}", "{c} IS NULL", "{c} IS NOT NULL",
            "{c} BETWEEN {0} AND {1}", "{c} IS DISTINCT FROM {0}", "{c} IS NOT DISTINCT FROM {0}",
            "({c} = {0}) IS TRUE", "({c} = {0}) IS NOT TRUE", "{c} + 0 = {0}", "coalesce({c}, -1) = {0}",
            "{c} NOT IN ({0}, {1})", "{c}::text = {0}::text", "{c} = {0} + (random() * 0)::integer",
            "({c} = {0} OR {c} IS NULL)", "({c} = {0} OR {c} > {1})", "abs({c}) = {0}",
            "CASE WHEN {c} = {0} THEN true ELSE {c} = {1} END", "{c} = ALL (ARRAY[{0}, {1}])",
            "NOT ({c} = {0} OR {c} = {1})", "({c} = {0} AND {c} = {1})", "({c} = {0}) = ({c} = {1})",
            "{c} = {c}", "{c}::float8 = {0}::float8", "{c}::oid = {0}::bigint::oid"])
        if "oid" in template and any(text is None or text.startswith("-") for text in (texts * 2)[:2]):
            template = "{c} <> {0}"
        return Clause(template, column.name, values if "{1}" in template else
                      values[:1] if "{0}" in template else ())

    def strange_number(self, column, text):
        if column.type == "text":
            return Clause("{c} = {0}", column.name, (Value(quote(text), "text"),))
        return Clause("{c} = {0}", column.name, (self.number_value(text, column),))

    def one_of(self, table, column, texts, element, values):
        """The column is one of several values, said in one of several ways."""
        rng = self.rng
        ask = ask_equal(table, column, texts)
        n = range(len(texts))
        form = rng.choice(["in", "in", "any", "array", "or", "or", "or-in", "any-empty"])
        if form == "in":
            return Clause("{c} IN (" + ", ".join(f"{{{i}}}" for i in n) + ")", column.name, tuple(values), ask)
        if form == "or":
            sides = (rng.choice(["{c} = ", "{c} = ", ""]) for _ in n)
            terms = (f"{side}{{{i}}}" if side else f"{{{i}}} = {{c}}" for i, side in zip(n, sides))
            return Clause("(" + " OR ".join(terms) + ")", column.name, tuple(values), ask)
        if form == "or-in" and len(texts) > 1:
            return Clause("({c} = {0} OR {c} IN (" + ", ".join(f"{{{i}}}" for i in n) + "))", column.name, tuple(values), ask)
        if form == "array":
            return Clause("{c} = ANY (ARRAY[" + ", ".join(f"{{{i}}}" for i in n) + "])",
                          column.name, tuple(values), ask)
        if form == "any-empty" and rng.random() < 0.2:
            texts = []
            ask = ask_equal(table, column, texts)
        type_ = rng.choice([element, "smallint", "bigint"]) if element == "integer" else element
        return Clause("{c} = ANY ({0})", column.name, (Value(f"{array(texts)}::{type_}[]", f"{type_}[]"),), ask)

    def label(self, table, column):
        """The documented label of the status."""
        rng = self.rng
        labels = LABELS[table.resource]
        function = "cph_phone_status" if table.resource == "phones" else "cph_server_status"
        if column.type == "bigint":
            return Clause(f"{function}({{c}}::integer) = {{0}}", column.name, (Value("'running'", "text"),))
        chosen = [rng.choice([*labels, *labels, "no such", "", None]) for _ in range(rng.choice([1, 1, 2, 3]))]
        numbers = [number for label in chosen for number in labels.get(label, [])]
        ask = ask_equal(table, column, numbers)
        values = tuple(Value(quote(label), "text") for label in chosen)
        if len(chosen) == 1:
            template = rng.choice([f"{function}({{c}}) = {{0}}", f"{{0}} = {function}({{c}})",
                                   f"{function}({{c}}) <> {{0}}"])
            return Clause(template, column.name, values, None if "<>" in template else ask)
        template = rng.choice([f"{function}({{c}}) IN (", f"{function}({{c}}) NOT IN ("])
        return Clause(template + ", ".join(f"{{{i}}}" for i in range(len(chosen))) + ")",
                      column.name, values, None if "NOT" in template else ask)

    # Texts

    def some_text(self, table, column):
        """A value of the column, or one that it might have had."""
        rng = self.rng
        rows = self.world.rows[table.resource]
        text = rng.choice(rows).get(column.field) or ""
        return rng.choice([text] * 12 + [text.upper(), text + "x", text[1:], text[:-1], "", None, "0" * 32,
                                         "no such/thing", "x" * 70, "手机", "v1", "v2"])

    def text(self, table, column):
        rng = self.rng
        texts = [self.some_text(table, column) for _ in range(rng.choice([1, 2, 2, 3, 5]))]
        is_name = column.field == NAMES[table.resource]
        plain = column.type in STRINGS
        form = rng.random()
        type_ = rng.choice(["text", "text", "text", "character varying", "name"]) if plain else "text"
        if any(text and len(text.encode()) > 63 for text in texts):
            type_ = "text"      # a name would be cut
        values = [Value(quote(text) if type_ == "text" else f"{quote(text)}::{type_}", type_) for text in texts]
        if is_name and form < 0.55:
            return self.like(table, column, texts[0])
        if form < 0.7:
            ask = ask_equal(table, column, texts[:1]) if plain else None
            return Clause(rng.choice(["{c} = {0}", "{c} = {0}", "{0} = {c}"]), column.name, (values[0],), ask)
        if form < 0.87 and plain:
            return self.one_of(table, column, texts, "text", values)
        template = rng.choice([
            "{c} <> {0}", "{c} IS NULL", "{c} IS NOT NULL", "{c} > {0}", "{c} < {0}", "NOT {c} = {0}",
            "{c} IS NOT DISTINCT FROM {0}", "upper({c}) = {0}", "{c} || '' = {0}", "length({c}) = 11",
            "{c} = ''", "coalesce({c}, '') = {0}", "{c}::bpchar = {0}", "({c} = {0} OR {c} IS NULL)",
            "{c} COLLATE \"C\" >= {0}"])
        return Clause(template, column.name, (values[0],) if "{0}" in template else ())

    def like(self, table, column, text):
        """A clause that looks into a name."""
        rng = self.rng
        text = text or ""
        form = rng.choice(["like"] * 6 + ["prefix", "prefix", "starts", "escape", "local", "local"])
        plain = column.type in STRINGS
        if form == "prefix" or form == "starts":
            prefix = text[:rng.randrange(len(text) + 1)]
            ask = Ask(NAMES[table.resource], (prefix,), like="prefix") if plain else None
            return Clause("{c} ^@ {0}" if form == "prefix" else "starts_with({c}, {0})", column.name,
                          (Value(quote(prefix), "text"),), ask)
        if form == "local":
            template = rng.choice(["{c} ILIKE {0}", "{c} ~ {0}", "{c} ~* {0}", "{c} NOT LIKE {0}", "{c} SIMILAR TO {0}"])
            pattern = re.sub(r"[^\w-]", ".", text)
            return Clause(template, column.name, (Value(quote(pattern), "text"),))
        pattern = self.pattern(text)
        if form == "escape":
            mark = rng.choice(["!", "#", ""])
            marked = pattern.replace("\\", mark) if mark else pattern.replace("\\", "")
            if mark and marked.count(mark) != pattern.count("\\"):
                marked, pattern = pattern, pattern
                mark = "\\"
            ask = Ask(NAMES[table.resource], (pattern if mark else marked,), like="like") if plain else None
            return Clause(f"{{c}} LIKE {{0}} ESCAPE '{mark}'", column.name, (Value(quote(marked), "text"),), ask)
        return Clause("{c} LIKE {0}", column.name, (Value(quote(pattern), "text"),),
                      Ask(NAMES[table.resource], (pattern,), like="like") if plain else None)

    def pattern(self, text):
        """A LIKE pattern that may match a text."""
        rng = self.rng
        pieces = []
        for char in text:
            dice = rng.random()
            if char in "%_\\":
                pieces.append(char if dice < 0.3 and char != "\\" else "\\" + char)
            elif dice < 0.06:
                pieces.append("_")
            elif dice < 0.1:
                pieces.append("%")
            elif dice < 0.13:
                pieces.append("\\" + char)
            else:
                pieces.append(char)
        cut = rng.choice([None, None, 3, 6])
        return rng.choice(["", "", "", "%", "_"]) + "".join(pieces[:cut]) + rng.choice(["", "%", "%", "_", "%%"])

    # Times

    def time(self, table, column):
        rng = self.rng
        moment = self.moment(table)
        other = self.moment(table)
        form = rng.random()
        if form < 0.6:
            op = rng.choice([">=", ">", "<=", "<"])
            commuted = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}[op]
            template = rng.choice([f"{{c}} {op} {{0}}", f"{{0}} {commuted} {{c}}"])
            return Clause(template, column.name, (moment[0],), self.ask_time(column, op, moment[1]))
        if form < 0.75:
            return Clause("{c} BETWEEN {0} AND {1}", column.name, (moment[0], other[0]),
                          self.ask_time(column, "<>", None))
        if form < 0.8:
            return Clause(rng.choice(["{c} = {0}", "{0} = {c}"]), column.name, (moment[0],),
                          self.ask_time(column, "<>", moment[1]))
        if form < 0.87:
            op = rng.choice([">=", ">", "<=", "<"])
            commuted = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}[op]
            if rng.random() < 0.5:      # as those do who page by keys
                last = Value(quote(rng.choice(self.world.rows[table.resource])[table.id.field]), "text")
                template = rng.choice([f"({{c}}, {{q}}{table.id.name}) {op} ({{0}}, {{1}})",
                                       f"({{0}}, {{1}}) {commuted} ({{c}}, {{q}}{table.id.name})"])
                return Clause(template, column.name, (moment[0], last), self.ask_time(column, op, moment[1]))
            letter = rng.choice("lmn")
            template = rng.choice([f"({{c}}, 'm') {op} ({{0}}, '{letter}')", f"({{0}}, '{letter}') {commuted} ({{c}}, 'm')"])
            return Clause(template, column.name, (moment[0],), self.ask_time(column, op, moment[1]))
        template = rng.choice([
            "{c} <> {0}", "{c} IS NULL", "{c} IS NOT NULL", "{c} > now() - interval '1 day'",
            "{c} < now()", "NOT {c} > {0}", "date_trunc('day', {c}) = {0}", "{c} + interval '1 day' > {0}",
            "({c} > {0} OR {c} < {0})"])
        ask = self.ask_time(column, "<>", None) if template.startswith("NOT") or "now" in template else None
        return Clause(template, column.name, (moment[0],) if "{0}" in template else (), ask)

    def bound(self, table, column):
        """A bound of the time, or two."""
        rng = self.rng
        moment, other = self.moment(table), self.moment(table)
        if rng.random() < 0.3:
            return Clause("{c} BETWEEN {0} AND {1}", column.name, (moment[0], other[0]), self.ask_time(column, "<>", None))
        op = rng.choice([">=", ">", "<=", "<", "="])
        return Clause(f"{{c}} {op} {{0}}", column.name, (moment[0],),
                      self.ask_time(column, "<>" if op == "=" else op, moment[1]))

    def moment(self, table):
        """A Value, and the text of the time that it is; None for one that is not worked out here."""
        rng = self.rng
        text = rng.choice(self.world.rows[table.resource])["create_time"]
        dice = rng.random()
        if dice < 0.6:
            return Value(f"'{text}'::timestamptz", "timestamptz"), text
        if dice < 0.7:
            return Value(f"'{text[:10]}'::date", "date"), None
        if dice < 0.8:
            return Value(f"'{text[:-1]}'::timestamp", "timestamp"), None
        odd = rng.choice(["infinity", "-infinity", "1960-01-01", "2100-01-01", None])
        return Value(f"{quote(odd)}::timestamptz", "timestamptz"), None

    def ask_time(self, column, op, text):
        """The Ask for a bound; text is None if the time is not worked out here."""
        if column.family != "time" or column.field != "create_time":
            return None
        text = text or "?"
        return Ask("create_time", (), oldest=text if ">" in op else None, newest=text if "<" in op else None)
