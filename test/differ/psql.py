"""One psql behind pipes, which lasts for a whole run."""

import os
import select
import subprocess
import time
from typing import NamedTuple

FIELD, RECORD, NULL = "\x1f", "\x1e", "\x01"
MARK = "\x02"
PATIENCE = 180      # seconds; a statement has a time-out of its own, well below

SET_UP = rf"""
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
\pset pager off
\pset fieldsep '\037'
\pset recordsep '\036'
\pset null '\001'
"""


class Answer(NamedTuple):
    """What one or more statements returned: rows of text, None for null, and the first error."""
    rows: list
    sqlstate: str       # "00000" for none
    message: str

    @property
    def failed(self):
        return self.sqlstate != "00000"


class Lost(Exception):
    """psql has ended: the server crashed, most likely."""


class Psql:
    def __init__(self, database, set_up=()):
        self.database = database
        self.set_up = tuple(set_up)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-d", self.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**os.environ, "PGCLIENTENCODING": "UTF8", "PGOPTIONS": ""})
        self.waiting = b""
        self.send(SET_UP)
        for statement in self.set_up:
            answer = self.run(statement)
            if answer.failed:
                raise SystemExit(f"{statement}\n{answer.sqlstate}: {answer.message}")

    def restart(self, tries=60):
        """Starts a new psql, as soon as the server is back."""
        self.close()
        for _ in range(tries):
            try:
                return self.start()
            except Lost:
                time.sleep(0.5)
        raise SystemExit("The server did not come back.")

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.stdout.close()

    def send(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except OSError:
            raise Lost from None

    def run(self, *statements):
        """The Answer to some statements, which ends with the first that fails."""
        rows = []
        for statement in statements:
            self.send(f"{statement}\n;\n\\echo '{MARK}':ERROR :SQLSTATE :LAST_ERROR_MESSAGE '{MARK}'\n")
            body = self.read_to(MARK)
            failed, sqlstate, message = self.read_to(MARK).split(" ", 2)
            self.read_to("\n")
            if body:
                rows += [tuple(None if value == NULL else value for value in record.split(FIELD))
                         for record in body.removesuffix("\n").split(RECORD)]
            if failed == "true":
                return Answer(rows, sqlstate, message.strip())
        return Answer(rows, "00000", "")

    def read_to(self, mark):
        """What psql prints up to the mark, which is taken too."""
        mark = mark.encode()
        deadline = time.monotonic() + PATIENCE
        while mark not in self.waiting:
            if not select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
                self.process.kill()
                raise Lost
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                raise Lost
            self.waiting += piece
        text, _, self.waiting = self.waiting.partition(mark)
        return text.decode()
