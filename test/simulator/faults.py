"""What can go wrong, on command.

Each kind of fault is an entry of KINDS.  A fault acts in one of four ways: it replaces the answer, it
spoils the page, it adds headers, or it disturbs the delivery; the last is done in wire.py.
"""

import email.utils
import json
import random
import time
import zlib
from collections import deque
from typing import Any, Callable, NamedTuple

from .answers import (MESSAGES, USUAL_CODES, Answer, details_error, html_page, iam_error,
                      service_error)
from .mutate import mutated

#: What every fault has beside its own parameters: whom it spares, how many it hits, whom it looks for.
COMMON = {"after": 0, "times": None, "match": None}
CHOICES = {"where": ("start", "headers", "body"),
           "shape": (None, "service", "iam", "details", "html", "text")}
BY_PROXIES = {408, 421, 425, 502, 503, 504}     # statuses that come as a page of what stands in front of the service
TEXTS = {"match", "error_code", "error_msg"}    # text, although their default is not


class Kind(NamedTuple):
    way: str                    # "answer", "page", "headers" or "delivery"
    parameters: dict            # name -> default
    act: Callable[..., Any] | None
    meaning: str


class Fault:
    """One fault in force: its kind, its parameters, and whom it still hits."""

    def __init__(self, kind, arguments):
        if kind not in KINDS:
            raise ValueError(f"unknown fault: {kind}; there are {', '.join(KINDS)}")
        known = {**COMMON, **KINDS[kind].parameters}
        unknown = set(arguments) - set(known)
        if unknown:
            raise ValueError(f"{kind} has no parameter {', '.join(unknown)}; it has {', '.join(known)}")
        self.kind = kind
        self.way = KINDS[kind].way
        self.act = KINDS[kind].act
        self.arguments = {**known, **{name: checked(name, value, known[name])
                                      for name, value in arguments.items()}}
        self.to_pass = self.arguments["after"]
        self.left = self.arguments["times"]
        self.hits = 0
        self.admitted = deque()     # for rate: when requests were let through

    def __getitem__(self, name):
        return self.arguments[name]

    def strikes(self, target, is_list):
        """Does the fault hit this request?  Counts it if so."""
        if self["match"] is not None:
            if self["match"] not in target + "&":       # so that "offset=20&" is not offset=200
                return False
        elif not is_list:
            return False
        if self.to_pass > 0:
            self.to_pass -= 1
            return False
        if self.left == 0 or (self.kind == "rate" and self._admits()):
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True

    def _admits(self):
        """May one more request pass, of n within any time of so many seconds?"""
        now = time.monotonic()
        while self.admitted and self.admitted[0] <= now - self["seconds"]:
            self.admitted.popleft()
        passes = len(self.admitted) < self["n"]
        if passes or self["count_refused"]:
            self.admitted.append(now)
        return passes

    def as_dict(self):
        given = {name: value for name, value in self.arguments.items() if value is not None}
        return {"kind": self.kind, **given, "hits": self.hits}


def checked(name, value, default):
    """A parameter's value; ValueError if it cannot be.  Where text is wanted, other JSON is taken as text."""
    if (isinstance(default, str) or name in TEXTS) and value is not None and not isinstance(value, str):
        value = json.dumps(value)
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of {CHOICES[name]}")
    if isinstance(default, int) or name in ("times", "at"):
        wanted = (int, float) if name in ("ms", "seconds") else int
        if value is not default and not isinstance(value, wanted):
            raise ValueError(f"{name} must be a number")
    return value


class Faults:
    """The faults in force, in the order in which they were set."""

    def __init__(self):
        self.active = []

    def add(self, kind, arguments):
        self.active.append(Fault(kind, arguments))

    def clear(self):
        self.active.clear()

    def hitting(self, target, is_list):
        return [fault for fault in self.active if fault.strikes(target, is_list)]


# Faults that replace the answer: act(fault, request_id, now) -> Answer

def error_status(fault, request_id, now):
    """An error answer in any of the shapes that are known."""
    status = fault["status"]
    code = fault["error_code"] or USUAL_CODES.get(status, "APIGW.0201")
    message = fault["error_msg"]
    if message is None:
        message = MESSAGES.get(code, "Unknown error")
    shape = fault["shape"]
    if shape is None:
        gateway_page = status in BY_PROXIES and fault["error_code"] is None
        shape = "html" if gateway_page else "service"
    if shape == "html":
        answer = html_page(status)
    elif shape == "iam":
        answer = iam_error(status, message)
    elif shape == "details":
        answer = details_error(status, code, message, request_id)
    elif shape == "text":
        answer = Answer(status, message.encode(), content_type="text/plain")
    else:
        answer = service_error(status, code, message, request_id)
    answer.headers += retry_after(fault["retry_after"], now)
    return answer


def throttled(fault, request_id, now):
    window = {1: "1 second", 60: "1 minute"}.get(fault["seconds"], f"{fault['seconds']} second")
    answer = service_error(
        429, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,"
        f"limit:{fault['n']},time:{window}", request_id)
    answer.headers += retry_after(fault["retry_after"], now)
    return answer


def retry_after(value, now):
    """The Retry-After header: a number of seconds, "date" and a number for a date so many seconds ahead
    ("date+5"), or any other text as it is."""
    if value is None:
        return []
    if isinstance(value, str) and value.startswith("date"):
        value = email.utils.formatdate(now + float(value[4:]), usegmt=True)
    return [("Retry-After", str(value))]


def redirect(fault, request_id, now):
    return Answer(fault["status"], b"", [("Location", fault["location"])], "text/html")


