#!/usr/bin/env python3
"""Backends that read a list for a long time, while it changes and the service fails now and then.

    soak.py [--minutes N] [--backends N,N...] [--cache] [--seed N]

Each N of --backends is a group: a simulated service, which changes two phones after each request, and so many
backends that read it at once.  Groups run side by side.  In each round every backend runs one query of a kind
that chance chooses; in one round of twenty the service has a fault.  Then each answer is judged by what the
service knows: a phone that met the query's clauses from the round's begin to its end is there once, no phone is
there twice, none that never met them; and an error is one that the fault of the round explains.

With --cache several backends share a cache, which is cleared each ten rounds: answers may be as old.

Memory, descriptors and connections are looked at all the time.  They must stay as they were after the first
minute, or the first third of a shorter run.  The last line is "N passed, N failed": queries and these bounds.

Needs a PostgreSQL with cph_fdw, which libpq's environment variables name.

Copyright (c) 2026, the cph_fdw developers
"""

import argparse
import collections
import concurrent.futures
import os
import random
import statistics
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
sys.dont_write_bytecode = True

from common import PROJECT, TOKEN, Service, Session  # noqa: E402
from mishaps import BEFORE, MISHAPS, OPTIONS, timeout  # noqa: E402
from kinds import KINDS  # noqa: E402

FAULTY = .05                # of the rounds
SAMPLES = 60                # of a run
CACHED = 10                 # rounds that share what is cached
SHOWN = 12                  # lines of the table for each group

#: What may be more at the end than after the first minute, in a backend: figure -> how much.
#: Rows of the list, and what libcurl holds of a connection, make memory move by some hundred kB.
MAY_GROW = {"memory": 1024, "contexts": 256, "descriptors": 8}

#: A reading is copied whole, some hundred kB at once, between which what libcurl holds comes to lie.
MAY_GROW_CACHED = {"memory": 2048}

#: For each scan that a query has at once four connections and four descriptors, for two kept transports more.
CONNECTIONS_MAX = 16

#: What else fails after an error in a transaction: all, or, after SAVEPOINT and ROLLBACK TO, the cursor.
FOLLOWING = {"25P02", "3B001", "34000", "55000"}

FIGURES = r"""
SELECT concat_ws(' ', (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1],
  (SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts)::int,
  (SELECT count(*) FROM pg_ls_dir('/proc/self/fd')))"""

Sample = collections.namedtuple("Sample", "seconds queries memory contexts descriptors connections")


class Backend:
    """A session whose tables are those of a group."""

    def __init__(self, schema):
        self.session = Session()
        self.session.run("\\set VERBOSITY sqlstate\n\\set SHOW_CONTEXT never\nSET client_min_messages = warning",
                         f"SET search_path = {schema}, public")

    def query(self, query, milliseconds):
        """The keys that a query prints, and the SQLSTATEs of its errors and warnings."""
        lines = self.session.run(f"SET statement_timeout = {milliseconds}", *query.commands, "ROLLBACK")
        states = [line.split()[1] for line in lines if line.startswith(("ERROR:", "WARNING:", "FATAL:", "PANIC:"))]
        # Without a transaction ROLLBACK warns.
        states = [state for state in states if state != "25P01"]
        return [line for line in lines if ":  " not in line], states

    def figures(self):
        lines = self.session.run("ROLLBACK", "SET statement_timeout = 60000", FIGURES)
        return [int(each) for each in lines[-1].split()]

    def close(self):
        """How many connections of cph_fdw are still known after all were closed."""
        lines = self.session.run("SELECT cph_fdw_disconnect_all()", "SELECT count(*) FROM cph_fdw_get_connections()")
        self.session.psql.stdin.close()
        self.session.psql.wait()
        return int(lines[-1])


