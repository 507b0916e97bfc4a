"""HTTP/1.1: bytes to requests, answers to bytes, slowly or brokenly if a fault says so.

A connection serves one request at a time, in order; what a client sends ahead waits in its buffer.
"""

import asyncio
import email.utils
import functools
import re
import socket
import struct
import zlib

from . import control, link
from .answers import REASONS, Answer, Refused, html_page, refusal

MAX_HEAD = 128 * 1024       # several of the longest tokens seen (20,000 characters)
MAX_BODY = 12 * 1024 * 1024     # the gateway's own limit
SEND_BUFFER = 1 << 20       # a page of 200 phones in one send
CHUNK = 16 * 1024
DRIPS_A_SECOND = 20
BEFORE_RESET = 0.05         # seconds for what was sent to arrive: RST discards what was not read

REQUEST_LINE = re.compile(r"([A-Z]+) (/[!-~]*) HTTP/1\.1")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LENGTH = re.compile(r"[0-9]{1,9}")


class Request:
    """One request; header names are in lower case."""

    __slots__ = ("method", "target", "path", "query", "headers", "body", "id")

    def __init__(self, method, target, headers):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = b""
        self.id = None


class Malformed(Exception):
    """Not a request that anyone should answer with more than an error and a closed connection."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


def parse_head(head):
    """The Request of a head without its last empty line, and the length of the body that follows."""
    try:
        line, *fields = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        raise Malformed("The request is not ASCII") from None
    found = REQUEST_LINE.fullmatch(line)
    if found is None:
        raise Malformed("The request line is malformed")
    headers = {}
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or not HEADER_NAME.fullmatch(name):
            raise Malformed("A header is malformed")
        name = name.lower()
        if name in headers:
            raise Malformed(f"Duplicate header: {name}")
        headers[name] = value.strip(" \t")
    if "host" not in headers:
        raise Malformed("There is no Host header")
    if "transfer-encoding" in headers:
        raise Malformed("A body needs a Content-Length", 411)
    length = headers.get("content-length", "0")
    if not LENGTH.fullmatch(length):
        raise Malformed("Content-Length is malformed")
    if int(length) > MAX_BODY:
        raise Malformed("The body is too large", 413)
    return Request(*found.groups(), headers), int(length)


class Connection(asyncio.Protocol):
    def __init__(self, service, open_connections):
        self.service = service
        self.open_connections = open_connections    # the set of all connections, kept by each of them
        self.buffer = bytearray()
        self.number = None          # given with the first request that is not a control request
        self.steers = False         # has carried control requests alone
        self.served = 0
        self.entry = None           # of the request being served
        self.task = None            # a delivery that takes its time
        self.silent = False         # nothing passes in either direction
        self.held = bytearray()     # what would have been sent since
        self.ends = False           # ... and closed

    # Arrival

    def connection_made(self, transport):
        self.transport = transport
        self.open_connections.add(self)
        self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.service.log.count_arrival(transport.get_extra_info("ssl_object"))

    def _socket(self):
        return self.transport.get_extra_info("socket")

    def connection_lost(self, error):
        self.open_connections.discard(self)
        if self.task:
            self.task.cancel()
        self._finish()
        if self.number is not None and not self.silent:
            self.service.log.open_connections -= 1

    def data_received(self, received):
        self.buffer += received
        if self.entry is None:
            self._serve()

    def _serve(self):
        """Serves the requests in the buffer, until one takes its time or is incomplete."""
        while self.buffer and self.is_idle() and not self.transport.is_closing():
            try:
                request = self._next_request()
            except Malformed as malformed:
                self._refuse(malformed)
                return
            if request is None:
                return
            request.id = self.service.new_request_id()
            if request.path.startswith(control.PREFIX):
                self._steer()
                self._send(request, control.answer(self.service, self, request))
            else:
                self._answer(request)

    def _next_request(self):
        """Takes a request from the buffer; None if it is not complete."""
        end = self.buffer.find(b"\r\n\r\n")
        length = end if end >= 0 else len(self.buffer)
        if 0 < self.service.settings.header_limit < length:
            self._hang_up()
            return None
        if length > MAX_HEAD:
            raise Malformed("Request headers too large", 494)
        if end < 0:
            return None
        request, length = parse_head(self.buffer[:end])
        start = end + 4
        if len(self.buffer) < start + length:
            return None
        request.body = bytes(self.buffer[start:start + length])
        del self.buffer[:start + length]
        return request

    def _begin_bad(self):
        """Logs what is no request."""
        request = Request("BAD", "-", {})
        request.id = self.service.new_request_id()
        self._begin(request)
        return request

    def _hang_up(self):
        """Closes without a word on what came, but a line in the log."""
        self._begin_bad()
        self._finish()
        self._close()

    def _refuse(self, malformed):
        """Answers what is no request, logs it as such, and closes."""
        request = self._begin_bad()
        refused = Refused("APIGW.0201", str(malformed), malformed.status)
        self._send(request, refusal(refused, request.id), close=True)

    def _steer(self):
        """Takes a connection that carries control requests alone out of what is counted."""
        if self.number is None and not self.steers:
            self.steers = True
            self.service.log.count_arrival(self.transport.get_extra_info("ssl_object"), -1)

    def _begin(self, request):
        """Opens an entry in the log, and gives the connection a number with its first."""
        log = self.service.log
        if self.steers:
            self.steers = False
            log.count_arrival(self.transport.get_extra_info("ssl_object"))
        if self.number is None:
            log.connections += 1
            log.open_connections += 1
            self.number = log.connections
        self.served += 1
        self.entry = log.begin(request, self.number)

    def _answer(self, request):
        self._begin(request)
        answer, disturbances = self.service.answer(request)
        close = 0 < self.service.settings.keepalive_requests <= self.served
        if disturbances:
            self.task = asyncio.ensure_future(self._deliver(request, answer, disturbances, close))
        else:
            self._send(request, answer, close)

    # Departure

    def _finish(self):
        """Closes the entry in the log, if one is open; from here on the connection is idle."""
        if self.entry is not None:
            self.service.log.finish(self.entry)
            self.entry = None
            patience = self.service.settings.idle_timeout
            if patience:
                asyncio.get_running_loop().call_later(patience / 1000, self._idle_for_long, self.served)

    def is_idle(self):
        return self.entry is None and not self.silent

    def _idle_for_long(self, served):
        """Ends the connection if nothing has come since so many requests were served."""
        if self.served == served and not self.buffer:
            self.disconnect(self.service.settings.idle_answer)

    def _write(self, sent):
        if self.silent:
            self.held += sent
        else:
            self.transport.write(sent)

    def _close(self):
        if self.silent:
            self.ends = True
        else:
            self.transport.close()

    def silence(self):
        """From here on nothing passes, and the connection stays; tells whether its packets vanish, too."""
        if self.number is not None and not self.silent:
            self.service.log.open_connections -= 1
        self.silent = True
        if not self.transport.is_closing():
            self.transport.pause_reading()
        return link.vanish(self._socket())

    def speak(self):
        """Takes silence back: what was held is sent."""
        self.silent = False
        if self.number is not None:
            self.service.log.open_connections += 1
        link.appear(self._socket())
        if not self.transport.is_closing():
            self.transport.resume_reading()
        held, self.held = bytes(self.held), bytearray()
        self._write(held)
        if self.ends:
            self._close()
        else:
            self._serve()

    def _send(self, request, answer, close=False):
        """Sends a whole answer at once."""
        close = close or wants_close(request)
        self._send_part(answer, *self._encode(request, answer, close))
        self._finish()
        if close:
            self._close()

    def _send_part(self, answer, head, payload):
        """Sends bytes and notes in the log what the client can know from them."""
        if self.entry is not None and not self.silent:
            self.entry.status = answer.status
            self.entry.bytes += len(payload)
        self._write(head + payload)

    def _encode(self, request, answer, close, length_off_by=0):
        """Head and body of an answer as they go over the wire."""
        settings = self.service.settings
        headers = answer.headers
        payload = answer.body
        if settings.gzip and answer.packable and "gzip" in request.headers.get("accept-encoding", ""):
            payload = zlib.compress(payload, level=1, wbits=31)
            headers = [*headers, ("Content-Encoding", "gzip")]
        if settings.chunked and not length_off_by:
            payload = chunked(payload)
            length = "Transfer-Encoding: chunked"
        else:
            length = f"Content-Length: {max(len(payload) + length_off_by, 0)}"
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        if close:
            extra += "Connection: close\r\n"
        head = (f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n"
                f"Date: {http_date(int(self.service.now()))}\r\n"
                f"Content-Type: {answer.content_type}\r\n"
                f"X-Request-Id: {request.id}\r\n"
                f"{length}\r\n{extra}\r\n")
        return head.encode("latin-1", "replace"), payload

    async def _deliver(self, request, answer, disturbances, close):
        """Sends an answer the way the faults want it, then goes on with the next request."""
        try:
            wanted = {fault.kind: fault for fault in disturbances}
            delay = sum(fault["ms"] for fault in disturbances if fault.kind == "latency")
            if delay:
                await asyncio.sleep(delay / 1000)
            await self._disturbed(request, answer, wanted, close or wants_close(request))
        except asyncio.CancelledError:
            return      # the client has gone
        self.task = None
        self._finish()
        self._serve()

    async def _disturbed(self, request, answer, wanted, close):
        """Sends an answer, or some of it, or none."""
        stall, silence = (wanted[kind]["where"] if kind in wanted else None for kind in ("stall", "silence"))
        if stall == "start":
            await forever()
        if silence == "start":
            self.silence()
        if "reset" in wanted:
            return self._reset()
        if "close" in wanted:
            return self._close()
        off_by = wanted["wrong_length"]["by"] if "wrong_length" in wanted else 0
        head, payload = self._encode(request, answer, close, off_by)
        if "mutate" in wanted:
            return self._mutated(answer, head, wanted["mutate"])
        if stall == "headers":
            self._write(head[:len(head) // 2])
            await forever()
        if silence == "headers":
            self._write(head[:len(head) // 2])
            self.silence()
            head = head[len(head) // 2:]
        half = payload[:len(payload) // 2]
        if silence == "body":
            self._send_part(answer, head, half)
            self.silence()
            head, payload = b"", payload[len(half):]
        if stall == "body":
            self._send_part(answer, head, half)
            await forever()
        if "reset_body" in wanted:
            self._send_part(answer, head, half)
            await asyncio.sleep(BEFORE_RESET)
            return self._reset()
        if "truncate" in wanted:
            at = wanted["truncate"]["at"]
            self._send_part(answer, head, half if at is None else payload[:at])
            return self._close()
        if "drip" in wanted:
            await self._drip(answer, head, payload, max(wanted["drip"]["bps"], 1))
        else:
            self._send_part(answer, head, payload)
        if close:
            return self._close()
        if "twice" in wanted:
            self._send_unasked(request, wanted["twice"])

    def _send_unasked(self, request, fault):
        """Sends one more answer, which nobody asked for, at once or later."""
        answer = Answer(fault["status"], fault["text"].encode())
        sent = b"".join(self._encode(request, answer, False))
        if fault["ms"]:
            asyncio.get_running_loop().call_later(fault["ms"] / 1000, self._write, sent)
        else:
            self._write(sent)

    def _mutated(self, answer, head, fault):
        """Sends what a mutation makes of an answer, and remembers the mutation."""
        mutation = fault.act(fault, head, answer.body)
        self.service.mutations.append(mutation)
        self._send_part(answer, mutation.head, mutation.payload)
        if mutation.close:
            self._close()

    async def _drip(self, answer, head, payload, bytes_a_second):
        self._send_part(answer, head, b"")
        step = max(1, bytes_a_second // DRIPS_A_SECOND)
        for start in range(0, len(payload), step):
            await asyncio.sleep(step / bytes_a_second)
            self._send_part(answer, b"", payload[start:start + step])

    def _reset(self):
        """Closes with RST: lingering for no time makes the kernel drop the connection."""
        if self.silent:
            self.ends = True
            return
        self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def disconnect(self, status=0):
        """Closes the connection unless it is serving a request, after an answer with a status that nobody asked for
        if one is given; tells whether it did."""
        if not self.is_idle() or self.transport.is_closing():
            return False
        if status:
            request = Request("", "", {})
            request.id = self.service.new_request_id()
            self._write(b"".join(self._encode(request, html_page(status), True)))
        self.transport.close()
        return True


def wants_close(request):
    return request.headers.get("connection", "").lower() == "close"


async def forever():
    await asyncio.get_running_loop().create_future()


def chunked(payload):
    parts = []
    for start in range(0, len(payload), CHUNK):
        part = payload[start:start + CHUNK]
        parts.append(b"%x\r\n%b\r\n" % (len(part), part))
    return b"".join(parts) + b"0\r\n\r\n"


@functools.lru_cache(maxsize=4)
def http_date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)
