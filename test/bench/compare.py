#!/usr/bin/env python3
"""Measures cph_fdw beside what people would use instead, in one run, and prints tables as Markdown.

    compare.py [OPTION]... [PART]...

PARTS, by default all but callgrind
%s
Needs a PostgreSQL with cph_fdw, which libpq's environment variables name, and a C compiler with libcurl and json-c;
callgrind also a user who may run the server.  What is compared is run in turn; figures are medians, ratios are of
medians of one run.  What is not installed of curl and jq, PostgreSQL's extension http and valgrind is left out.  The
last line is "N passed, N failed": of the bounds that the figures are promised to keep, or, with --quick, of those on
requests alone.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile

from common import BENCH, Session

import asked
import cpu
import dashboards
import growth
import latency
import planning

RESULTS = 5     # the descriptor that test/measure opens


class Report:
    """Markdown that is printed as it comes, and kept."""

    def __init__(self, judge_times):
        self.judge_times = judge_times
        self.passed = self.failed = 0
        self.lines = []
        self.bounds = []

    def line(self, text=""):
        self.lines.append(text)
        print(text, flush=True)

    def begin(self):
        """The title, and the machine in general terms."""
        session = Session()
        version = session.value("SHOW server_version").split()[0]
        session.close()
        libraries = ", ".join(
            name + " " + subprocess.run(["pkg-config", "--modversion", package], check=True, capture_output=True,
                                        text=True).stdout.strip()
            for name, package in (("libcurl", "libcurl"), ("json-c", "json-c")))
        self.line("# cph_fdw beside what people would use instead")
        self.line()
        self.text(f"By `test/measure compare`, with the simulated service on the same machine: {os.cpu_count()} cores, "
                  f"{platform.machine()}, PostgreSQL {version}, {libraries}.  Load average "
                  f"as it began: {os.getloadavg()[0]:.1f}.")

    def section(self, title, *paragraphs):
        self.line(f"## {title}")
        self.line()
        for paragraph in paragraphs:
            self.text(paragraph)

    def text(self, paragraph):
        self.line(paragraph)
        self.line()

    def table(self, head, rows):
        """Columns but the first to the right."""
        self.line("| " + " | ".join(head) + " |")
        self.line("|---" + "|---:" * (len(head) - 1) + "|")
        for row in rows:
            self.line("| " + " | ".join(str(cell) for cell in row) + " |")
        self.line()

    def most(self, name, found, bound, form=".2f"):
        """A promise about times or memory: not more than that."""
        self._bound(name, found, bound, "at most", found <= bound, form)

    def least(self, name, found, bound, form=".2f"):
        self._bound(name, found, bound, "at least", found >= bound, form)

    def _bound(self, name, found, bound, word, good, form):
        if self.judge_times:
            self.count(good)
        self.bounds.append((name, format(found, form), f"{word} {bound:g}", "kept" if good else "**not kept**"))

    def count(self, good):
        self.passed += bool(good)
        self.failed += not good


class Bench:
    """What the parts are given."""

    def __init__(self, arguments, directory):
        self.quick = arguments.quick
        self.rounds = 1 if arguments.quick else arguments.rounds
        self.report = Report(judge_times=not arguments.quick)
        self.directory = directory
        self.program = os.path.join(directory, "floor")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libcurl", "json-c"], check=True,
                               capture_output=True, text=True).stdout.split()
        subprocess.run(["cc", "-O2", "-o", self.program, os.path.join(BENCH, "floor.c"), *flags], check=True)

    @staticmethod
    def median(values):
        return statistics.median(values)


PARTS = {
    "requests": (asked.run, "requests of queries and reports, beside the least"),
    "dashboards": (dashboards.run, "requests and times of what a dashboard asks"),
    "latency": (latency.run, "times by latency and requests in flight, beside curl, jq and a loop in SQL"),
    "union": (latency.union, "four services at once, beside one"),
    "cpu": (cpu.run, "processor time a row"),
    "callgrind": (cpu.callgrind, "instructions a row, and the functions that take them; needs valgrind"),
    "planning": (planning.run, "time to plan, beside local tables"),
    "growth": (growth.run, "time, requests and memory of 1,000 to 1,000,000 phones"),
}


def main():
    manual = __doc__ % "".join(f"  {name:<12}{meaning}\n" for name, (_, meaning) in PARTS.items())
    parser = argparse.ArgumentParser(description=manual, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure")
    parser.add_argument("--quick", action="store_true", help="small lists, one round: to test the tool")
    parser.add_argument("--rounds", type=int, default=5, help="of each time (default %(default)s)")
    parser.add_argument("--write", action="store_true",
                        help=f"also write the tables to descriptor {RESULTS}, which test/measure opens; with parts, their "
                        "sections alone are written anew")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f"no such part: {name}")
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(arguments, directory)
        report = bench.report
        report.begin()
        for name in arguments.parts or [name for name in PARTS if name != "callgrind"]:
            PARTS[name][0](bench)
    if report.bounds:
        report.section("Promises", *(["Times of small lists, which are not judged."] if arguments.quick else []))
        report.table(("", "found", "promised", ""), report.bounds)
    if arguments.write:
        with open(RESULTS, "r+", encoding="utf-8") as file:
            text = "\n".join(report.lines).rstrip() + "\n"
            if arguments.parts:
                text = replaced(file.read(), text)
            file.seek(0)
            file.truncate()
            file.write(text)
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(report.failed > 0)


def replaced(text, new):
    """A text with the sections of another in place of its own of these titles, or before its last one; that one is
    the promises, of which each row is replaced by itself."""
    old = text.rstrip().split("\n## ")
    for section in new.rstrip().split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        titles = [each.partition("\n")[0] for each in old]
        if title == "Promises":
            rows = {row.split("|")[1]: row for row in body.splitlines() if row.startswith("| ")}
            lines = [rows.pop(line.split("|")[1], line) if line.startswith("| ") else line
                     for line in old[-1].splitlines()]
            old[-1] = "\n".join([*lines, *rows.values()])
        elif title in titles:
            old[titles.index(title)] = section.rstrip() + "\n"
        else:
            old.insert(-1, section.rstrip() + "\n")
    return "\n## ".join(old) + "\n"


if __name__ == "__main__":
    main()
