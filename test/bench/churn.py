#!/usr/bin/env python3
"""Reads a list that changes while it is read, again and again, and counts what was lost and what came twice.

    churn.py [OPTION]...      needs a PostgreSQL with cph_fdw, which libpq's environment variables name

A simulated service changes its phones after each request.  Each scan is judged by what the service knows: a
phone that met the filter from the scan's first request to its last must be returned once, no phone twice, and
none that never met it.  Beside it stands what plain paging by offset makes of the same list under the same
changes.  The last line is "N passed, N failed"; a scan fails if it lost a phone, returned one twice or one too
many, or ended in an error.
"""

import argparse
import concurrent.futures
import random
import sys

from common import Service, Session

#: What the service may do that the documents leave open: name -> settings.
READINGS = {
    "plain": {},
    "count of all": {"count": "all"},
    "no count": {"count": "absent"},
    "huge count": {"count": 10**6},
    "short pages": {"page_cap": True},      # half of what is asked for
    "bounded start": {},                    # create_time <= a time in the middle of the list
    "shuffled ties": {"ties_shuffled": True},
    "no order": {},
}

#: Options of the server that a reading needs.
OPTIONS = {
    "shuffled ties": {"stable_ties": "false"},
    "no order": {"enable_order_pushdown": "false"},
}


def plain_scan(service, query, limit, in_flight):
    """The ids that paging by offset finds: count says how many pages there are."""
    first = service.fetch(query, 0, limit)
    offsets = range(limit, first["count"], limit)
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        pages = [first] + list(pool.map(lambda offset: service.fetch(query, offset, limit), offsets))
    return [phone["phone_id"] for page in pages for phone in page["phones"]]


def scan(session, query):
    """The ids that a scan returns, and its error or an empty string."""
    lines = session.run(query)
    return ([line for line in lines if len(line) == 32],
            " ".join(line for line in lines if len(line) != 32))


class Tally:
    """What became of the scans of one kind."""

    def __init__(self):
        self.scans = self.failed = self.lost = self.twice = self.strange = self.errors = self.requests = 0

    def judge(self, service, ids, query, among=None, error=None):
        """ids: what a scan returned.  among: the phones that could be meant at all, or None."""
        stayed = set(service.control("GET", f"stayed/phones?{query[1:]}")["ids"])
        ever = set(service.control("GET", f"ever/phones?{query[1:]}")["ids"])
        if among is not None:
            stayed, ever = stayed & among, ever & among
        lost, twice, strange = len(stayed - set(ids)), len(ids) - len(set(ids)), len(set(ids) - ever)
        self.scans += 1
        self.requests += service.control("GET", "stats")["requests"]
        if error:
            self.errors += 1
            print(f"# {error}", file=sys.stderr)
        else:
            self.lost += lost
            self.twice += twice
            self.strange += strange
        self.failed += bool(error or lost or twice or strange)

    def line(self, name):
        return "%-36s %6d %6d %6d %6d %6d %9.1f" % (
            name, self.scans, self.lost, self.twice, self.strange, self.errors, self.requests / self.scans)


def filters_of(service, rng):
    """name -> (query, SQL condition), of values that many phones have."""
    server_id = rng.choice(service.fetch("", 0, 200)["phones"])["server_id"]
    return {
        "all": ("", "true"),
        "one server": (f"&server_id={server_id}", f"server_id = '{server_id}'"),
        "one status": ("&status=2", "status = 2"),
    }


def older_half(service):
    """A condition that the older half of the list meets, and the ids that do."""
    rows = [line.split("\t") for line in service.copy().splitlines()]
    time = rows[len(rows) // 2][-2]
    return f" AND create_time <= '{time}'", {row[2] for row in rows if row[-2] <= time}


def begin(service):
    """From here on the service counts requests and remembers who stayed."""
    service.control("POST", "mark")
    service.control("DELETE", "log")


def measure(session, arguments, reading, seed):
    """Scans under one reading: {name: Tally}."""
    tallies = {}
    service = Service(phones=arguments.phones, servers=arguments.servers, seed=seed, ties=arguments.ties)
    settings = dict(READINGS[reading], churn=arguments.changes)
    if settings.get("page_cap"):
        settings["page_cap"] = max(arguments.page // 2, 2)
    session.attach("churn", service, fetch_size=arguments.page, max_concurrent_requests=arguments.in_flight,
                   **OPTIONS.get(reading, {}))
    service.control("POST", "set", settings)
    for name, (query, condition) in filters_of(service, random.Random(seed)).items():
        tally = tallies[f"{reading}: {name}"] = Tally()
        other = Tally()
        for _ in range(arguments.scans):
            bound, among = older_half(service) if reading == "bounded start" else ("", None)
            begin(service)
            ids, error = scan(session, f"SELECT phone_id FROM churn WHERE {condition}{bound}")
            tally.judge(service, ids, query, among, error)
            if arguments.compare:
                begin(service)
                other.judge(service, plain_scan(service, query, arguments.page, arguments.in_flight), query)
        if arguments.compare:
            tallies[f"paging by offset: {name}"] = other
    service.stop()
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, meaning in (
            ("scans", 200, "scans of each kind"), ("phones", 5000, "at the start"), ("servers", 4, "of the phones"),
            ("changes", 5, "after each request"), ("in-flight", 8, "requests of a scan at once"),
            ("page", 200, "rows to ask for"), ("seed", 1, "of the first service's data")):
        parser.add_argument("--" + name, type=int, default=default, help=f"{meaning} (default {default})")
    parser.add_argument("--ties", type=float, default=.3, help="as of test/service (default 0.3)")
    parser.add_argument("--reading", action="append", choices=READINGS,
                        help="of the service, repeatable (default: plain)")
    parser.add_argument("--compare", action="store_true", help="also page by offset")
    arguments = parser.parse_args()
    session = Session()
    passed = failed = 0
    print("%-36s %6s %6s %6s %6s %6s %9s" % ("", "scans", "lost", "twice", "other", "errors", "requests"))
    for number, reading in enumerate(arguments.reading or ["plain"]):
        for name, tally in measure(session, arguments, reading, arguments.seed + number).items():
            print(tally.line(name), flush=True)
            if not name.startswith("paging by offset"):
                passed += tally.scans - tally.failed
                failed += tally.failed
    session.detach("churn")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
