"""The kinds of query that the soak runs, each with what its answer must be while the list changes.

A query is judged by what the service knows of the time in which it ran: which phones met a filter all the
time, and which at any time.  The filters of a query are texts as the service's control paths have them.

Copyright (c) 2026, the cph_fdw developers
"""


ID = 32     # characters of a phone's id


class Query:
    """Commands that print keys, a line each: an id behind a prefix.  filters: prefix -> what its ids are the rows of."""

    def __init__(self, *commands, filters=None, check="all"):
        self.commands = commands
        self.filters = filters or {"": ""}
        self.check = check

    def judge(self, service, keys):
        """What is wrong with the keys, or an empty string."""
        if self.check == "count":
            verdict = service.judge([], self.filters[""])
            good = len(keys) == 1 and verdict["stayed"] <= int(keys[0]) <= verdict["ever"]
            return "" if good else f"{keys} is not one number from {verdict['stayed']} to {verdict['ever']}"
        ids = {prefix: [] for prefix in self.filters}
        for key in keys:
            ids.setdefault(key[:-ID], []).append(key[-ID:])
        problems = [f"{prefix}: not asked for" for prefix in ids.keys() - self.filters.keys()]
        for prefix, text in self.filters.items():
            verdict = service.judge(ids[prefix], text)
            if self.check != "all":     # the first rows were enough
                del verdict["lost"]
            if self.check == "newest" and not verdict["newest"]:
                problems.append("not the newest, in the list's order")
            problems += [f"{prefix}{each}: {len(verdict[each])} {meaning}"
                         for each, meaning in WRONG.items() if verdict.get(each)]
        return ", ".join(problems)


WRONG = {"lost": "that stayed are not there", "twice": "are there twice", "strange": "never met the clauses"}

#: Statuses that phones have; 1 is one that the service may answer with others.
STATUSES = (2, 8, 7, 1)


def everything(rng, phone):
    return Query("SELECT phone_id FROM cph_phones")


def status(rng, phone):
    value = rng.choice(STATUSES)
    return Query(f"SELECT phone_id FROM cph_phones WHERE status = {value}", filters={"": f"status={value}"})


def statuses(rng, phone):
    # A phone may change from one to another meanwhile, and is missed then: one that kept its status is not.
    values = rng.sample((8, 7, 1, 3, 4, 6, -7), rng.randint(2, 5))
    return Query("SELECT status || ' ' || phone_id FROM cph_phones WHERE status IN (%s)" % ", ".join(map(str, values)),
                 filters={f"{value} ": f"status={value}" for value in values})


def server(rng, phone):
    return Query(f"SELECT phone_id FROM cph_phones WHERE server_id = '{phone['server_id']}'",
                 filters={"": f"server_id={phone['server_id']}"})


def name(rng, phone):
    prefix = phone["phone_name"][:-2]
    return Query(f"SELECT phone_id FROM cph_phones WHERE phone_name LIKE '{prefix}%'",
                 filters={"": f"phone_name={prefix}"})


def newest(rng, phone):
    return Query(f"SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT {rng.randint(1, 450)}",
                 check="newest")


def count(rng, phone):
    value = rng.choice(STATUSES[:2])
    clause, text = rng.choice((("", ""), (f" WHERE status = {value}", f"status={value}")))
    return Query(f"SELECT count(*) FROM cph_phones{clause}", filters={"": text}, check="count")


def join(rng, phone):
    servers = phone["servers"]
    join = rng.choice(("JOIN cph_phones p USING (server_id)",
                       "JOIN LATERAL (SELECT phone_id FROM cph_phones WHERE server_id = s.server_id OFFSET 0) p ON true"))
    return Query(f"SELECT s.server_id || ' ' || p.phone_id FROM cph_servers s {join}",
                 filters={f"{each} ": f"server_id={each}" for each in servers})


def union(rng, phone):
    # Below Append, at once.
    return Query("SELECT 'a' || phone_id FROM cph_phones WHERE status = 8 UNION ALL SELECT 'b' || phone_id FROM again",
                 filters={"a": "status=8", "b": ""})


def cursor(rng, phone):
    fetch = f"FETCH {rng.randint(1, 400)} FROM c"
    begin = ("BEGIN", "DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones", fetch, "SAVEPOINT s", fetch)
    if rng.random() < .5:
        return Query(*begin, "ROLLBACK", check="part")
    return Query(*begin, "ROLLBACK TO s", fetch, "FETCH ALL FROM c", "COMMIT")


KINDS = (everything, status, statuses, server, name, newest, count, join, union, cursor)
