"""Random queries around random clauses."""

from typing import Callable, NamedTuple

from .bounds import Demand
from .clauses import Clauses, Value, quote
from .lists import Lists
from .moving import Moving
from .log import PAGE_MAX

PLANNER = ("enable_hashjoin", "enable_mergejoin", "enable_nestloop", "enable_memoize", "enable_material",
           "enable_sort", "enable_incremental_sort", "enable_hashagg")
HAVING_COUNT = (" HAVING count(*) > 50", " HAVING count(*) > 100000", " HAVING count(1) = count(*)")


class Case(NamedTuple):
    """A query, and what is known of its answer."""
    shape: str
    statements: tuple           # what is run for it
    keys: int = 0               # so many columns of the answer are in an order that both answers share
    whole: str = None           # all the rows of which the answer, cut by LIMIT, is some; None: it is not cut
    matching: str = None        # returns the ids of the rows that match, if the bound needs them
    bound: Callable = None      # (ids) -> the most requests that may be sent
    demand: Demand = None       # of the one table, if it is one
    refused: bool = False       # the service may answer with 400
    settings: tuple = ()        # of the planner
    first: int = None           # the query wants so many rows, in the order of the list or in none; None: all
    judge: Callable = None      # (service, rows) -> what is wrong with the rows; then there is no copy to compare with


