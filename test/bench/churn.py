#!/usr/bin/env python3
"""Reads a list that changes while it is read, again and again, and counts what was lost and what came twice.

    churn.py [OPTION]...      needs a PostgreSQL with cph_fdw, which libpq's environment variables name

A simulated service changes its phones, or another list, after each request.  Each scan is judged by what the
service knows: a row that met the filter from the scan's first request to its last must be returned once, none
twice, and none that never met it.  Beside it stands what plain paging by offset makes of the same list of phones
under the same changes.  The last line is "N passed, N failed"; a scan fails if it lost a row, returned one twice
or one too many, or ended in an error.
"""

import argparse
import concurrent.futures
import random
import sys

from common import Service, Session
from differ.readings import READINGS
from simulator.client import pairs_of
from simulator.resources import RESOURCES


def plain_scan(service, query, limit, in_flight):
    """The ids that paging by offset finds: count says how many pages there are."""
    first = service.page(query, 0, limit)
    offsets = range(limit, first["count"], limit)
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        pages = [first] + list(pool.map(lambda offset: service.page(query, offset, limit), offsets))
    return [phone["phone_id"] for page in pages for phone in page["phones"]]


def scan(session, query):
    """The ids that a scan returns, each behind a mark, and its error or an empty string."""
    lines = session.run(query)
    return ([line[1:] for line in lines if line[:1] == "="],
            " ".join(line for line in lines if line[:1] != "="))


class Tally:
    """What became of the scans of one kind."""

    def __init__(self):
        self.scans = self.failed = self.lost = self.twice = self.strange = self.errors = self.requests = 0

    def judge(self, service, ids, query, among=None, error=None, name="phones"):
        """ids: what a scan returned.  among: the rows that could be meant at all, or None."""
        verdict = service.judge(ids, query[1:], among, name)
        lost, twice, strange = (len(verdict[each]) for each in ("lost", "twice", "strange"))
        self.scans += 1
        self.requests += service.stats()["requests"]
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


def filters_of(service, rng, resource):
    """name -> (query, SQL condition), of values that many rows have."""
    filters = {"all": ("", "true")}
    if "server_id" in resource.parameters and resource.id_field != "server_id":
        items = service.page("", 0, 100, resource.path)[resource.item_key]
        server_id = rng.choice(items)["server_id"]
        filters["one server"] = f"&server_id={server_id}", f"server_id = '{server_id}'"
    if "status" in resource.parameters:
        status = {"phones": 2, "servers": 5}.get(resource.name, 1)
        filters["one status"] = f"&status={status}", f"status = {status}"
    return filters


def older_half(service):
    """A condition that the older half of the list meets, and the ids that do."""
    rows = [line.split("\t") for line in service.copy().splitlines()]
    time = rows[len(rows) // 2][-2]
    return f" AND create_time <= '{time}'", {row[2] for row in rows if row[-2] <= time}


def measure(session, arguments, name, seed):
    """Scans under one reading: {name: Tally}."""
    tallies = {}
    reading = READINGS[name]
    resource = RESOURCES[arguments.list]
    number = {"phone_models": "models"}.get(resource.name, resource.name)   # what the service calls how many
    service = Service(**{"phones": 10, "servers": arguments.servers, "seed": seed, "ties": arguments.ties,
                         number: arguments.phones, **reading.reset})
    session.attach_all("churn", service, **{
        "fetch_size": arguments.page, "max_concurrent_requests": arguments.in_flight, **reading.fixed,
        **pairs_of(arguments.option)})
    service.set(**{**reading.settings, "changing": resource.name, "churn": arguments.changes, **pairs_of(arguments.set)})
    for filtered, (query, condition) in filters_of(service, random.Random(seed), resource).items():
        tally = tallies[f"{name}: {filtered}"] = Tally()
        other = Tally()
        for _ in range(arguments.scans):
            bound, among = older_half(service) if arguments.bounded else ("", None)
            service.mark()
            ids, error = scan(session, f"SELECT '=' || {resource.id_field} FROM churn.cph_{resource.name} "
                              f"WHERE {condition}{bound}")
            tally.judge(service, ids, query, among, error, resource.name)
            if arguments.compare:
                service.mark()
                other.judge(service, plain_scan(service, query, arguments.page, arguments.in_flight), query)
        if arguments.compare:
            tallies[f"paging by offset: {filtered}"] = other
    service.stop()
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, meaning in (
            ("scans", 200, "scans of each kind"), ("phones", 5000, "rows of the list at the start"),
            ("servers", 4, "of the phones"),
            ("changes", 5, "after each request"), ("in-flight", 8, "requests of a scan at once"),
            ("page", 200, "rows to ask for"), ("seed", 1, "of the first service's data")):
        parser.add_argument("--" + name, type=int, default=default, help=f"{meaning} (default {default})")
    parser.add_argument("--list", choices=RESOURCES, default="phones", help="that changes and is read (default phones)")
    parser.add_argument("--ties", type=float, default=.3, help="as of test/service (default 0.3)")
    parser.add_argument("--reading", action="append", choices=READINGS,
                        help="of the service, as of test/differential, repeatable (default: plain)")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="of the service, repeatable")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the server, repeatable")
    parser.add_argument("--bounded", action="store_true", help="ask for create_time <= a time in the middle of the list")
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
