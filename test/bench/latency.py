"""Times where the service's latency counts: beside a bare program, curl and jq, and a loop in SQL.

Copyright (c) 2026, the cph_fdw developers
"""

import os
import shutil
import subprocess
import time

from common import PROJECT, TOKEN, Service, Session, floor
from loop import COLUMNS, TYPED, make_loops

LONG = 6        # seconds of waiting from which a time is taken once: the waiting is most of it

#: All pages, one after the other, as a script would read them.
JQ = r""".phones[] | [{}] | @csv""".format(", ".join(
    f"(.{name} | if . == null then null else tojson end)" if name == "metadata" else f".{name}" for name in COLUMNS))
CURL = ["curl", "-sS", "--no-progress-meter", "--fail", "--compressed", "-H", f"X-Auth-Token: {TOKEN}"]


def run(bench):
    phones = 2_000 if bench.quick else 20_000
    latencies, in_flight = ((0, 10), (1, 8)) if bench.quick else ((0, 10, 50, 200), (1, 4, 8, 16))
    service = Service(phones=phones, servers=phones // 100)
    session = Session()
    for number in in_flight:
        session.attach_all(f"flight{number}", service, max_concurrent_requests=number)
    has_loop = make_loops(session, service)
    times = {}      # (who, latency, in flight) -> seconds
    for latency in latencies:
        service.no_faults()
        if latency:
            service.fault("latency", ms=latency)
        for number in in_flight:
            waiting = latency / 1000 * phones / 199 / number
            for _ in range(1 if waiting > LONG else bench.rounds):
                for who, seconds in contest(bench, session, service, phones, number, has_loop):
                    times.setdefault((who, latency, number), []).append(seconds)
    session.close()
    service.stop()
    median = {key: bench.median(each) for key, each in times.items()}
    tell(bench, phones, median, has_loop)


def contest(bench, session, service, phones, number, has_loop):
    """(who, seconds) of all that read the list with so many requests in flight."""
    table = f"flight{number}.cph_phones"
    yield "bare fetch", floor(bench, "fetch", service, phones, number).clock
    yield "cph_fdw, count", session.measure(f"SELECT count(phone_id) FROM {table}").clock
    yield "cph_fdw, into a table", session.measure(f"CREATE TEMP TABLE copied AS SELECT * FROM {table}",
                                                   "DROP TABLE copied").clock
    if shutil.which("curl") and shutil.which("jq"):
        yield "curl, jq, COPY", pipeline(bench, session, service, phones, number)
    if has_loop and number == 1:
        yield "loop over http", session.measure(f"SELECT count(phone_id) FROM phones_by_jsonb({phones})").clock


def pipeline(bench, session, service, phones, number):
    """Seconds of curl, jq and COPY into a table: a stream of pages, or so many at once into files."""
    url = f"{service.url}/v1/{PROJECT}/cloud-phone/phones?limit=200&offset=[0-{phones - 1}:200]"
    session.do("DROP TABLE IF EXISTS loaded", f"CREATE TABLE loaded ({TYPED})")
    start = time.monotonic()
    if number == 1:
        fetching = subprocess.Popen([*CURL, url], stdout=subprocess.PIPE)
        parsing = subprocess.Popen(["jq", "-r", JQ], stdin=fetching.stdout, stdout=subprocess.PIPE)
    else:
        pages = os.path.join(bench.directory, "pages")
        os.makedirs(pages, exist_ok=True)
        subprocess.run([*CURL, "-Z", "--parallel-max", str(number), "-o", os.path.join(pages, "#1"), url], check=True)
        files = [os.path.join(pages, str(offset)) for offset in range(0, phones, 200)]
        parsing = subprocess.Popen(["jq", "-r", JQ, *files], stdout=subprocess.PIPE)
    subprocess.run(["psql", "-X", "-q", "-c", r"\copy loaded FROM STDIN (FORMAT csv)"], stdin=parsing.stdout,
                   check=True)
    seconds = time.monotonic() - start
    for process in (parsing, *([fetching] if number == 1 else [])):
        process.stdout.close()
        if process.wait() != 0:
            raise SystemExit(f"{process.args[0]} failed")
    if session.value("SELECT count(*) FROM loaded") != str(phones):
        raise SystemExit("not all phones were loaded")
    return seconds


# --- What was found -----------------------------------------------------------

def tell(bench, phones, median, has_loop):
    report = bench.report
    report.section(f"Seconds to read {phones:,} phones, by latency and requests in flight",
                   "`count` is `SELECT count(phone_id)`; curl and jq load a table of 17 columns, with several requests "
                   "in flight through files; the loop in SQL asks for one page after the other with the extension http, "
                   "takes it apart by `jsonb_to_recordset`, and counts.", "![latency](latency.svg)")
    names = list(dict.fromkeys(who for who, _, _ in median))
    settings = list(dict.fromkeys((latency, number) for _, latency, number in median))
    report.table(("latency, in flight", *names),
                 [(f"{latency} ms, {number}", *(f"{median[who, latency, number]:.3f}"
                                                if (who, latency, number) in median else "" for who in names))
                  for latency, number in settings])
    if (50, 8) not in settings:
        return
    report.most("50 ms, 8 in flight / bare fetch", median["cph_fdw, count", 50, 8] / median["bare fetch", 50, 8], 1.15)
    report.least("50 ms, 1 in flight / 8", median["cph_fdw, count", 50, 1] / median["cph_fdw, count", 50, 8], 6)
    if has_loop:
        report.least("50 ms, loop over http / 8 in flight",
                     median["loop over http", 50, 1] / median["cph_fdw, count", 50, 8], 7)


def union(bench):
    """Four services in a UNION ALL view, beside one of them."""
    phones = 500 if bench.quick else 5_000
    services = [Service(phones=phones, servers=phones // 100, seed=number) for number in range(4)]
    session = Session()
    for number, service in enumerate(services):
        session.attach_all(f"region{number}", service)
        service.fault("latency", ms=50)
    view = " UNION ALL ".join(f"SELECT phone_name FROM region{number}.cph_phones" for number in range(4))
    ones, alls = [], []
    for number in range(bench.rounds):
        ones.append(session.measure(f"SELECT count(phone_name) FROM region{number % 4}.cph_phones").clock)
        alls.append(session.measure(f"SELECT count(phone_name) FROM ({view}) AS phones").clock)
    session.close()
    for service in services:
        service.stop()
    one, four = bench.median(ones), bench.median(alls)
    bench.report.section(f"Seconds of {phones:,} phones at 50 ms, of one service and of each of four in a UNION ALL")
    bench.report.table(("", "seconds"), [("one service", f"{one:.2f}"), ("four services", f"{four:.2f}")])
    bench.report.most("four services at once / one", four / one, 1.3)