def web_page(fault, request_id, now):
    return Answer(200, b"<!DOCTYPE html><html><body>Please sign in</body></html>",
                  content_type="text/html; charset=utf-8")


def garbage(fault, request_id, now):
    return Answer(200, random.Random(fault["seed"]).randbytes(fault["n"]))


def empty(fault, request_id, now):
    return Answer(200, b"")


def given_body(fault, request_id, now):
    return Answer(fault["status"], fault["text"].encode(), content_type=fault["type"])


def bad_gzip(fault, request_id, now):
    """Compressed, but broken in the middle."""
    packed = bytearray(zlib.compress(b'{"count":0,"phones":[],"servers":[]}' * 50, wbits=31))
    middle = len(packed) // 2
    packed[middle:middle + 4] = b"\xff\xff\xff\xff"
    return Answer(200, bytes(packed), [("Content-Encoding", "gzip")])


# Faults that spoil the page: act(fault, page, resource)

def oversize(fault, page, resource):
    page.size = fault["n"]


def braces(fault, page, resource):
    page.filler = b"{}," * (fault["n"] // 3)
    if not page.rows:
        page.filler = page.filler[:-1]


def deep(fault, page, resource):
    page.spoil(fault["item"], "deep", b"[" * fault["n"] + b"]" * fault["n"])


def nul(fault, page, resource):
    page.spoil(fault["item"], resource.name_field, b'"mobile-\\u0000-nul"')


def invalid_utf8(fault, page, resource):
    page.spoil(fault["item"], resource.name_field, b'"mobile-\xff\xfe-raw"')


def surrogate(fault, page, resource):
    page.spoil(fault["item"], resource.name_field, b'"mobile-\\ud800-lone"')


def big_number(fault, page, resource):
    page.spoil(fault["item"], fault["field"], fault["raw"].encode())


# Faults that add headers: act(fault) -> [(name, value)]

def raw_headers(fault):
    return [tuple(part.strip() for part in line.partition(":")[::2]) for line in fault["lines"]]


def huge_header(fault):
    return [("X-Padding", "x" * fault["n"])]


# A fault that changes what is delivered: act(fault, head, body) -> Mutation

def mutate_answer(fault, head, body):
    return mutated(random.Random(f"{fault['seed']}/{fault['number']}/{fault.hits}"), head, body)


KINDS = {
    "status": Kind("answer", {"status": 500, "error_code": None, "error_msg": None, "shape": None,
                              "retry_after": None}, error_status,
                   "an error; shape: service, iam, details, html or text (default: by status)"),
    "rate": Kind("answer", {"n": 60, "seconds": 1, "retry_after": None, "count_refused": False}, throttled,
                 "429 for more than n requests within that many seconds"),
    "redirect": Kind("answer", {"location": "http://127.0.0.1:9/", "status": 302}, redirect,
                     "to another place"),
    "html": Kind("answer", {}, web_page, "200 and a web page"),
    "garbage": Kind("answer", {"n": 1000, "seed": 1}, garbage, "200 and n random bytes"),
    "empty": Kind("answer", {}, empty, "200 and no body"),
    "body": Kind("answer", {"text": "", "status": 200, "type": "application/json"}, given_body,
                 "a body as given"),
    "bad_gzip": Kind("answer", {}, bad_gzip, "200 and broken gzip, whether asked for or not"),
    "oversize": Kind("page", {"n": 10_000_000}, oversize, "the page padded to n bytes of valid JSON"),
    "braces": Kind("page", {"n": 1_000_000}, braces, "n bytes of {}, in the item list"),
    "deep": Kind("page", {"n": 10_000, "item": 0}, deep, "nesting n deep in an item"),
    "nul": Kind("page", {"item": 0}, nul, "\\u0000 in an item's name"),
    "invalid_utf8": Kind("page", {"item": 0}, invalid_utf8, "the bytes ff fe in an item's name"),
    "surrogate": Kind("page", {"item": 0}, surrogate, "\\ud800 alone in an item's name"),
    "big_number": Kind("page", {"item": 0, "field": "status", "raw": "99999999999999999999999999"},
                       big_number, "a number too large in an item"),
    "headers": Kind("headers", {"lines": []}, raw_headers, 'header lines as given: ["Name: value"]'),
    "huge_header": Kind("headers", {"n": 100_000}, huge_header, "a header of n bytes"),
    "latency": Kind("delivery", {"ms": 100}, None, "answers so much later, many at once"),
    "stall": Kind("delivery", {"where": "start"}, None,
                  "stops for ever; where: start (nothing sent), headers or body (in their middle)"),
    "silence": Kind("delivery", {"where": "start"}, None,
                    "nothing passes on the connection any more; where: start (before the answer), headers or body"),
    "twice": Kind("delivery", {"text": '{"count":0,"phones":[]}', "status": 200, "ms": 0}, None,
                  "an answer that nobody asked for after the answer, so much later"),
    "drip": Kind("delivery", {"bps": 1000}, None, "so many bytes of the body a second"),
    "reset": Kind("delivery", {}, None, "RST instead of an answer"),
    "reset_body": Kind("delivery", {}, None, "RST in the middle of the body"),
    "close": Kind("delivery", {}, None, "FIN instead of an answer"),
    "truncate": Kind("delivery", {"at": None}, None,
                     "closes after that many bytes of the body (default half)"),
    "mutate": Kind("delivery", {"seed": 1, "number": 0}, mutate_answer,
                   "a hostile answer: the number-th, by the seed"),
    "wrong_length": Kind("delivery", {"by": -10}, None,
                         "Content-Length is off by so many bytes, the connection stays open"),
}