class Group:
    """One service and its backends."""

    def __init__(self, number, size, cache, seed):
        self.name = f"{size} backend" + ("s" if size > 1 else "")
        self.rng = random.Random(f"{seed}/{number}")
        self.service = Service(phones=1500, servers=6, seed=self.rng.randrange(10**6), ties=.3)
        self.schema = f"soak{number}"
        self.cache = cache
        self.backends = [Backend(self.schema) for _ in range(size)]
        self.samples = [[] for _ in range(size)]
        self.passed = self.failed = self.rounds = self.faulty = self.queries = 0
        self.tally = collections.Counter()
        self.pool = concurrent.futures.ThreadPoolExecutor(size)
        self.make_tables()
        self.service.set(churn=2, keepalive_requests=300)

    def make_tables(self):
        options = {"endpoint": self.service.url, "project_id": PROJECT, **OPTIONS}
        if self.cache:
            options["cache_ttl"] = "1h"
        given = ", ".join(f"{option} '{value}'" for option, value in options.items())
        for line in self.backends[0].session.run(
                "CREATE EXTENSION IF NOT EXISTS cph_fdw SCHEMA public", f"DROP SERVER IF EXISTS {self.schema} CASCADE",
                f"DROP SCHEMA IF EXISTS {self.schema}", f"CREATE SCHEMA {self.schema}",
                f"CREATE SERVER {self.schema} FOREIGN DATA WRAPPER cph_fdw OPTIONS ({given})",
                f"CREATE USER MAPPING FOR CURRENT_USER SERVER {self.schema} OPTIONS (token '{TOKEN}')",
                f"IMPORT FOREIGN SCHEMA cph FROM SERVER {self.schema} INTO {self.schema}",
                f"CREATE FOREIGN TABLE again (phone_id text) SERVER {self.schema} OPTIONS (resource 'phones')"):
            if not line.startswith("WARNING"):
                sys.exit(line)

    def run(self, seconds):
        """Rounds until the time is over."""
        start = time.monotonic()
        while (now := time.monotonic() - start) < seconds:
            if now >= len(self.samples[0]) * seconds / SAMPLES:
                self.sample(now)
            self.round()
        self.sample(seconds)
        self.end()

    def round(self):
        phones = self.service.page("", 0, 200)["phones"]
        servers = sorted({phone["server_id"] for phone in phones})
        queries = [self.rng.choice(KINDS) for _ in self.backends]
        queries = [(kind.__name__, kind(self.rng, {**self.rng.choice(phones), "servers": servers})) for kind in queries]
        if not self.cache or self.rounds % CACHED == 0:
            self.service.mark()
            if self.cache:
                self.backends[0].session.run("SELECT cph_fdw_cache_clear()")
        states = ()
        if self.rng.random() < FAULTY:
            kind, parameters, states = self.rng.choice(MISHAPS)
            if kind in BEFORE:
                BEFORE[kind](self.service, self.backends, **parameters)
            else:
                self.service.fault(kind, after=self.rng.randrange(10), **parameters)
            self.faulty += 1
        answers = list(self.pool.map(lambda backend, query: backend.query(query[1], timeout(states)), self.backends, queries))
        self.service.no_faults()
        self.service.speak()
        self.rounds += 1
        for (kind, query), (keys, errors) in zip(queries, answers):
            self.judge(kind, query, keys, errors, states)

    def judge(self, kind, query, keys, errors, states):
        self.queries += 1
        self.tally[kind] += 1
        if errors and errors[0] in states and set(errors[1:]) <= FOLLOWING:
            self.tally["error " + errors[0]] += 1
            problem = ""
        elif errors:
            problem = "error " + " ".join(errors)
        else:
            problem = query.judge(self.service, keys)
        self.check(not problem, f"{problem}: {'; '.join(query.commands)}")

    def check(self, good, name):
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAILED, {self.name}, round {self.rounds}: {name}", flush=True)

    def sample(self, seconds):
        connections = self.service.stats()["open_connections"]
        for backend, samples in zip(self.backends, self.samples):
            samples.append(Sample(round(seconds), self.queries, *backend.figures(), connections))

    def end(self):
        self.check(sum(backend.close() for backend in self.backends) == 0, "connections were kept")
        for _ in range(100):
            left = self.service.stats()["open_connections"]
            if left == 0:
                break
            time.sleep(.1)
        self.check(left == 0, f"{left} connections are open at the service")
        self.service.stop()

    def judge_figures(self, seconds):
        """Whether nothing grew after the first minute: the middle of then against the middle of the end."""
        begin = min(60, seconds / 3)
        for samples in self.samples:
            early = [each for each in samples if begin <= each.seconds <= max(2 * begin, begin + seconds / 10)]
            late = [each for each in samples if each.seconds >= seconds * 5 / 6]
            for figure, most in (MAY_GROW | (MAY_GROW_CACHED if self.cache else {})).items():
                was, is_now = (statistics.median(getattr(each, figure) for each in part) for part in (early, late))
                self.check(is_now <= was + most, f"{figure}: {was:.0f}, at the end {is_now:.0f}")
            most = max(each.connections for each in samples)
            self.check(most <= CONNECTIONS_MAX * len(self.backends), f"{most} connections")

    def report(self):
        print(f"\n{self.name}: {self.queries} queries in {self.rounds} rounds, {self.faulty} of them with a fault")
        print(", ".join(f"{number} {name}" for name, number in sorted(self.tally.items())))
        print("%8s %9s %12s %12s %12s %12s" % ("seconds", "queries", "memory, kB", "contexts, kB", "descriptors", "connections"))
        step = max(1, (SAMPLES + SHOWN - 1) // SHOWN)
        rows = list(zip(*self.samples))
        for row in rows[:-1:step] + rows[-1:]:
            print("%8d %9d %12d %12d %12d %12d" % (*row[0][:2], *(max(each[i] for each in row) for i in range(2, 6))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="default 30")
    parser.add_argument("--backends", default="1,8", help="of each group (default 1,8)")
    parser.add_argument("--cache", action="store_true", help="several backends share a cache")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    seconds = arguments.minutes * 60
    groups = [Group(number, int(size), arguments.cache and int(size) > 1, arguments.seed) for number, size in enumerate(arguments.backends.split(","))]
    with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
        for done in [pool.submit(group.run, seconds) for group in groups]:
            done.result()
    session = Session()
    for group in groups:
        group.judge_figures(seconds)
        group.report()
        session.run("SET client_min_messages = warning", f"DROP SCHEMA {group.schema} CASCADE", f"DROP SERVER {group.schema} CASCADE")
    passed, failed = sum(group.passed for group in groups), sum(group.failed for group in groups)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