class Shapes:
    def __init__(self, rng, world):
        self.rng = rng
        self.world = world
        self.clauses = Clauses(rng, world)
        self.lists = Lists(rng, world, self)
        self.moving = Moving(rng, world, self)
        self.number = 0

    def case(self, setup):
        """A random Case."""
        rng = self.rng
        self.setup = setup
        self.number += 1
        if setup.reading.moves:
            statements, judge = self.moving.statements()
            return Case("moving", statements, judge=judge, settings=self.planner())
        make = rng.choice([self.scan] * 9 + [self.count] * 4 + [self.aggregate] * 2 + [self.dashboard] * 3 + [self.join] * 4 +
                          [self.semi_join, self.lateral, self.lateral, self.correlated, self.distinct,
                           self.window, self.union, self.cte, self.exists, self.cursor, self.extreme, self.located, self.between, self.between] +
                          [self.list] * 4)
        return make()

    def list(self):
        """A query on a list of which no order is documented."""
        if self.setup.reading.settings.get("ties_shuffled"):
            return self.scan()      # its rows have no other order than such
        statements, keys, whole = self.lists.statements()
        return Case("list", statements, keys, whole, refused=True, settings=self.planner())

    # Parts

    def pick_table(self, resource=None):
        tables = [table for table in self.world.tables if table.time and resource in (None, table.resource)
                  and table.resource in ("phones", "servers")]
        return self.rng.choice(tables + [self.world.tables[0]] * 4 + [self.world.tables[1]] * (resource != "phones"))

    def where(self, table, clauses, qualifier="", values=None):
        """A WHERE of clauses; values, if given, are the SQL of all their values, in order."""
        values = list(values or [value.sql for clause in clauses for value in clause.values])
        terms = []
        for clause in clauses:
            n = len(clause.values)
            terms.append(clause.sql(qualifier, values[:n]))
            values = values[n:]
        return " WHERE " + " AND ".join(terms) if terms else ""

    def columns(self, table, qualifier=""):
        """Some columns, the id among them."""
        some = [each for each in table.columns if each.type != "json" and self.rng.random() < 0.3]
        if self.rng.random() < 0.1:
            return f"{qualifier}*"
        return ", ".join(f"{qualifier}{each.name}" for each in [table.id, *some])

    def planner(self, loops=True):
        """Settings of the planner to switch off; without loops, none that leaves it only nested loops."""
        if self.rng.random() < 0.7 or self.setup.page_size("phones", 200) < 50:
            return ()
        names = self.rng.sample(PLANNER, self.rng.choice([1, 2, 3]))
        return tuple(name for name in names if loops or name not in ("enable_hashjoin", "enable_material"))

    def order(self, table):
        """An ORDER BY: its SQL, and the columns that it sorts by."""
        rng = self.rng
        time = table.time.name
        others = [each.name for each in table.columns if each.type not in ("jsonb", "boolean")]
        newest = f"{time} DESC" + rng.choice(["", "", " NULLS LAST", " NULLS FIRST"])
        form = rng.random()
        if form < 0.45:
            return newest, [time]
        if form < 0.75:
            rest = rng.choice([[table.id.name], [rng.choice(others), table.id.name], [rng.choice(others)]])
            return ", ".join([newest, *rest]), [time, *rest]
        if form < 0.85:
            return f"{time} ASC, {table.id.name}", [time, table.id.name]
        first = rng.choice(others)
        return f"{first} {rng.choice(['', 'DESC', 'NULLS FIRST'])}, {table.id.name}", [first, table.id.name]

    def limit(self):
        """A LIMIT and an OFFSET, as SQL values or None, and as numbers; -1 for a bad one, None for none."""
        rng = self.rng
        count = rng.choice([1, 1, 2, 5, 10, 10, 50, 199, 200, 201, 399, 0, 100000, 2**62, 2**63 - 1, None, -1])
        offset = rng.choice([None] * 6 + [0, 1, 5, 30, 199, 200, 201, 800, 5000, 2**31, 2**62, "NULL", -1])
        if rng.random() < 0.8 and (count == -1 or offset == -1):
            count, offset = 10, None
        limit_sql = "NULL" if count is None else str(count)
        offset_sql = None if offset is None else str(offset)
        return limit_sql, offset_sql, count, 0 if offset in (None, "NULL") else offset

    def nested(self, value, sent=False):
        """A value as an expression that only the run evaluates, or as it is; sent: it is not evaluated for each row."""
        form = self.rng.random()
        if form < 0.35 and not value.type.endswith("[]"):
            return f"(SELECT {value.sql})"
        if form < 0.7:
            own = "own_read" if sent and self.rng.random() < 0.4 else "own"
            return f"{own}({value.sql}::{value.type})"
        return value.sql

    # One table

    def scan(self):
        """Rows of one table."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        prepared = rng.random() < 0.35
        nest = not prepared and rng.random() < 0.15
        demand = Demand(self.world, self.setup, table, clauses, prepared or nest)
        columns = self.columns(table)
        order, keys = self.order(table) if rng.random() < 0.45 else ("", [])
        limited = rng.random() < 0.5
        if keys:
            columns = ", ".join(keys) + ", " + columns
        values = [value for clause in clauses for value in clause.values]
        limit = self.limit() if limited else None
        settings, ties = self.planner(), False
        if order and limited and rng.random() < 0.1 and limit[2] is not None:
            ties = True
            limit = (limit[0], None, limit[2], 0)       # which of the ties are skipped is not said

        def text(shown, window):
            sql = f"SELECT {columns} FROM {table.name}{self.where(table, clauses, '', shown)}"
            if order:
                sql += f" ORDER BY {order}"
            if window:
                if ties:
                    sql += (f" OFFSET {window[1]}" if window[1] else "") + f" FETCH FIRST ({window[0]}) ROWS WITH TIES"
                else:
                    sql += f" LIMIT {window[0]}" + (f" OFFSET {window[1]}" if window[1] else "")
            return sql

        plain = [value.sql for value in values]
        if nest:    # a value that is known only when the query runs
            plain = [self.nested(value, clause.ask is not None) for clause in clauses for value in clause.values]
        if prepared:
            statements = self.prepare(text, values, limit)
        else:
            statements = (text(plain, limit),)
        whole = text([value.sql for value in values], None) if limited and not ties else None
        bound, matching = self.scan_bound(table, clauses, demand, order, keys, limit, ties, settings)
        if "own_read(" in statements[0]:
            bound = matching = None     # what it reads is not counted here
        first = limit[2] + limit[3] if limit and limit[2] is not None and (not keys or keys[0] == table.time.name) else None
        return Case("scan", statements, len(keys), whole, matching, bound, demand, demand.refused, settings, first)

    def prepare(self, text, values, limit):
        """The statements that run a query with its values as parameters."""
        rng = self.rng
        name = f"q{self.number}"
        types = [value.type for value in values]
        window = None
        arguments = [value.sql for value in values]
        if limit:
            window = [f"${len(types) + 1}", limit[1] and f"${len(types) + 2}"]
            types += ["bigint"] * (1 + bool(limit[1]))
            arguments += [limit[0]] + ([limit[1]] if limit[1] else [])
        shown = [f"${number + 1}" for number in range(len(values))]
        signature = f"({', '.join(types)})" if types else ""
        call = f"EXECUTE {name}" + (f"({', '.join(arguments)})" if arguments else "")
        mode = rng.choice(["force_generic_plan", "force_generic_plan", "force_custom_plan", "auto"])
        return (f"SET plan_cache_mode = {mode}", f"PREPARE {name}{signature} AS {text(shown, window)}", call,
                f"DEALLOCATE {name}")

    def scan_bound(self, table, clauses, demand, order, keys, limit, ties, settings):
        """What a scan may send, and the query for the ids that it needs to know."""
        if demand.none and all(clause.ask for clause in clauses if "{c}" in clause.template):
            return (lambda ids: 0), None
        if limit and (limit[2] is not None and limit[2] <= 0 or limit[3] < 0):
            return (lambda ids: 0), None
        if limit and keys[:1] == [table.time.name] and not order.startswith(f"{table.time.name} DESC"):
            return (lambda ids: demand.from_end()), None
        streaming = not order or len(keys) == 1 and "DESC" in order and self.setup.on("enable_order_pushdown") \
            and table.time.family == "time"
        if limit is None or limit[2] is None or not streaming or ties:
            return (lambda ids: demand.everything()), None
        wanted = limit[2] + limit[3]
        if limit[3] >= 2**31:       # more than the service can count
            return (lambda ids: demand.everything()), None
        if demand.pushable and self.setup.on("enable_limit_pushdown") and table.name != "guarded":
            if demand.fans == 1:
                wanted = limit[2]
                # What is skipped may have to show that the filter filters, a page of it as was asked for.
                if demand.must and (limit[3] < demand.size or self.setup.reading.settings.get("page_cap")):
                    wanted += min(limit[3], PAGE_MAX[table.resource])
            return (lambda ids: demand.first(wanted)), None
        matching = f"SELECT {table.id.name} FROM {table.name}{self.where(table, clauses)}"
        return (lambda ids: demand.until(ids, wanted)), matching

    def count(self):
        """The number of rows of one table."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        prepared = rng.random() < 0.35
        demand = Demand(self.world, self.setup, table, clauses, prepared)
        plain = ["count(*)", "count(*)", "count(*)", "count(1)", "count('x')", "count(*) + 1", "count(*), count(*)",
                 "count(*)::text || 'x'", "count(*) > 5, count(2)", "-count(*)"]
        other = [f"count({table.id.name})", f"count({table.columns[0].name})", "count(NULL)",
                 f"count(*) FILTER (WHERE {table.id.name} > 'a')", f"count(DISTINCT {table.columns[0].name})",
                 "count(*), sum(1)", f"count(*), min({table.id.name})", f"count({table.name})"]
        pushed = rng.random() < 0.75
        output = rng.choice(plain if pushed else other)
        having = rng.choice([""] * 8 + [*HAVING_COUNT, " HAVING false", " HAVING (SELECT true)",
                                        f" HAVING max({table.id.name}) > ''"])
        after = rng.choice([""] * 10 + [" LIMIT 1", " LIMIT 0", " OFFSET 1", " ORDER BY 1", " ORDER BY count(*) LIMIT 5"])
        values = [value for clause in clauses for value in clause.values]

        def text(shown, window):
            return f"SELECT {output} FROM {table.name}{self.where(table, clauses, '', shown)}{having}{after}"

        if prepared:
            statements = self.prepare(text, values, None)
        else:
            statements = (text(None, None),)
        # HAVING without an aggregate is a condition on the rows too, though on none of their columns.
        if pushed and having in ("", *HAVING_COUNT) and table.name != "guarded":
            bound = demand.counting
        else:
            bound = demand.everything
        return Case("count", statements, 0, None, None, lambda ids: bound(), demand, demand.refused)

    def aggregate(self):
        """Groups of one table's rows."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        key = rng.choice([each.name for each in table.columns if each.type not in ("jsonb", "boolean")])
        output = rng.choice(["count(*)", "count(1), min({t}), max({t})", "sum(length({i}))", "array_agg({i} ORDER BY {i})",
                             "count(*) FILTER (WHERE {k} IS NOT NULL)", "count(DISTINCT {t})"])
        output = output.format(t=table.time.name, i=table.id.name, k=key)
        group = rng.choice([f"{key}"] * 4 + [f"ROLLUP ({key})", f"GROUPING SETS (({key}), ())", "()", f"CUBE ({key}, {table.time.name})"])
        having = rng.choice(["", "", "", " HAVING count(*) > 3", f" HAVING max({table.id.name}) > 'c'"])
        order, keys = "", 0
        if group == key and rng.random() < 0.5:
            order = f" ORDER BY {key}" + rng.choice(["", " DESC", " LIMIT 5", " LIMIT 3 OFFSET 2"])
            keys = 1
        shown = "" if group == "()" else f"{key}, "
        sql = f"SELECT {shown}{output} FROM {table.name}{self.where(table, clauses)} GROUP BY {group}{having}{order}"
        bound = demand.from_end if key == table.time.name and "LIMIT" in order else demand.everything
        return Case("aggregate", (sql,), keys, None, None, lambda ids: bound(), demand, demand.refused, self.planner())

    def dashboard(self):
        """What panels show: rows by status, and those of some statuses."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table, rng.choice([-4, -2]))
        demand = Demand(self.world, self.setup, table, clauses)
        status, id_, home = table.field("status"), table.id.name, table.field("server_id").name
        function = "cph_phone_status" if table.resource == "phones" else "cph_server_status"
        s = status.name
        label = f"{function}({s})" if status.type == "integer" else s
        where = self.where(table, clauses)
        some = f"{where} AND" if where else " WHERE"
        value, other = rng.choice(["2", "8", "5", "-7", "0", "1", "10"]), rng.choice(["8", "2", "3", "-5", "99"])
        if status.type == "text":
            value, other = f"'{value}'", f"'{other}'"
        condition = rng.choice([f"{s} <> {value}", f"{s} NOT IN ({value}, {other})", f"{s} > {value}", f"{s} < {other}",
                                f"{s} BETWEEN {other} AND {value}", f"NOT {s} = {value}", f"{s} IS NOT NULL",
                                f"{s} IS DISTINCT FROM {value}", f"{label} IS NOT NULL", f"{s} <> (SELECT {value})"])
        home_id = rng.choice(self.world.rows["servers"])["server_id"]
        having = rng.choice(["", "", " HAVING count(*) > 10"])
        name = table.name
        sql = rng.choice([
            f"SELECT {s}, count(*) FROM {name}{where} GROUP BY {s}{having}",
            f"SELECT {label}, count(*) FROM {name}{where} GROUP BY 1{having}",
            f"SELECT DISTINCT {rng.choice([s, label])} FROM {name}{where}",
            f"SELECT count(*) FILTER (WHERE {s} = {value}), count(*) FILTER (WHERE {s} IN ({value}, {other})), count(*) FROM {name}{where}",
            f"SELECT sum(CASE WHEN {s} = {value} THEN 1 ELSE 0 END), sum(1), count(1) FROM {name}{where}",
            f"SELECT count(CASE WHEN {s} = {value} OR {s} = {other} THEN 1 END), count(*) FILTER (WHERE {condition}) FROM {name}{where}",
            f"SELECT count(*), count({s}), min({s}), max({s}), count(DISTINCT {s}) FROM {name}{where}",
            f"SELECT sum(1) FROM {name}{where}",
            f"SELECT count(*) FROM {name}{some} {condition}",
            f"SELECT {s}, count(*) FROM {name}{some} {condition} GROUP BY {s}",
            f"SELECT {id_}, {s} FROM {name}{some} {condition}",
            f"SELECT {home}, {s}, count(*) FROM {name}{some} {home} = '{home_id}' GROUP BY 1, 2",
            f"SELECT {s}, count(*) FROM {name}{some} {s} IN ({value}, {other}) GROUP BY {s}",
            f"SELECT {s}, count(*) FROM (SELECT {s} FROM {name}{where} UNION ALL SELECT {s} FROM {name}) AS u GROUP BY 1"])
        # Where a clause on the status can have no value, it may be another one that is sent.
        rest = Demand(self.world, self.setup, table, [clause for clause in clauses if clause.column != s])
        most = rest.everything() if demand.none and some in sql else demand.everything()
        bound = None if "UNION" in sql else lambda ids: most
        return Case("dashboard", (sql,), 0, None, None, bound, None, demand.refused, self.planner())

    def extreme(self):
        """The newest or oldest row's time."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        newest = rng.random() < 0.6
        output = f"{'max' if newest else 'min'}({table.time.name})"
        if rng.random() < 0.3:
            output += rng.choice([", count(*)", f", min({table.id.name})", f", min({table.time.name})"])
        matching = None
        sql = f"SELECT {output} FROM {table.name}{self.where(table, clauses)}"
        if newest and "," not in output and table.time.family == "time" and table.name != "guarded" and \
                self.setup.on("enable_order_pushdown"):
            matching = f"SELECT {table.id.name} FROM {table.name}{self.where(table, clauses)}"
            bound = lambda ids: demand.until(ids, 1)
        elif newest and output.endswith(f", min({table.time.name})"):     # each from its end of the list
            bound = lambda ids: demand.everything() + demand.from_end()
        else:
            bound = lambda ids: demand.from_end()
        return Case("extreme", (sql,), 0, None, matching, bound, demand, demand.refused)

    def between(self):
        """Numbers of rows between times, alone, beside others, by status, and in queries around them."""
        rng = self.rng
        table = self.pick_table()
        time, status, id_ = table.time.name, table.field("status").name, table.id.name
        clauses = [self.clauses.bound(table, table.time) for _ in range(rng.choice([1, 1, 2, 2, 3]))]
        if rng.random() < 0.5:
            clauses.insert(rng.randrange(2), self.clauses.number(table, table.field("status")))
        prepared = rng.random() < 0.3
        demand = Demand(self.world, self.setup, table, clauses, prepared)
        values = [value for clause in clauses for value in clause.values]
        alone = ["count(*)"] * 4 + ["count(1) + 1, count(*)"]
        beside = [f"count(*), min({time}), max({time})", f"count(*), min({id_})", f"count({time})",
                  f"count(*) FILTER (WHERE {status} IS NOT NULL)", f"count(DISTINCT {time})"]
        output = rng.choice(alone * 2 + beside)
        form = rng.choice(["alone"] * 4 + ["group", "nested", "lateral", "beside"])

        def text(shown, window):
            where = self.where(table, clauses, "", shown)
            query = f"SELECT {output} FROM {table.name}{where}"
            count = f"SELECT count(*) FROM {table.name}{where}"
            return {"alone": query,
                    "group": f"SELECT {status}, count(*) FROM {table.name}{where} GROUP BY {status}",
                    "nested": f"SELECT n, ({count}) FROM picks WHERE n <= 3",
                    "lateral": f"SELECT o.n, i.n FROM picks AS o, LATERAL ({count}{' AND' if where else ' WHERE'} {time} >= o.since)"
                               " AS i (n)",
                    "beside": f"SELECT ({count}), (SELECT count(*) FROM {table.name}), (SELECT min({time}) FROM {table.name})"}[form]

        statements = self.prepare(text, values, None) if prepared else (text(None, None),)
        bound = None
        if form in ("alone", "nested"):
            bound = demand.counting if output in alone or form == "nested" else demand.from_end
        return Case("between", statements, 0, None, None, bound and (lambda ids: bound()), demand if bound else None,
                    demand.refused)

    def located(self):
        """Phones by their ids, some of which there are not."""
        rng = self.rng
        table = self.pick_table("phones")
        rows = self.world.rows["phones"]
        ids = [row["phone_id"] for row in rng.sample(rows, min(len(rows), rng.choice([1, 1, 1, 2, 5, 12])))]
        if rng.random() < 0.3:
            ids.append(rng.choice(["", "0" * 32, "a/b", "A-b_9", "../servers", "x" * 65, "\u00e9", ids[0]]))
        values = [Value(quote(each), "text") for each in ids]
        shown = [self.nested(value, True) if rng.random() < 0.3 else value.sql for value in values]
        id_, time = table.id.name, table.time.name
        clause = rng.choice([f"{id_} = {shown[0]}", f"{shown[0]} = {id_}", f"{id_} IN ({', '.join(shown)})",
                             f"{id_} = ANY (ARRAY[{', '.join(shown)}]::text[])",
                             f"({' OR '.join(f'{id_} = {each}' for each in shown)})",
                             f"{id_} IN (SELECT {shown[0]} FROM picks)",
                             f"{id_} = (SELECT min(i) FROM unnest(ARRAY[{', '.join(shown)}]::text[]) AS i)"])
        others = self.clauses.conjunction(table, 2) if rng.random() < 0.4 else []
        where = self.where(table, others)
        where += f" AND {clause}" if where else f" WHERE {clause}"
        output = rng.choice(["*", "*", id_, "count(*)", f"max({time}), count({id_})"])
        end, keys = "", 0
        if output == "*" and rng.random() < 0.4:
            output, end, keys = f"{time}, {id_}", f" ORDER BY {time} DESC, {id_}" + rng.choice(["", " LIMIT 3 OFFSET 1"]), 2
        sql = f"SELECT {output} FROM {table.name}{where}{end}"
        if rng.random() < 0.2:
            sql = (f"SELECT o.i, p.* FROM unnest(ARRAY[{', '.join(shown)}]::text[]) AS o (i) "
                   f"LEFT JOIN LATERAL (SELECT {time} AS t FROM {table.name} WHERE {id_} = o.i OFFSET 0) AS p ON true")
            keys = 0
        return Case("located", (sql,), keys, refused=True, settings=self.planner())

    def exists(self):
        """Whether there is a row."""
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        where = self.where(table, clauses)
        matching = f"SELECT {table.id.name} FROM {table.name}{where}"
        return Case("exists", (f"SELECT EXISTS (SELECT 1 FROM {table.name}{where})",), 0, None, matching,
                    lambda ids: demand.until(ids, 1), demand, demand.refused)

    def distinct(self):
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        key = rng.choice([each.name for each in table.columns if each.type != "jsonb"])
        where = self.where(table, clauses)
        time, id_ = table.time.name, table.id.name
        sql, keys = rng.choice([
            (f"SELECT DISTINCT {key} FROM {table.name}{where}", 0),
            (f"SELECT DISTINCT {key} FROM {table.name}{where} ORDER BY {key} LIMIT 3", 1),
            (f"SELECT DISTINCT {time}, {key} FROM {table.name}{where} ORDER BY {time} DESC", 1),
            (f"SELECT DISTINCT ON ({time}) {time}, {id_} FROM {table.name}{where} ORDER BY {time} DESC, {id_}", 2),
            (f"SELECT DISTINCT ON ({key}) {key}, {id_} FROM {table.name}{where} ORDER BY {key}, {id_} LIMIT 10", 2)])
        bound = demand.from_end if key == time and "LIMIT" in sql else demand.everything
        return Case("distinct", (sql,), keys, None, None, lambda ids: bound(), demand, demand.refused, self.planner())

    def window(self):
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        where = self.where(table, clauses)
        time, id_ = table.time.name, table.id.name
        function = rng.choice(["count(*) OVER ()", f"rank() OVER (ORDER BY {time} DESC)",
                               f"row_number() OVER (ORDER BY {time} DESC, {id_})",
                               f"lag({id_}) OVER (ORDER BY {time} DESC, {id_})",
                               f"count(*) OVER (PARTITION BY {time})", f"dense_rank() OVER (ORDER BY {time})"])
        sql = f"SELECT {time}, {id_}, {function} FROM {table.name}{where} ORDER BY {time} DESC, {id_}"
        if rng.random() < 0.4:
            sql += " LIMIT 7"
        # The oldest may come first, to be sorted no more.
        return Case("window", (sql,), 3, None, None, lambda ids: max(demand.everything(), demand.from_end()), demand,
                    demand.refused, self.planner())

    def cte(self):
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        materialized = rng.choice(["", "MATERIALIZED ", "NOT MATERIALIZED "])
        where, time, id_ = self.where(table, clauses), table.time.name, table.id.name
        end = rng.choice([
            "SELECT count(*) FROM c", f"SELECT {time}, {id_} FROM c ORDER BY {time} DESC, {id_} LIMIT 9",
            f"SELECT a.{id_} FROM c a JOIN c b USING ({id_})", f"SELECT {id_} FROM c WHERE {time} > '2024-02-20'",
            f"SELECT * FROM (SELECT {time}, {id_} FROM c ORDER BY {time} DESC, {id_} LIMIT 20) AS s ORDER BY {id_} LIMIT 5",
            f"SELECT count(*) FROM (SELECT 1 FROM c LIMIT 11 OFFSET 3) AS s", "SELECT sum(n) FROM (SELECT count(*) AS n FROM c) AS s"])
        sql = f"WITH c AS {materialized}(SELECT * FROM {table.name}{where}) {end}"
        # A self-join may ask for each row by its id, of the servers.
        each = len(demand.all) if "JOIN" in end and table.resource == "servers" else 0
        return Case("cte", (sql,), 0, None, None, lambda ids: 2 * demand.everything() + each, demand, demand.refused)

    def union(self):
        rng = self.rng
        parts, demands = [], []
        kind = rng.choice(["UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"])
        for _ in range(rng.choice([2, 2, 3])):
            table = self.pick_table()
            clauses = self.clauses.conjunction(table)
            demands.append(Demand(self.world, self.setup, table, clauses))
            parts.append(f"SELECT {table.time.name}::timestamptz AS t, {table.id.name}::text AS i"
                         f" FROM {table.name}{self.where(table, clauses)}")
        sql = f" {kind} ".join(parts)
        ending = rng.choice(["", "", "order", "limit", "count"])
        if ending == "order":
            sql = f"SELECT t, i FROM ({sql}) AS u ORDER BY t DESC, i"
        elif ending == "limit":
            sql = f"SELECT t, i FROM ({sql}) AS u ORDER BY t DESC, i LIMIT 15 OFFSET 2"
        elif ending == "count":
            sql = f"SELECT count(*) FROM ({sql}) AS u"
        return Case("union", (sql,), 2 if ending in ("order", "limit") else 0, None, None,
                    lambda ids: sum(demand.everything() for demand in demands), None,
                    any(demand.refused for demand in demands))

    def cursor(self):
        """A query that is read piece by piece."""
        rng = self.rng
        table = self.pick_table()
        clauses = self.clauses.conjunction(table)
        demand = Demand(self.world, self.setup, table, clauses)
        time, id_ = table.time.name, table.id.name
        sql = (f"SELECT {time}, {id_} FROM {table.name}{self.where(table, clauses)} ORDER BY {time} DESC"
               f"{rng.choice(['', ' NULLS LAST'])}, {id_}")
        scroll = rng.random() < 0.4
        moves = ["FETCH 3 FROM c", "FETCH FROM c", "MOVE 5 FROM c", "FETCH 250 FROM c", "FETCH ALL FROM c"]
        if scroll:
            moves += ["FETCH FIRST FROM c", "FETCH BACKWARD 4 FROM c", "FETCH LAST FROM c", "FETCH ABSOLUTE 7 FROM c"]
        hold = rng.choice(["", " WITH HOLD"])
        return Case("cursor", ("BEGIN", f"DECLARE c {'SCROLL' if scroll else 'NO SCROLL'} CURSOR{hold} FOR {sql}",
                               *(rng.choice(moves) for _ in range(rng.randrange(1, 6))), "CLOSE c", "COMMIT"),
                    0, None, None, lambda ids: demand.everything(), demand, demand.refused)

    # Several tables

    def join(self):
        """A join of a table with a local one, with the other list, or with itself."""
        rng = self.rng
        left = self.pick_table("phones")
        clauses = self.clauses.conjunction(left)
        where = self.where(left, clauses, "p.")
        demand = Demand(self.world, self.setup, left, clauses)
        home, status = left.field("server_id"), left.field("status")
        form = rng.choice(["picks", "picks", "servers", "self", "status", "name", "time", "between", "full"])
        kind = rng.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN"])
        other, total = "picks AS o", None
        if form == "picks":
            on = f"o.server_id = p.{home.name}"
        elif form == "servers":
            right = self.pick_table("servers")
            other, on = f"{right.name} AS o", f"o.{right.id.name} = p.{home.name}"
            more = self.clauses.conjunction(right)
            extra = self.where(right, more, "o.").replace(" WHERE ", "", 1)
            if extra:
                where += f" AND {extra}" if where else f" WHERE {extra}"
        elif form == "self":
            right = self.pick_table("phones")
            other, on = f"{right.name} AS o", f"o.{right.id.name} = p.{left.id.name}"
            if rng.random() < 0.5:
                on += f" AND o.{right.field('type').name}::text = p.{left.field('type').name}::text"
        elif form == "status":
            on = f"o.status::text = p.{status.name}::text" if status.type == "text" else f"o.status = p.{status.name}"
            on += rng.choice(["", f" AND o.server_id = p.{home.name}", " AND o.n < 5"])
        elif form == "name":
            name = left.field("phone_name").name
            on = rng.choice([f"o.name = p.{name}", f"p.{name} LIKE o.name || '%'", f"p.{name} ^@ o.name",
                             f"p.{name} IN (o.name, o.server_id)", f"starts_with(p.{name}, o.name)"])
        elif form == "time":
            on = f"p.{left.time.name} > o.since AND o.n < 6"
        elif form == "between":
            on = f"p.{left.time.name} BETWEEN o.since AND o.since + interval '1 day'"
        else:
            kind, on = "FULL JOIN", f"o.server_id = p.{home.name}"
        tables = [f"{left.name} AS p", other]
        if rng.random() < 0.3:
            tables.reverse()
        output = rng.choice([f"p.{left.id.name}, o.*", "count(*)", f"p.{left.id.name}, p.{left.time.name}"])
        sql = f"SELECT {output} FROM {tables[0]} {kind} {tables[1]} ON {on}{where}"
        keys = 0
        if output != "count(*)" and rng.random() < 0.3 and form != "self":
            sql = sql.replace("SELECT ", f"SELECT p.{left.time.name}, p.{left.id.name}, ", 1)
            sql += f" ORDER BY p.{left.time.name} DESC, p.{left.id.name}"
            keys = 2
        return Case("join", (sql,), keys, None, None, None, None, True, self.planner(other.startswith("picks")))

    def semi_join(self):
        rng = self.rng
        left = self.pick_table("phones")
        clauses = self.clauses.conjunction(left)
        where = self.where(left, clauses, "p.")
        home, status = left.field("server_id").name, left.field("status")
        inner = rng.choice([
            f"p.{home} IN (SELECT server_id FROM picks)", f"p.{home} IN (SELECT server_id FROM cph_servers WHERE status = 5)",
            f"EXISTS (SELECT 1 FROM picks o WHERE o.server_id = p.{home} AND o.n > 3)",
            f"NOT EXISTS (SELECT 1 FROM cph_servers s WHERE s.server_id = p.{home})",
            f"NOT EXISTS (SELECT 1 FROM picks o WHERE o.server_id = p.{home})",
            f"p.{home} NOT IN (SELECT server_id FROM cph_servers WHERE network_version = 'v1')",
            f"p.{home} = ANY (ARRAY(SELECT server_id FROM picks WHERE n < 5))",
            f"p.{home} = (SELECT server_id FROM cph_servers ORDER BY create_time DESC, server_id LIMIT 1)",
            f"p.{home} = (SELECT server_id FROM picks WHERE n = 6)",
            f"p.{status.name}::text IN (SELECT status::text FROM picks)",
            f"p.{status.name}::text = (SELECT max(status)::text FROM picks)"])
        sql = f"SELECT p.{left.id.name} FROM {left.name} AS p{where} {'AND' if where else 'WHERE'} {inner}"
        if rng.random() < 0.3:
            sql = f"SELECT count(*) FROM ({sql}) AS s"
        return Case("semi-join", (sql,), refused=True, settings=self.planner())

    def lateral(self):
        """A query for each row of an outer table."""
        rng = self.rng
        inner = self.pick_table("phones")
        clauses = self.clauses.conjunction(inner, 1)
        home, status = inner.field("server_id").name, inner.field("status").name
        time, id_ = inner.time.name, inner.id.name
        outer, key = rng.choice([("picks", "o.server_id"), ("picks", "o.server_id"), ("cph_servers", "o.server_id")])
        on = f"{home} = {key}"
        if outer == "picks" and inner.field("status").family == "integer" and rng.random() < 0.4:
            on = rng.choice([f"{status} = o.status", f"{status} IN (o.status, 8)", f"{status} = ANY (ARRAY[o.status, o.n])",
                             f"{status} = o.status AND {home} = {key}", f"{time} >= o.since", f"{time} < o.since"])
        if rng.random() < 0.2:      # checked here alone: the rows are kept from one outer row to the next
            on = f"left({id_}, 1) = left({key}, 1)"
        where = self.where(inner, clauses)
        where += f" AND {on}" if where else f" WHERE {on}"
        body = rng.choice([
            f"SELECT {time} AS t, {id_} AS i FROM {inner.name}{where} ORDER BY {time} DESC, {id_} LIMIT 2",
            f"SELECT {time} AS t, 'x' AS i FROM {inner.name}{where} ORDER BY {time} DESC LIMIT 3",
            f"SELECT {time} AS t, '' AS i FROM {inner.name}{where} ORDER BY {time} DESC LIMIT 2 OFFSET 1",
            f"SELECT NULL AS t, 'x' AS i FROM {inner.name}{where} LIMIT 2",
            f"SELECT NULL AS t, 'x' AS i FROM {inner.name}{where} LIMIT o.n % 4" if outer == "picks" else
            f"SELECT NULL AS t, 'x' AS i FROM {inner.name}{where} LIMIT 1",
            f"SELECT {time} AS t, {id_} AS i FROM {inner.name}{where}",
            f"SELECT max({time}) AS t, count(*)::text AS i FROM {inner.name}{where}",
            f"SELECT NULL AS t, count(*)::text AS i FROM {inner.name}{where}"])
        name = "o.n::text" if outer == "picks" else "o.server_id"
        join = rng.choice(["CROSS JOIN LATERAL", "LEFT JOIN LATERAL"])
        on_true = " ON true" if join.startswith("LEFT") else ""
        sql = f"SELECT {name}, i.t, i.i FROM {outer} AS o {join} ({body}) AS i{on_true}"
        return Case("lateral", (sql,), refused=True, settings=self.planner())

    def correlated(self):
        """A count, or whether there is a row, for each row of an outer table; values come again and again."""
        rng = self.rng
        inner = self.pick_table("phones")
        clauses = self.clauses.conjunction(inner, 1)
        home, status, id_ = inner.field("server_id"), inner.field("status"), inner.id.name
        on = f"{home.name} = o.server_id"
        if status.type != "text":
            on = rng.choice([on, f"{status.name} = o.status", f"{status.name} = o.n % 3", f"{status.name} = own(o.status)",
                             f"{status.name} = o.status AND length({id_}) > o.n",
                             f"{status.name} IN (o.status, o.n % 2)"])
        where = self.where(inner, clauses)
        where += f" AND {on}" if where else f" WHERE {on}"
        one = f"SELECT {id_} FROM {inner.name}{where} ORDER BY {inner.time.name} DESC, {id_}"
        what = rng.choice([f"(SELECT count(*) FROM {inner.name}{where})"] * 3 + [
            f"(SELECT count(1) + o.n FROM {inner.name}{where})", f"(SELECT max({inner.time.name}) FROM {inner.name}{where})",
            f"(SELECT min({id_}) FROM {inner.name}{where})", f"EXISTS (SELECT 1 FROM {inner.name}{where})",
            f"NOT EXISTS (SELECT 1 FROM {inner.name}{where})", f"({one} LIMIT 1)", f"({one} OFFSET o.n % 5 LIMIT 1)"])
        sql = f"SELECT o.n, {what} FROM picks AS o WHERE o.n < {rng.choice([4, 9, 300])}"
        if "EXISTS" in what and rng.random() < 0.5:
            sql = f"SELECT o.n FROM picks AS o WHERE {what}"
        return Case("correlated", (sql,), refused=True, settings=self.planner())
