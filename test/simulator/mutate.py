"""Hostile answers: one answer of the service, changed at random but reproducibly.

A mutation follows from a seed and a number alone, given the answer.  What it may lead to is one of
    same    harmless: the client must read the same data
    whole   the data is as it was, or cannot be read whole: the same data, or an error
    body    the body was delivered as "body" says: what is in there, or an error
"""

import json
import zlib
from typing import NamedTuple

MEGABYTE = 1 << 20


class Mutation(NamedTuple):
    """What goes over the wire instead, and what is known of it."""
    name: str
    means: str          # same, whole or body
    head: bytes
    payload: bytes
    body: bytes         # before the framing
    close: bool         # the end of the connection ends the answer


class Message:
    """An answer that is being changed."""

    def __init__(self, head, body):
        self.lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")     # the status line and the headers
        self.body = body
        self.means = "same"
        self.close = False
        self.framing = None     # how the body is sent, where not as the head says

    def remove(self, name):
        self.lines = [line for line in self.lines if not line.lower().startswith(name.lower() + b":")]

    def replace(self, name, value):
        self.remove(name)
        self.lines.append(name + b": " + value)


# Bodies as trees: an object is an Object of [key, value], an array a list, anything else JSON text as bytes

class Object(list):
    """Pairs, since a key may come twice."""


def parse(body):
    def tree(value):
        if isinstance(value, Object):
            return Object([text(key), tree(each)] for key, each in value)
        if isinstance(value, list):
            return [tree(each) for each in value]
        return text(value)
    return tree(json.loads(body, object_pairs_hook=Object))


def text(value):
    return json.dumps(value, ensure_ascii=False).encode()


def written(tree, blank=b""):
    if isinstance(tree, Object):
        return b"{" + b",".join(blank + key + blank + b":" + blank + written(value, blank) for key, value in tree) + b"}"
    if isinstance(tree, list):
        return b"[" + b",".join(blank + written(value, blank) + blank for value in tree) + b"]"
    return tree


def slots(tree):
    """(container, place of a value in it) of all values below a tree."""
    if isinstance(tree, Object):
        for pair in tree:
            yield pair, 1
            yield from slots(pair[1])
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield tree, place
            yield from slots(value)


def objects(tree):
    if isinstance(tree, Object):
        yield tree
    for container, place in slots(tree):
        if isinstance(container[place], Object):
            yield container[place]


def items(tree):
    """The array of items; an empty one if there is none."""
    return next((value for _, value in tree if type(value) is list), [])


def some_slot(rng, tree):
    """A value: often one of the answer itself or of the first items, which more depends on."""
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(tree), 1
    rows = items(tree)
    if kind < 0.4 and rows:
        return rng.choice(list(slots(rows[:2])))
    return rng.choice(list(slots(tree)))


# Changes of a tree

OTHER_TYPES = [b"null", b"true", b"false", b'""', b'"x"', b"{}", b"[]", b"0", b"-1", b"1.5", b"[{}]", b'{"a":{}}',
               b'["x",null]', b'"2"', b'"true"', b'"null"', b'" 7 "', b'"2024-02-30T00:00:00Z"',
               b'"9999-12-31T23:59:60Z"', b'"0001-01-01T00:00:00+15:59"', b'"infinity"', b'"epoch"', b'"now"']
NUMBERS = [b"1e400", b"-1e400", b"-0", b"-0.0", b"1e-400", b"2147483647", b"2147483648", b"-2147483649",
           b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551615",
           b"18446744073709551616", b"9" * 400, b"-" + b"9" * 30, b"0." + b"1" * 5000, b"1E+2", b"2e0", b"00", b"01",
           b"-01", b"1.", b".5", b"-", b"+1", b"1e", b"1e+", b"0x10", b"1_000", b"NaN", b"-NaN", b"Infinity", b"-Infinity",
           b"--1", b"1-1", b"1e1e1", b"1.5.5"]
