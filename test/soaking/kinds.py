"""The kinds of query that the soak runs, each with what its answer must be while the list changes.

A query is judged by what the service knows of the time in which it ran: which phones met a filter all the
time, and which at any time.  The filters of a query are texts as the service's control paths have them.

Copyright (c) 2026, the cph_fdw developers
"""


class Query:
    """Commands that print keys, a line each; filters: what the keys are the rows of, with a prefix for each."""

    def __init__(self, *commands, filters=None, check="all"):
        self.commands = commands
        self.filters = filters or {"": ""}
        self.check = check

    def judge(self, history, keys):
        """What is wrong with the keys, or an empty string."""
        stayed = [prefix + key for prefix, text in self.filters.items() for key in history.stayed(text)]
        ever = {prefix + key for prefix, text in self.filters.items() for key in history.ever(text)}
        if self.check == "count":
            good = len(keys) == 1 and len(stayed) <= int(keys[0]) <= len(ever)
            return "" if good else f"{keys} is not one number from {len(stayed)} to {len(ever)}"
        wanted = set(stayed)
        if self.check == "newest":
            # The list's own order: newest first.
            seen = [key for key in keys if key in wanted]
            if seen != stayed[:len(seen)]:
                return "not the newest, in the list's order"
        lost = 0 if self.check != "all" else len(wanted.difference(keys))
        found = {"lost": lost, "twice": len(keys) - len(set(keys)), "never there": len(set(keys) - ever)}
        return ", ".join(f"{number} {name}" for name, number in found.items() if number)


class History:
    """What the service knows since the mark; each filter is asked for once."""

    def __init__(self, service):
        self.service = service
        self.known = {}

    def ids(self, which, text):
        if (which, text) not in self.known:
            self.known[which, text] = self.service.control("GET", f"{which}/phones?{text}")["ids"]
        return self.known[which, text]

    def stayed(self, text):
        """Newest first."""
        return self.ids("stayed", text)[::-1]

    def ever(self, text):
        return self.ids("ever", text)


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
