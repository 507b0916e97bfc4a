"""What the measurements share: a session that reads a simulated service, and times.

Copyright (c) 2026, the cph_fdw developers
"""

import os
import subprocess
import sys
import time
from typing import NamedTuple

BENCH = os.path.dirname(os.path.realpath(__file__))
TEST = os.path.dirname(BENCH)
sys.path.insert(0, TEST)

from simulator.client import PROJECT, TOKEN, Service  # noqa: E402, F401

DONE = "-- done --"


class Session:
    """A psql that stays, and so one backend."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        self.pid = None     # of the backend, once someone wanted to know

    def run(self, *commands):
        """The lines that the commands print; errors among them.  One whose last line begins with a backslash is psql's."""
        return self.feed("".join(
            command + ("\n" if command.rpartition("\n")[2].startswith("\\") else ";\n") for command in commands))

    def feed(self, text):
        """The lines that psql prints for what it is given."""
        self.psql.stdin.write(text + f"\\echo {DONE}\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.rstrip("\n") == DONE:
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("the connection was lost: " + "\n".join(lines[-3:]))

    def do(self, *commands):
        """Commands that print nothing."""
        lines = self.run("SET client_min_messages = warning", *commands, "RESET client_min_messages")
        if lines:
            sys.exit("\n".join(lines))

    def value(self, query):
        """What a query prints on its only line."""
        lines = self.run(query)
        if len(lines) != 1 or lines[0].startswith("ERROR:"):
            sys.exit("\n".join([query, *lines]))
        return lines[0]

    def attach_all(self, name, service, **options):
        """Makes a schema with the tables of all lists, and their server, in place of what has the name."""
        self.do(*server_commands(name, service, **options), f"DROP SCHEMA IF EXISTS {name} CASCADE",
                f"CREATE SCHEMA {name}", f"IMPORT FOREIGN SCHEMA cph FROM SERVER {name} INTO {name}")

    def detach(self, *names):
        self.do(*(f"DROP SERVER {name} CASCADE" for name in names))

    def measure(self, *commands):
        """The Times of commands."""
        if self.pid is None:
            self.pid = int(self.value("SELECT pg_backend_pid()"))
        before, start = processor_seconds(self.pid), time.monotonic()
        lines = self.run(*commands)
        if any(line.startswith("ERROR:") for line in lines):
            sys.exit("\n".join(lines))
        clock, after = time.monotonic() - start, processor_seconds(self.pid)
        return Times(clock, after[0] - before[0], after[1] - before[1])

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def server_commands(name, service, **options):
    """SQL that makes a server of a service and a user mapping, in place of what has the name."""
    options = {"endpoint": service.url, "project_id": PROJECT, **options}
    given = ", ".join(f"{option} '{value}'" for option, value in options.items())
    return ("CREATE EXTENSION IF NOT EXISTS cph_fdw", f"DROP SERVER IF EXISTS {name} CASCADE",
            f"CREATE SERVER {name} FOREIGN DATA WRAPPER cph_fdw OPTIONS ({given})",
            f"CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (token '{TOKEN}')")


class Times(NamedTuple):
    """Seconds."""

    clock: float
    processor: float    # of the backend or the program
    system: float       # of these, in the system


def processor_seconds(pid):
    """The seconds of the processor that a process of one thread has had so far: all, and those in the system."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    user, system = (int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13])
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as stat:
            return int(stat.read().split()[0]) / 1e9, system    # to the nanosecond
    except FileNotFoundError:
        return user + system, system


def floor(bench, what, service, phones, in_flight, *wrapper):
    """Times of the bare program, below another one if it is given; checks that it parsed all there is."""
    page = 200
    line = subprocess.run(
        [*wrapper, bench.program, what, f"{service.url}/v1/{PROJECT}/cloud-phone/phones", TOKEN, str(phones), str(page),
         str(in_flight)], check=True, capture_output=True, text=True).stdout
    clock, user, system, items = line.split()
    pages = 1 + max(phones - 2, 0) // (page - 1)
    if what == "parse" and int(items) != phones + pages - 1:
        sys.exit(f"the bare program parsed {items} items")
    return Times(float(clock), float(user) + float(system), float(system))
