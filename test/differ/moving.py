"""Random queries on phones that go, come and change while a query runs.

There is no copy to compare with: the service knows which phones met a filter all the time, and which at any
time.  Only what it can judge is drawn: the ids and the number of the rows of one table.
"""

from .clauses import Value, quote
from .tables import INTEGERS

WRONG = {"lost": "that stayed are not there", "twice": "are there twice", "strange": "never met the clauses"}
STATUSES = (2, 2, 8, 8, 7, 1, 3, 4, 6, -7, -5, 0, 99)


class Moving:
    """Makes queries, and what judges their rows, out of a random generator and a world."""

    def __init__(self, rng, world, shapes):
        self.rng = rng
        self.world = world
        self.shapes = shapes

    def statements(self):
        """The statements of a query, and the judge of its rows."""
        rng = self.rng
        table = self.shapes.pick_table("phones")
        filters = {field: value for field, value in table.where}
        terms, values = [], []

        def equal(field, text):
            column = table.field(field)
            filters[field] = text
            terms.append(column.name + " = {%d}" % len(values))
            values.append(Value(text if column.type in INTEGERS else quote(text),
                                column.type if column.type in INTEGERS else "text"))

        if "status" not in filters and rng.random() < 0.6:
            equal("status", str(rng.choice(STATUSES)))
        rows = self.world.rows["phones"]
        if rng.random() < 0.3:
            equal("server_id", rng.choice([row for row in rows if row["server_id"]])["server_id"])
        if rng.random() < 0.15 and table.field("type") and table.field("type").type in INTEGERS:
            equal("type", "0")
        since = None
        if table.time.family == "time" and rng.random() < 0.35:
            since = rng.choice((">=", "<=")), rng.choice(rows[len(rows) // 10:])["create_time"]
            terms.append(f"{table.time.name} {since[0]} {{{len(values)}}}")
            values.append(Value(f"'{since[1]}'::timestamptz", "timestamptz"))
        return self.form(table, filters, terms, values, since)

    def form(self, table, filters, terms, values, since):
        """Rows or their number, prepared or not."""
        rng = self.rng
        counted = rng.random() < 0.4
        several = not counted and "status" not in filters and rng.random() < 0.5
        statuses = rng.sample(sorted(set(STATUSES)), rng.randint(2, 5)) if several else []
        id_, status, time = table.id.name, table.field("status"), table.time.name
        keys = "count(*)" if counted else id_
        if several:
            keys = f"{status.name}, {id_}"
            terms = [*terms, f"{status.name} IN ({', '.join(quote(str(each)) for each in statuses)})"]
        window = None
        order = rng.choice(["", "", f" ORDER BY {time} DESC", f" ORDER BY {time} DESC, {id_}"]) if not counted else ""
        if order.endswith("DESC") and not several and rng.random() < 0.5:
            window = str(rng.choice([1, 10, 50, 200, 450])), None

        def text(shown, limit):
            where = " AND ".join(terms).format(*(shown or [value.sql for value in values]))
            return (f"SELECT {keys} FROM {table.name}" + (f" WHERE {where}" if where else "") + order +
                    (f" LIMIT {limit[0]}" if limit else ""))

        if rng.random() < 0.3:
            statements = self.shapes.prepare(text, values, window)
        else:
            shown = [self.shapes.nested(value, True) if rng.random() < 0.1 else value.sql for value in values]
            statements = (text(shown, window),)
        return statements, Judge(self.world, filters, statuses, since, counted, int(window[0]) if window else None)


def query_of(filters):
    return "&".join(f"{field}={value}" for field, value in filters.items())


class Judge:
    """Says what is wrong with the rows of a query."""

    def __init__(self, world, filters, statuses, since, counted, wanted):
        self.world = world
        self.rows = world.rows["phones"]
        self.filters = filters
        self.statuses = statuses
        self.since = since
        self.counted = counted
        self.wanted = wanted    # so many of the newest, or None: all

    def __call__(self, service, rows):
        if self.counted:
            verdict = self.verdict(service, [], self.filters)
            number = int(rows[0][0])
            good = verdict["stayed"] <= number <= verdict["ever"]
            return [] if good else [f"{number} is not from {verdict['stayed']} to {verdict['ever']}"]
        if not self.statuses:
            ids = [row[0] for row in rows]
            return self.complaints(service, ids, self.filters) + self.not_newest(service, ids)
        problems = [f"{row}: not asked for" for row in rows if int(row[0]) not in self.statuses]
        for status in self.statuses:
            ids = [row[1] for row in rows if row[0] == str(status)]
            problems += self.complaints(service, ids, {**self.filters, "status": str(status)})
        return problems

    def complaints(self, service, ids, filters):
        """What the service says of ids, as texts."""
        verdict = self.verdict(service, ids, filters)
        enough = self.wanted is not None and len(ids) >= self.wanted
        problems = [f"{len(verdict[each])} {meaning}: {verdict[each][:3]}" for each, meaning in WRONG.items()
                    if verdict[each] and not (each == "lost" and enough)]
        if enough and len(ids) > self.wanted:
            problems.append(f"{len(ids)} rows, not {self.wanted}")
        return problems

    def not_newest(self, service, ids):
        """Complains if ids are not those of the newest rows, in an order of their times."""
        if self.wanted is None:
            return []
        times = {row["phone_id"]: row["create_time"] for row in self.world.phones(service)}
        found = [times[each] for each in ids if each in times]      # the others have gone
        problems = [] if found == sorted(found, reverse=True) else ["not in the order of their times"]
        among = self.among(service)
        missing = [each for each in service.control("GET", f"stayed/phones?{query_of(self.filters)}")["ids"]
                   if found and times[each] > found[-1] and each not in ids and (among is None or each in among)]
        if missing:
            problems.append(f"{len(missing)} that stayed are newer: {missing[:3]}")
        return problems

    def verdict(self, service, ids, filters):
        """What the service says of ids, given the filters and the bound of the time."""
        return service.judge(ids, query_of(filters), self.among(service))

    def among(self, service):
        """The ids that the bound leaves, or None; who came since the world was read is newer than any bound."""
        if self.since is None:
            return None
        op, bound = self.since
        older = {row["phone_id"] for row in self.rows if row["create_time"] < bound}
        upper = {row["phone_id"] for row in self.rows if row["create_time"] <= bound}
        return upper if op == "<=" else set(service.control("GET", "ever/phones")["ids"]) - older