STRINGS = [rb'"\ud800"', rb'"\udc00"', rb'"\udc00\ud800"', rb'"\ud83d\ude00"', rb'"\ud800\u0041"', rb'"a\u0000b"', rb'"\u0000"',
           rb'"\x41"', rb'"\u12"', rb'"\u12g4"', rb'"\U00000041"', rb'"\"', rb'"\a\v\0"', b"'x'", b'"', b"x", b'"\xff\xfe"',
           b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\xf0\x9f\x98\x80"', b'"a\x00b"', b'"a\nb"',
           b'"\x7f\xc2\x80\xc2\x9f"', b'"\xe2\x80\xa8\xef\xbb\xbf"', b'"%s%n%d"', b"\"'; DROP TABLE x; --\"",
           rb'"\\"', b'"' + rb"\u0041" * 20000 + b'"', b'"' + rb"\\" * 30000 + b'"']
NAMES = [b'""', b'"Status"', b'"status "', rb'"\u0073tatus"', rb'"phone\u0000_id"', b'"$"', b'"a.b"', b'"__proto__"',
         b'"' + b"k" * 70000 + b'"', b'"create_time"', b'"phone_id"', b'"count"', b'"phones"', b"status", b"1", b"null"]


def other_type(rng, tree):
    container, place = some_slot(rng, tree)
    container[place] = rng.choice(OTHER_TYPES)


def other_number(rng, tree):
    container, place = some_slot(rng, tree)
    container[place] = rng.choice(NUMBERS)


def other_string(rng, tree):
    container, place = some_slot(rng, tree)
    container[place] = rng.choice(STRINGS)


