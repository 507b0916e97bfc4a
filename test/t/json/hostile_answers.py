#!/usr/bin/env python3
"""Hostile answers: one backend reads mutated answers of the simulated service, and is to stand it.

    hostile_answers.py --service PORT [--answers N] [--seed N] [--only N]

It works in a database where cph_phones and cph_servers are tables of the service at that port, and
local_phones and local_servers hold the same rows; those in the schema paged have small pages.  hostile_answers.pl
sets this up and runs it: CPH_TEST_ANSWERS=100000 test/check --sanitize hostile_answers.

Each query meets one mutated answer (simulator/mutate.py), every tenth none.  What must come of it:
  - the right rows, where the mutation is harmless or there is none;
  - else the right rows, or an error with a documented SQLSTATE;
  - else, where the mutated body is JSON, rows of this body: each row is a row of the list or of an item of the
    body, and where the list is one page, no item that the mutation left as it was is missing.
A lost connection, a time-out and any other SQLSTATE are failures.  The backend's memory and descriptors stay
as they were.  A failure is shown with its number; --only runs that one alone.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.dont_write_bytecode = True

from differ.psql import Lost, Psql                                     # noqa: E402
from simulator.client import Service                                   # noqa: E402

CLEAN_EVERY = 10
ANSWERS = {"HV00L", "HV00N", "HV000", "42501", "53400"}     # what design.md and README.md say of answers
TYPES = {"22P02", "22003", "22007", "22008", "22009", "22P05"}       # the types' own
SET_UP = ("SET statement_timeout = '60s'", "SET timezone = 'UTC'", "SET client_min_messages = error", "SET jit = off")
MEMORY_KB = 6144        # that comes and goes: answers have up to 6 MB
DESCRIPTORS = 8         # of connections, which come and go
ANY = object()          # a cell that is the type's own business

PHONE = ("phone_id", "phone_name", "server_id", "status", "type", "vnc_enable", "volume_mode", "imei", "create_time",
         "update_time", "metadata")
SERVER = ("server_id", "server_name", "status", "phone_model_name", "cidr", "network_version", "create_time", "addresses")
INTEGERS = {"status", "type", "volume_mode"}
OTHERS = {"create_time", "update_time", "metadata", "addresses"}


class Shape(NamedTuple):
    query: str
    segments: tuple     # of a row's columns: (list, columns, ...) each
    whole: bool = False     # every row of a one-page list
    several: bool = False   # of several answers


def columns(names, alias=""):
    return ", ".join(f"{alias}{name}" for name in names)


def make_shapes(servers, paged):
    phones, of_servers = (("phones", PHONE),), (("servers", SERVER),)
    some = ", ".join(f"'{each}'" for each in servers[:3])
    select = f"SELECT {columns(PHONE)} FROM"
    return [
        Shape(f"{select} cph_phones", phones, True),
        Shape("SELECT count(*) FROM cph_phones", ()),
        Shape("SELECT count(*) FROM cph_phones WHERE status = 2", ()),
        Shape(f"{select} cph_phones LIMIT 7", phones),
        Shape(f"{select} cph_phones WHERE server_id IN ({some})", phones, several=True),
        Shape(f"SELECT {columns(PHONE, 'p.')}, {columns(SERVER, 's.')} FROM cph_servers s JOIN cph_phones p "
              "ON p.server_id = s.server_id", phones + of_servers, several=True),
        Shape(f"{select} cph_phones ORDER BY create_time DESC, phone_id", phones, True),
        Shape(f"{select} cph_phones ORDER BY create_time DESC, phone_id LIMIT 12", phones),
        Shape(f"{select} cph_phones WHERE status = 2", phones),
        Shape(f"SELECT {columns(SERVER)} FROM cph_servers", of_servers, True),
        Shape(f"{select} {paged}.cph_phones", phones, several=True),
        Shape(f"{select} {paged}.cph_phones WHERE create_time > '2000-01-01' ORDER BY create_time DESC, phone_id",
              phones, several=True),
    ]


def read_json(body):
    """The value of a body that is JSON, else None; the last of two equal keys counts."""
    def refuse(word):
        raise ValueError(word)
    try:
        return json.loads(body.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def cells(item, names):
    """What the columns of an item must be; ANY where that is for the type to say."""
    def cell(name):
        value = item.get(name)
        if value is None:
            return None
        if name in INTEGERS:
            return str(value) if type(value) is int else ANY
        if name == "vnc_enable":
            return {True: "t", False: "f"}[value] if isinstance(value, bool) else ANY
        if name in OTHERS or not isinstance(value, str) or any("\ud800" <= each <= "\udfff" for each in value):
            return ANY
        return value
    return tuple(cell(name) for name in names)


def matches(row, pattern):
    return all(wanted is ANY or found == wanted for found, wanted in zip(row, pattern))


class Judge:
    """Knows the right rows, and tells which others a mutated body allows."""

    def __init__(self, psql, shapes):
        self.right = {}
        for shape in shapes:
            query = shape.query
            for name in ("phones", "servers"):
                query = query.replace(f"paged.cph_{name}", f"local_{name}").replace(f"cph_{name}", f"local_{name}")
            # the copy has the order of the list
            self.right[shape] = sorted_rows(psql.run(query).rows, shape)
        self.lists = {}
        for name, names in (("phones", PHONE), ("servers", SERVER)):
            answer = psql.run(f"SELECT {columns(names)} FROM local_{name}")
            self.lists[name] = {row[0]: row for row in answer.rows}
        self.items = {}     # of the lists as the service answers, by id

    def is_right(self, shape, answer):
        return not answer.failed and sorted_rows(answer.rows, shape) == self.right[shape]

    def problem(self, shape, answer, mutations):
        """What is wrong with an answer, or None."""
        if self.is_right(shape, answer):
            return None
        if any(each["means"] != "same" for each in mutations):
            if answer.failed:
                known = answer.sqlstate in ANSWERS | TYPES
                return None if known else f"{answer.sqlstate}: {answer.message}"
            bodies = [each["body"].encode("latin-1") for each in mutations if each["means"] == "body"]
            if bodies:
                return self.wrong_rows(shape, answer.rows, bodies[0])
        return f"{answer.sqlstate}: {answer.message}" if answer.failed else "other rows"

    def wrong_rows(self, shape, rows, body):
        """What is wrong with rows that are not the list's, given the body that is to blame."""
        document = read_json(body)
        if not isinstance(document, dict):
            return "rows of what is not JSON"
        if not shape.segments:
            return self.wrong_count(rows, document)
        start = 0
        for name, names in shape.segments:
            found = document.get(name)
            found = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
            patterns = {}
            for item in found:
                pattern = cells(item, names)
                patterns.setdefault(pattern[0], []).append(pattern)
            for row in rows:
                part = row[start:start + len(names)]
                if part != self.lists[name].get(part[0]) and not any(
                        matches(part, pattern) for key in (part[0], ANY) for pattern in patterns.get(key, ())):
                    return f"a row of nowhere: {part}"
            if shape.whole:
                ids = {row[0] for row in rows}
                for item in found:
                    if item == self.items.get((name, cells(item, names)[0])) and item[names[0]] not in ids:
                        return f"a row is missing: {item[names[0]]}"
            start += len(names)
        return None

    @staticmethod
    def wrong_count(rows, document):
        items = document.get("phones")
        if not isinstance(items, list):
            return "a count of no list"
        # counted by the service, or here: each phone once
        found = int(rows[0][0])
        return None if found == document.get("count") or found <= len(items) else f"a count of {found}"


