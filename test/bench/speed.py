#!/usr/bin/env python3
"""Times and memory of long scans, against what the network alone would need.

    speed.py [--rounds N] [scan] [union] [memory]

    scan      20,000 phones, 50 ms a request: 8 requests in flight and 1, and a bare libcurl program that fetches the
              same pages with 8 in flight
    union     four services of 5,000 phones, 50 ms a request, in a UNION ALL view, and one of them
    memory    1,000,000 phones and 10,000, 16 requests in flight: the most memory that the backend had

All three by default.  Needs a PostgreSQL with cph_fdw, which libpq's environment variables name, and for scan a C
compiler and libcurl.  What is compared is run in turn; the figures are medians.  The last line is "N passed,
N failed".
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from common import BENCH, PROJECT, TOKEN, Service, Session

LATENCY = {"kind": "latency", "ms": 50}


def seconds(session, query):
    """The time of a query that prints one line, and the line."""
    start = time.monotonic()
    lines = session.run(query)
    if len(lines) != 1:
        sys.exit("\n".join(lines))
    return time.monotonic() - start, lines[0]


def build_floor(directory):
    program = os.path.join(directory, "floor")
    subprocess.run(["cc", "-O2", "-o", program, os.path.join(BENCH, "floor.c"), "-lcurl"], check=True)
    return program


def floor(program, service, rows, page, in_flight):
    return float(subprocess.run(
        [program, f"{service.url}/v1/{PROJECT}/cloud-phone/phones", TOKEN, str(rows), str(page), str(in_flight)],
        check=True, capture_output=True, text=True).stdout)


class Report:
    """Prints what was found beside what was promised."""

    def __init__(self):
        self.passed = self.failed = 0

    def bound(self, name, found, most):
        good = found <= most
        self.passed += good
        self.failed += not good
        print(f"{name}: {found:.2f}, at most {most:.2f}: {'good' if good else 'NOT GOOD'}", flush=True)


def scan(rounds, report):
    times = {"floor": [], "8": [], "1": []}
    service = Service(phones=20000, servers=200)
    session = Session()
    for in_flight in ("8", "1"):
        session.attach("bench" + in_flight, service, max_concurrent_requests=in_flight)
    service.control("POST", "fault", LATENCY)
    with tempfile.TemporaryDirectory() as directory:
        program = build_floor(directory)
        for number in range(rounds):
            times["floor"].append(floor(program, service, 20000, 200, 8))
            times["8"].append(seconds(session, "SELECT count(phone_name) FROM bench8")[0])
            if number == 0:
                times["1"].append(seconds(session, "SELECT count(phone_name) FROM bench1")[0])
    session.detach("bench1", "bench8")
    service.stop()
    median = {name: statistics.median(each) for name, each in times.items()}
    print("20,000 phones: bare libcurl %.3f s, 8 in flight %.3f s, 1 in flight %.3f s"
          % (median["floor"], median["8"], median["1"]))
    report.bound("8 in flight / bare libcurl", median["8"] / median["floor"], 1.15)
    report.bound("8 in flight / 1 in flight", median["8"] / median["1"], 1 / 6)


def union(rounds, report):
    services = [Service(phones=5000, servers=50, seed=number) for number in range(4)]
    session = Session()
    names = [f"bench{number}" for number in range(4)]
    for name, service in zip(names, services):
        session.attach(name, service)
        service.control("POST", "fault", LATENCY)
    view = " UNION ALL ".join(f"SELECT phone_name FROM {name}" for name in names)
    ones, alls = [], []
    for number in range(rounds):
        ones.append(seconds(session, f"SELECT count(phone_name) FROM bench{number % 4}")[0])
        alls.append(seconds(session, f"SELECT count(phone_name) FROM ({view}) AS phones")[0])
    session.detach(*names)
    for service in services:
        service.stop()
    one, four = statistics.median(ones), statistics.median(alls)
    print("5,000 phones of one service %.3f s, of each of four %.3f s" % (one, four))
    report.bound("four services / one", four / one, 1.3)


def most_memory(service, rows):
    """The largest size, in MB, of a backend that has read a list."""
    session = Session()
    session.attach("bench", service, max_concurrent_requests=16)
    found = seconds(session, "SELECT count(phone_name) FROM bench")
    if found[1] != str(rows):
        sys.exit(f"{found[1]} rows instead of {rows}")
    # The server may run as another user, who alone may look.
    status = session.run("SELECT pg_read_file('/proc/self/status')")
    session.detach("bench")
    print("%d phones in %.1f s" % (rows, found[0]))
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def memory(rounds, report):
    sizes = []
    for phones in (10000, 1000000):
        service = Service(phones=phones, servers=phones // 100)
        service.control("POST", "warm")
        sizes.append(most_memory(service, phones))
        service.stop()
    print("most memory: %.1f MB for 10,000 phones, %.1f MB for 1,000,000" % tuple(sizes))
    report.bound("MB more", sizes[1] - sizes[0], 24)


def main():
    parts = {"scan": scan, "union": union, "memory": memory}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    report = Report()
    for name in arguments.parts or parts:
        if name not in parts:
            parser.error(f"no such part: {name}")
        parts[name](arguments.rounds, report)
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
