"""What a row costs the processor, beside bare programs that fetch the same pages and parse them or do not.

Copyright (c) 2026, the cph_fdw developers
"""

import os
import re
import shutil
import subprocess

from common import Service, Session, floor, server_commands
from loop import COLUMNS, WAYS, make_loops

COUNT = "SELECT " + ", ".join(f"count({name})" for name in COLUMNS)
IN_FLIGHT = 8
MOST = 40       # functions to show
NAMES = {"count": "`cph_fdw`, `count(c1), …, count(c17)`", "few": "`cph_fdw`, `count(phone_id)`",
         "all": "`cph_fdw`, `SELECT *`", "phones_by_json": "loop in SQL over http, `json` and `->>`",
         "phones_by_jsonb": "loop in SQL over http, `jsonb_to_recordset`",
         "parse": "bare fetch and parse", "fetch": "bare fetch"}


def run(bench):
    phones = 5_000 if bench.quick else 200_000
    service = Service(phones=phones, servers=phones // 100)
    service.control("POST", "warm")
    session = Session()
    session.attach_all("bench", service, max_concurrent_requests=IN_FLIGHT)
    queries = {"count": (f"{COUNT} FROM bench.cph_phones",),
               "few": ("SELECT count(phone_id) FROM bench.cph_phones",),
               "all": (r"\o /dev/null", "SELECT * FROM bench.cph_phones", r"\o")}
    if make_loops(session, service):
        for name in WAYS:
            queries[name] = (f"{COUNT} FROM {name}({phones})",)
    session.measure(*queries["count"])
    used = {name: [] for name in NAMES if name in queries or name in ("parse", "fetch")}
    for _ in range(bench.rounds):
        for name, commands in queries.items():
            used[name].append(session.measure(*commands))
        for name in ("parse", "fetch"):
            used[name].append(floor(bench, name, service, phones, IN_FLIGHT))
    session.close()
    service.stop()
    whole, system = ({name: bench.median([getattr(each, which) for each in times]) for name, times in used.items()}
                     for which in ("processor", "system"))
    report = bench.report
    report.section(f"Processor time a row, {phones:,} phones at 0 ms, {IN_FLIGHT} in flight",
                   "User and system time of the backend, or of the program.")
    report.table(("", "µs a row", "of these in the system", "beside fetch and parse"),
                 [(NAMES[name], f"{whole[name] / phones * 1e6:.2f}", f"{system[name] / phones * 1e6:.2f}",
                   f"{whole[name] / whole['parse']:.2f}") for name in used])
    report.most("processor time of 17 columns / bare fetch and parse", whole["count"] / whole["parse"], 1.35)
    if "phones_by_json" in used:
        report.least("processor time of the loop over http with json / of 17 columns",
                     whole["phones_by_json"] / whole["count"], 3)


# --- Instructions -------------------------------------------------------------

def callgrind(bench):
    """Instructions a row, and the functions that take most of them; needs valgrind."""
    if not shutil.which("valgrind"):
        bench.report.section("Instructions a row", "valgrind is not installed.")
        return
    phones = 2_000 if bench.quick else 20_000
    service = Service(phones=phones, servers=phones // 100)
    service.control("POST", "warm")
    bench.report.section(f"Instructions a row, {phones:,} phones", "Counted by valgrind's callgrind.")
    backend = callgrind_backend(bench, service)
    out = os.path.join(bench.directory, "floor.callgrind")
    floor(bench, "parse", service, phones, IN_FLIGHT,
          "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=main")
    service.stop()
    sums = {"backend": total(backend), "bare": total(out)}
    bench.report.table(("", "instructions a row", "beside fetch and parse"),
                       [(NAMES[name], f"{sums[who] / phones:,.0f}", f"{sums[who] / sums['bare']:.2f}")
                        for name, who in (("count", "backend"), ("parse", "bare"))])
    bench.report.text("Functions by themselves, and what they take in the bare program:")
    bare = functions(out)
    bench.report.table(("function", "instructions a row", "bare", "library"),
                       [(f"`{name}`", f"{count / phones:,.0f}", f"{bare.get((name, library), 0) / phones:,.0f}",
                         library)
                        for (name, library), count in list(functions(backend).items())[:MOST]])
    bench.report.text("With what they call:")
    bench.report.table(("function", "instructions a row", "library"),
                       [(f"`{name}`", f"{count / phones:,.0f}", library)
                        for (name, library), count in functions(backend, "--inclusive=yes").items()
                        if count < sums["backend"]][:MOST])


def callgrind_backend(bench, service):
    """Counts what the executor does for COUNT in a single-user server of its own; returns callgrind's file.

    Single-user, since callgrind then has one process to follow, whose every query but the last is no plan
    that the executor runs: only what happens below standard_ExecutorRun is counted.
    """
    data, out = (os.path.join(bench.directory, name) for name in ("callgrind-data", "backend.callgrind"))
    subprocess.run(["initdb", "-D", data, "-U", "postgres", "-N", "-E", "UTF8", "--locale=C"], check=True,
                   capture_output=True)
    commands = [*server_commands("bench", service, max_concurrent_requests=IN_FLIGHT),
                "IMPORT FOREIGN SCHEMA cph FROM SERVER bench INTO public", f"{COUNT} FROM cph_phones"]
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=standard_ExecutorRun",
         shutil.which("postgres"), "--single", "-D", data, "-c", "fsync=off", "postgres"],
        input="\n".join(commands) + "\n", text=True, check=True, capture_output=True)
    return out


def total(file):
    with open(file, encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(("summary:", "totals:")))


def functions(file, *options):
    """(function, library) -> instructions, those with most first."""
    lines = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", *options, file], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    found = {}
    for line in lines:
        parts = re.match(r"\s*([\d,]+) \(.*?%\)\s+[^:]*:(\S+).*?(?:\[(\S+)\])?$", line)
        if parts and parts[3]:
            found.setdefault((parts[2], os.path.basename(parts[3])), int(parts[1].replace(",", "")))
    return found
