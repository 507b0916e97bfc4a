"""The simulated service: started or borrowed, steered, its log read, its lists known."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

PROGRAM = Path(__file__).resolve().parent.parent / "service"
TOKEN = "differential-token"
PROJECT = "0123456789abcdef0123456789abcdef"
PAGE_MAX = {"phones": 200, "servers": 100}


class Request(NamedTuple):
    """A line of the log."""
    resource: str       # phones, servers or ""
    params: dict
    status: int
    text: str


class Service:
    def __init__(self, port=None, token=None):
        """Uses the one at a port, which knows the token, or starts one of its own."""
        self.process = None
        self.token, self.project = token or TOKEN, PROJECT
        if port is None:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), "--until-eof", "--project", PROJECT, "--token", self.token],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            port = int(self.process.stdout.readline())
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def close(self):
        self.connection.close()
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(30)
            self.process.stdout.close()

    def control(self, method, path, body=None):
        """The body of a control path's answer, as text."""
        self.connection.request(method, f"/_control/{path}", None if body is None else json.dumps(body))
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {text}")
        return text

    def take_log(self):
        """The requests since the last time."""
        entries = json.loads(self.control("GET", "log"))
        self.control("DELETE", "log")
        requests = []
        for entry in entries:
            path, _, query = entry["target"].partition("?")
            resource = path.rpartition("/")[2]
            requests.append(Request(resource if resource in PAGE_MAX else "",
                                    dict(parse_qsl(query, keep_blank_values=True)), entry["status"],
                                    f"{resource}?{query} {entry['status'] or '-'}"))
        return requests


UNESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def unescape(field):
    """A field of COPY's text format as text, or None."""
    if field == "\\N":
        return None
    pieces = field.split("\\")
    text = pieces[0]
    pieces = iter(pieces[1:])
    for piece in pieces:
        if piece == "":         # an escaped backslash; what follows stands for itself
            text += "\\" + next(pieces, "")
        else:
            text += UNESCAPES[piece[0]] + piece[1:]
    return text


def rows_of(copy_text, columns):
    """The rows of COPY text as dicts, in order."""
    return [dict(zip(columns, map(unescape, line.split("\t")))) for line in copy_text.splitlines()]