def huge_string(rng, tree):
    container, place = some_slot(rng, tree)
    container[place] = b'"' + rng.choice((b"x", "é".encode(), rb"\n", rb"\u00e9")) * rng.choice((MEGABYTE // 6, MEGABYTE)) + b'"'


def deeper(rng, tree):
    container, place = some_slot(rng, tree)
    n = rng.choice((2, 8, 27, 28, 29, 30, 31, 32, 33, 100, 5000, 200_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    container[place] = opening * n + written(container[place]) + closing * (n if rng.random() < 0.9 else n - 1)


def wrapped(rng, tree):
    container, place = some_slot(rng, tree)
    value = container[place]
    if isinstance(value, Object):
        container[place] = [each for _, each in value]
    elif isinstance(value, list):
        container[place] = Object([b'"%d"' % number, each] for number, each in enumerate(value))
    else:
        container[place] = rng.choice(([value], Object([[b'"value"', value]])))


def key_doubled(rng, tree):
    owner = rng.choice([each for each in objects(tree) if each])
    key, value = rng.choice(owner)
    other = rng.choice((value, rng.choice(owner)[1], rng.choice(OTHER_TYPES)))
    owner.insert(rng.randint(0, len(owner)), [key, other])


def key_renamed(rng, tree):
    rng.choice(rng.choice([each for each in objects(tree) if each]))[0] = rng.choice(NAMES)


def key_dropped(rng, tree):
    owner = rng.choice([each for each in objects(tree) if each])
    del owner[rng.randrange(len(owner))]


def values_exchanged(rng, tree):
    """Never one with another within it."""
    rows = items(tree)
    leaves = [slot for slot in slots(rows or tree) if isinstance(slot[0][slot[1]], bytes)]
    (one, here), (other, there) = rng.choice(leaves), rng.choice(leaves)
    one[here], other[there] = other[there], one[here]


def items_changed(rng, tree):
    rows = items(tree)
    kind = rng.randrange(8)
    if kind == 0:
        del rows[rng.randint(0, len(rows)):]
    elif kind == 1:
        rows.reverse()
    elif kind == 2:
        rng.shuffle(rows)
    elif kind == 3:
        rows *= rng.choice((2, 10, 50)) if len(rows) < 1000 else 1
    elif kind == 4:
        rows.insert(rng.randint(0, len(rows)), rng.choice(OTHER_TYPES))
    elif rows and kind == 5:
        rows.insert(rng.randint(0, len(rows)), rng.choice(rows))
    elif rows and kind == 6:
        del rows[rng.randrange(len(rows))]
    else:
        rows[:] = [b"{}"] * rng.choice((1, 2, 200, 30_000))


# Changes of bytes

STRUCTURE = b'{}[],:"\\ -0/*\n\x00\xff'


def flipped(rng, body):
    body = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 8))):
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return bytes(body)


def structural(rng, body):
    body = bytearray(body)
    for _ in range(rng.choice((1, 1, 3))):
        place = rng.randrange(len(body))
        body[place:place + rng.randrange(2)] = bytes([rng.choice(STRUCTURE)])
    return bytes(body)


def some_range(rng, body):
    start = rng.randrange(len(body))
    return start, start + rng.choice((1, 2, 10, 100, 1000, len(body)))


def removed(rng, body):
    start, end = some_range(rng, body)
    return body[:start] + body[end:]


def repeated(rng, body):
    start, end = some_range(rng, body)
    return body[:end] + body[start:end] * rng.choice((1, 2, 50)) + body[end:]


def noise(rng, body):
    start = rng.randrange(len(body))
    return body[:start] + rng.randbytes(rng.choice((1, 4, 100))) + body[start:]


def shortened(rng, body):
    return body[:rng.randrange(len(body))]


def surrounded(rng, body):
    return rng.choice((body + body, b"\xef\xbb\xbf" + body, body + b"\x00", b"\x00" + body, b"[" + body + b"]", body + b"x",
                       b"/*x*/" + body, body + b"//x", b")]}',\n" + body, body.decode().encode("utf-16"), b"", b"null", b'"x"',
                       b"[]", b"{}", b"0", b" " * 100_000, body + b"}"))


TREES = [other_type, other_number, other_string, huge_string, deeper, wrapped, key_doubled, key_renamed, key_dropped,
         values_exchanged, items_changed]
BYTES = [flipped, structural, removed, repeated, noise, shortened, surrounded]


# Changes that a client must not notice

def harmless_body(rng, message):
    tree = parse(message.body)
    kind = rng.randrange(5)
    if kind == 0:
        pass
    elif kind == 1:
        for owner in list(objects(tree)):
            rng.shuffle(owner)
    elif kind == 2:
        for owner in (tree, *items(tree)):      # below, it would be part of a column
            owner.insert(rng.randint(0, len(owner)), [b'"of a later version"', rng.choice(OTHER_TYPES)])
    elif kind == 3:
        for owner in list(objects(tree)):
            owner.append(list(rng.choice(owner)))
    else:
        for container, place in list(slots(tree)):
            value = container[place]
            if isinstance(value, bytes) and value.startswith(b'"'):
                units = json.loads(value).encode("utf-16-be").hex()
                container[place] = '"{}"'.format("".join(
                    rf"\u{units[start:start + 4]}" for start in range(0, len(units), 4))).encode()
    message.body = written(tree, b"" if kind else rng.choice((b" ", b"\n", b"\t\r\n  ")))
    message.replace(b"Content-Length", b"%d" % len(message.body))


def harmless_head(rng, message):
    place = rng.randint(1, len(message.lines))
    message.lines[place:place] = rng.choice((
        [b"X-Other: " + b"x" * 20_000], [b"X-Number-%d: %d" % (n, n) for n in range(200)], [b"Set-Cookie: a=b; Path=/"],
        [b"X-Empty:"], [b"X-Tab:\t x \t"], [b"X-Bytes: \xff\xfe\x80"], [b"X-Same: 1", b"X-Same: 1"], [b"Retry-After: 100000"],
        [b"Content-Type: text/html"], [b"Age: -1"], [b"Alt-Svc: h3=\":443\"; ma=86400"], [b"Location: http://127.0.0.1:9/"],
        [b"WWW-Authenticate: Basic realm=x"], [b"Link: </x>; rel=preload"], [b"Strict-Transport-Security: max-age=1"]))
    if rng.random() < 0.3:
        message.lines[1:] = [line.swapcase() if line.lower().startswith((b"content-l", b"x-")) else line
                             for line in message.lines[1:]]
    if rng.random() < 0.2:
        message.lines[:0] = [b"HTTP/1.1 100 Continue", b""]


def harmless_framing(rng, message):
    message.framing = rng.choice(("gzip", "deflate", "chunked", "extensions", "trailers", "close"))


# Changes of what is around the body

HEADS = [b"Content-Length: -1", b"Content-Length: 0", b"Content-Length: 1", b"Content-Length: 9223372036854775807",
         b"Content-Length: 18446744073709551616", b"Content-Length: 1e3", b"Content-Length: 0x10", b"Content-Length:",
         b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 5\r\nContent-Length: 6",
         b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Transfer-Encoding: gzip, chunked",
         b"Transfer-Encoding: x", b"Content-Encoding: gzip", b"Content-Encoding: deflate", b"Content-Encoding: br",
         b"Content-Encoding: x", b"Content-Encoding: " + b", ".join([b"gzip"] * 20), b"Content-Encoding: identity",
         b"Connection: upgrade\r\nUpgrade: h2c", b"X-Huge: " + b"x" * 90_000, b"X-Huge: " + b"x" * 110_000,
         b"X-Huge: " + b"x" * 300_000, b"\r\n".join([b"X-Many: 1"] * 20_000), b"X-Fold: a\r\n b\r\n\tc", b"\r\n".join([b"X-Fold: a"] + [b" b"] * 5000),
         b" X-Fold: first", b"X-Space : a", b"No colon", b": no name", b"X-Nul: a\x00b", b"X-Return: a\rb", b"X-Line: a\nb",
         b"X-\xff: a", b"Date: Thu, 01 Jan 1970 00:00:00 GMT", b"Date: x", b"Date: Mon, 31 Feb 99999 25:61:61 GMT",
         b"Trailer: X\r\nTransfer-Encoding: chunked", b"X-Request-Id: " + b"\xff%s\x1b[2J" * 50]
STATUSES = [b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1  200 OK", b"HTTP/1.1 200 " + b"x" * 5000, b"HTTP/2 200", b"HTTP/3 200",
            b"HTTP/9.9 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 x", b"HTTP/1.1 -200 OK",
            b"HTTP/1.1 100 Continue", b"HTTP/1.1 101 Switching", b"HTTP/1.1 103 Hints", b"HTTP/1.1 201 Created", b"HTTP/1.1 204 None",
            b"HTTP/1.1 206 Part", b"HTTP/1.1 301 x\r\nLocation: http://127.0.0.1:9/", b"HTTP/1.1 304 Same", b"HTTP/1.1 400 x",
            b"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic", b"HTTP/1.1 403 x", b"HTTP/1.1 404 x", b"HTTP/1.1 407 x", b"HTTP/1.1 416 x",
            b"HTTP/1.1 429 x\r\nRetry-After: 1e9", b"HTTP/1.1 429 x\r\nRetry-After: -1", b"HTTP/1.1 500 x", b"HTTP/1.1 503 x",
            b"HTTP/1.1 503 x\r\nRetry-After: 99999999999999999999", b"HTTP/1.1 999 x", b"ICY 200 OK", b"", b"\x00", b"SSH-2.0-x", b"{"]
ERROR_BODIES = [b'{"error_code":%s,"error_msg":%s,"request_id":%s}', b'{"error":{"code":%s,"message":%s,"title":%s}}',
                b'{"details":[{"error_code":%s,"error_msg":%s}],"x":%s}']


def head_line(rng, message):
    line = rng.choice(HEADS)
    if rng.random() < 0.5:
        message.remove(line.partition(b":")[0].strip())
    message.lines.insert(rng.randint(1, len(message.lines)), line)


def head_missing(rng, message):
    del message.lines[rng.randrange(len(message.lines))]


def head_doubled(rng, message):
    message.lines.insert(rng.randint(0, len(message.lines)), rng.choice(message.lines))


def head_bytes(rng, message):
    act = rng.choice((flipped, structural, removed, repeated, noise, shortened))
    message.lines = act(rng, b"\r\n".join(message.lines)).split(b"\r\n")


def status_line(rng, message):
    message.lines[0] = rng.choice(STATUSES)


def error_answer(rng, message):
    """An error of the service whose fields are hostile; codes that mean "no rows" are not among them."""
    message.lines[0] = rng.choice([line for line in STATUSES if line.startswith(b"HTTP/1.1 ") and b" 200" not in line])
    values = [rng.choice(STRINGS + NUMBERS + OTHER_TYPES + [b'"CPS.0003"', b'"APIGW.0308"', b'"' + "é".encode() * 600 + b'"',
                                                         b'"limit:1,time:99999999999 hour"']) for _ in range(3)]
    message.body = rng.choice(ERROR_BODIES) % tuple(values)
    message.replace(b"Content-Length", b"%d" % len(message.body))


def cut_off(rng, message):
    message.framing = "cut"


def surplus(rng, message):
    """More than Content-Length says; the connection stays open."""
    message.framing = "surplus"
    message.close = False


def broken_chunks(rng, message):
    message.framing = rng.choice(("bad chunk", "huge chunk", "negative chunk", "no last chunk", "bad trailer"))


def broken_gzip(rng, message):
    message.framing = rng.choice(("bad gzip", "short gzip", "gzip and more"))


HARMLESS = [harmless_body, harmless_head, harmless_framing]
AROUND = [head_line, head_missing, head_doubled, head_bytes, status_line, error_answer, cut_off, surplus, broken_chunks,
          broken_gzip]


# Framing

def framed(rng, message):
    """The payload as it goes over the wire; the head is made to fit where the framing is right."""
    body, way = message.body, message.framing
    if way is None:
        return body
    if way == "close":
        message.remove(b"Content-Length")
        message.close = True
        return body
    if way == "cut":
        return body[:rng.randrange(len(body))]
    if way == "surplus":
        return body + rng.choice((b"\r\n", b"x", body, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"\x00" * 70_000))
    if "gzip" in way or way == "deflate":
        message.replace(b"Content-Encoding", b"deflate" if way == "deflate" else b"gzip")
        payload = zlib.compress(body, 1, wbits=15 if way == "deflate" else 31)
        if way == "bad gzip":
            payload = flipped(rng, payload)
        elif way == "short gzip":
            payload = shortened(rng, payload)
        elif way == "gzip and more":
            payload += rng.randbytes(20)
        message.replace(b"Content-Length", b"%d" % len(payload))
        return payload
    message.remove(b"Content-Length")
    message.replace(b"Transfer-Encoding", b"chunked")
    return chunks(rng, body, way)


def chunks(rng, body, way):
    extension = b";a=b" if way == "extensions" else b""
    parts, start, broken = [], 0, way.endswith(" chunk") and way != "no last chunk"
    while start < len(body):
        part = body[start:start + rng.choice((1, 100, 5000, 20_000))]
        size = b"%x" % len(part)
        if broken and rng.random() < 0.5:
            size = {"bad chunk": b"xyz", "huge chunk": b"f" * 17, "negative chunk": b"-1"}[way]
        parts.append(size + extension + b"\r\n" + part + b"\r\n")
        start += len(part)
    if way != "no last chunk":
        parts.append(b"0\r\n" + {"trailers": b"X-Trailer: 1\r\n", "bad trailer": b"X\x00\r\n\x00: " + b"y" * 200_000}.get(way, b"")
                     + b"\r\n")
    return b"".join(parts)


def mutated(rng, head, body):
    """The Mutation that a random.Random makes of an answer's head and its body, which is JSON."""
    message = Message(head, body)
    kind = rng.random()
    if kind < 0.1:
        act = rng.choice(HARMLESS)
        act(rng, message)
    elif kind < 0.35:
        act = rng.choice(AROUND)
        message.means, message.close = "whole", True
        act(rng, message)
    else:
        message.means = "body"
        act = rng.choice(TREES if kind < 0.75 else BYTES)
        changes = rng.choice((1, 1, 1, 2, 5)) if act in TREES else 1
        message.body = by_tree(rng, act, changes, body) if act in TREES else act(rng, body)
        message.framing = rng.choice((None, None, "gzip", "chunked"))
        message.replace(b"Content-Length", b"%d" % len(message.body))
    payload = framed(rng, message)
    return Mutation(act.__name__ + (f", {message.framing}" if message.framing else ""), message.means,
                    b"\r\n".join(message.lines) + b"\r\n\r\n", payload, message.body, message.close)


def by_tree(rng, act, changes, body):
    tree = parse(body)
    for number in range(changes):
        try:
            (act if number == 0 else rng.choice(TREES))(rng, tree)
        except IndexError:      # what was to be changed is no longer there
            pass
    return written(tree)