def sorted_rows(rows, shape):
    return rows if "ORDER BY" in shape.query or "LIMIT" in shape.query else sorted(rows, key=repr)


class Process:
    """A backend, looked at from outside."""

    def __init__(self, pid):
        self.path = Path(f"/proc/{pid}")

    def size(self):
        """Kilobytes of memory, and descriptors; None where there is no /proc."""
        try:
            status = dict(line.split(":", 1) for line in (self.path / "status").read_text().splitlines())
            return int(status["RssAnon"].split()[0]), len(list((self.path / "fd").iterdir()))
        except (OSError, KeyError):
            return None


class Run:
    def __init__(self, options):
        self.options = options
        self.service = Service(where=options.service)
        self.service.mutate()
        self.service.set(request_id="0123456789abcdef")
        self.psql = Psql(options.database, SET_UP)
        servers = [row[0] for row in self.psql.run("SELECT server_id FROM local_servers").rows]
        self.shapes = make_shapes(servers, "paged")
        self.judge = Judge(self.psql, self.shapes)
        self.learn_items()
        self.pid = self.psql.run("SELECT pg_backend_pid()").rows[0][0]
        self.process = Process(self.pid)
        self.answers = self.queries = self.clean = self.errors = self.other_rows = self.left_over = self.failed = 0
        self.sizes = []
        self.before = None      # the mutations of the query before

    def learn_items(self):
        """The lists' items, from an answer that a harmless number of seed 0 leaves as JSON."""
        for name, query in (("phones", "cph_phones"), ("servers", "cph_servers")):
            number = 0
            while True:
                self.service.mutate(seed=0, number=number, times=1)
                self.psql.run(f"SELECT count({name[:-1]}_id) FROM (SELECT *, create_time > now() FROM {query}) AS x")
                for each in self.service.mutate():
                    if each["means"] == "whole" and "error" not in each["name"] and '"' + name in each["body"]:
                        for item in json.loads(each["body"].encode("latin-1"))[name]:
                            self.judge.items[name, item[f"{name[:-1]}_id"]] = item
                self.forgive()
                if any(key[0] == name for key in self.judge.items):
                    break
                number += 1

    def forgive(self):
        """A credential that was refused is not sent again for a minute, unless the server is forgotten."""
        self.psql.run("SELECT cph_fdw_disconnect_all()")

    def ask(self, number, shape, after):
        """The answer to a query, and the mutations that it met; None: it is to meet none."""
        if after is not None:
            self.service.mutate(seed=self.options.seed, number=number, after=after, times=1)
        answer = self.psql.run(shape.query)
        return answer, self.service.mutate()

    def fail(self, number, shape, mutations, problem):
        self.failed += 1
        names = ", ".join(each["name"] for each in mutations) or "no mutation"
        print(f"--- FAILED: --seed {self.options.seed} --only {number}: {names}, after {self.before}", shape.query, problem, sep="\n", flush=True)

    def one(self, number):
        """One query, which meets a mutated answer or, every tenth time, none."""
        clean = number % CLEAN_EVERY == 0
        shape = self.shapes[(number // CLEAN_EVERY if clean else number) % len(self.shapes)]
        after = None if clean else number // len(self.shapes) % 3 if shape.several else 0
        try:
            answer, mutations = self.ask(number, shape, after)
            if answer.sqlstate == "HV00L" and all(each["means"] == "same" for each in mutations):
                # What an earlier answer left over on a connection is taken for the beginning of this one, and
                # nothing is tried again here, where failures are to be quick.
                self.left_over += 1
                self.psql.run("SELECT cph_fdw_disconnect_all()")
                answer, mutations = self.ask(number, shape, after)
        except Lost:
            self.fail(number, shape, self.service.mutate(), "the connection was lost")
            self.psql.restart()
            self.process = Process(self.psql.run("SELECT pg_backend_pid()").rows[0][0])
            return
        self.queries += 1
        self.answers += len(mutations)
        self.clean += clean
        self.errors += answer.failed
        self.other_rows += not answer.failed and not self.judge.is_right(shape, answer)
        problem = self.judge.problem(shape, answer, mutations)
        if problem:
            self.fail(number, shape, mutations, problem)
        self.before = ", ".join(each["name"] for each in mutations)
        if self.options.only:
            print(f"{answer.sqlstate} {answer.message} {len(answer.rows)} rows", *mutations, sep="\n")
        if answer.sqlstate == "HV00N":
            self.forgive()

    def measure(self):
        size = self.process.size()
        if size:
            self.sizes.append(size)

    def run(self):
        if self.options.only:
            return self.one(self.options.only)
        number = 0
        step = max(self.options.answers // 20, 1)
        while self.answers < self.options.answers and self.failed < 20:
            number += 1
            self.one(number)
            if number % step == 0:
                self.measure()
        self.grown()
        if self.left_over > self.queries / 100:
            self.failed += 1
            print(f"--- FAILED: {self.left_over} queries had to be run again")

    def grown(self):
        """Counts growth from one half to the other as a failure; each size is one moment's, so medians tell."""
        if len(self.sizes) < 10:
            return
        sizes = self.sizes[2:]
        early, late = (tuple(sorted(each[i] for each in part)[len(part) // 2] for i in (0, 1))
                       for part in (sizes[:len(sizes) // 2], sizes[len(sizes) // 2:]))
        print(f"memory {early[0]} kB, in the end {late[0]} kB; descriptors {early[1]}, in the end {late[1]}")
        if late[0] > early[0] + MEMORY_KB or late[1] > early[1] + DESCRIPTORS:
            self.failed += 1
            print("--- FAILED: the backend has grown:", *self.sizes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--service", type=int, metavar="PORT", required=True)
    parser.add_argument("--answers", type=int, default=3000, help="mutated answers (default 3000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="N", help="run the N-th query alone")
    parser.add_argument("--database", default="postgres")
    run = Run(parser.parse_args())
    run.run()
    run.psql.close()
    print(f"{run.answers} mutated answers: {run.errors} errors, {run.other_rows} times other rows; {run.clean} clean queries, "
          f"{run.left_over} queries after what was left over")
    print(f"{run.queries} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
