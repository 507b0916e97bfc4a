"""Connections that fall silent, say too much, or end while nobody uses them."""

import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

from simulator import link
from simulator.tests.support import PATIENCE, PHONES, Case, Running, request_text

ONE = request_text(PHONES + "?limit=1")


def may_vanish():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return link.vanish(sock)


class Links(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.service.control, "DELETE", "silence")

    def open(self):
        sock = socket.create_connection(("127.0.0.1", self.service.port), PATIENCE)
        # With RST: what vanished is not to be sent again, and met by another test.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.addCleanup(sock.close)
        return sock

    def kept(self):
        """A connection that has carried a request."""
        sock = self.open()
        self.assertEqual(self.ask(sock), 1)
        return sock

    def ask(self, sock, wait=PATIENCE):
        """How many answers come for one more request; -1 if none does in time."""
        sock.sendall(ONE)
        return self.hear(sock, wait)

    @staticmethod
    def hear(sock, wait=PATIENCE):
        sock.settimeout(wait)
        try:
            return sock.recv(1 << 20).count(b"HTTP/1.1 ")
        except TimeoutError:
            return -1

    def silence(self, which="all"):
        return self.service.control("POST", "silence", which=which)

    def test_all_fall_silent(self):
        first, second, fresh = self.kept(), self.kept(), self.open()
        time.sleep(.05)
        open_before = self.service.stats()["open_connections"]
        done = self.silence()
        self.assertGreaterEqual(done["silenced"], 3)
        self.assertEqual([self.ask(each, .2) for each in (first, second, fresh)], [-1, -1, -1])
        self.assertEqual(self.ask(self.kept()), 1)      # a new one is not
        stats = self.service.stats()
        self.assertEqual(stats["silent"], done["silenced"])
        self.assertLess(stats["open_connections"], open_before)
        unacknowledged = struct.unpack_from("I", first.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 24)[0]
        self.assertEqual(unacknowledged > 0, done["vanished"])
        self.assertEqual(done["vanished"], may_vanish())
        self.service.clear()
        self.assertEqual(self.service.stats()["silent"], done["silenced"])

    def test_it_is_taken_back(self):
        sock = self.kept()
        self.silence()
        self.assertEqual(self.ask(sock, .2), -1)
        self.service.control("DELETE", "silence")
        self.assertEqual(self.hear(sock), 1)
        self.assertEqual(self.ask(sock), 1)
        self.assertEqual(self.service.stats()["silent"], 0)

    def test_answers_on_their_way_are_held(self):
        sock = self.kept()
        self.service.fault("latency", ms=100)
        sock.sendall(ONE)
        time.sleep(.05)
        self.silence()
        self.assertEqual(self.hear(sock, .3), -1)
        self.assertIsNone(self.service.control("GET", "log")[-1]["status"])
        self.service.control("DELETE", "silence")
        self.assertEqual(self.hear(sock), 1)

    def test_only_idle_ones_fall_silent(self):
        idle, busy = self.kept(), self.kept()
        self.service.fault("latency", ms=100)
        busy.sendall(ONE)
        time.sleep(.05)
        self.silence("idle")
        self.assertEqual(self.hear(busy), 1)
        self.service.control("DELETE", "fault")
        self.assertEqual(self.ask(idle, .2), -1)

    @unittest.skipUnless(may_vanish(), "packets may not be dropped here")
    def test_no_new_ones(self):
        sock = self.kept()
        self.assertEqual(self.silence("new"), {"silenced": 1, "vanished": True})
        with self.assertRaises(TimeoutError):
            socket.create_connection(("127.0.0.1", self.service.port), .3)
        self.assertEqual(self.ask(sock), 1)
        self.service.clear()
        self.kept()

    def test_bad_silence(self):
        for body in ({"which": "some"}, {"which": 1}, {"what": "all"}):
            with self.assertRaises(ValueError):
                self.service.control("POST", "silence", **body)

    def test_a_request_is_the_last(self):
        for where, sent in (("start", 0), ("headers", 30), ("body", 300)):
            sock, other = self.kept(), self.kept()
            self.service.fault("silence", where=where, times=1)
            sock.sendall(ONE)
            received = b""
            sock.settimeout(.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    received += sock.recv(65536)
            self.assertGreaterEqual(len(received), sent, where)
            self.assertEqual(b"\r\n\r\n" in received, where == "body")
            self.assertEqual(self.ask(other), 1)
            self.service.control("DELETE", "silence")
            self.assertIn(b"}", sock.recv(65536)[-2:])

    def test_an_answer_twice(self):
        sock = self.open()
        self.service.fault("twice", times=1)
        sock.sendall(ONE)
        time.sleep(.1)
        received = sock.recv(1 << 20)
        self.assertEqual(received.count(b"HTTP/1.1 200"), 2)
        self.assertTrue(received.endswith(b'{"count":0,"phones":[]}'))
        self.service.fault("twice", times=1, ms=100, text="[]", status=201)
        self.assertEqual(self.ask(sock), 1)
        self.assertEqual(self.hear(sock, .05), -1)
        self.assertEqual(self.hear(sock), 1)
        self.assertEqual(self.ask(sock), 1)
        self.assertEqual(len(self.service.control("GET", "log")), 3)

    def test_a_goodbye_to_idle_ones(self):
        self.service.set(idle_timeout=100)
        sock, steering = self.kept(), self.open()
        steering.sendall(b"GET /_control/stats HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(self.hear(steering), 1)
        time.sleep(.05)
        self.assertEqual(self.ask(sock), 1)     # begins anew
        start = time.monotonic()
        received = b""
        while part := sock.recv(65536):
            received += part
        self.assertTrue(.08 < time.monotonic() - start < 1)
        self.assertTrue(received.startswith(b"HTTP/1.1 408 Request Timeout\r\n"))
        self.assertIn(b"\r\nConnection: close\r\n", received)
        self.assertEqual(self.hear(steering, .1), -1)
        self.service.set(idle_answer=0)
        self.assertEqual(self.kept().recv(10), b"")
        self.assertEqual({entry["status"] for entry in self.service.control("GET", "log")}, {200})

    def test_a_goodbye_on_command(self):
        sock = self.kept()
        self.assertGreaterEqual(self.service.control("POST", "disconnect", status=408)["closed"], 1)
        self.assertIn(b" 408 ", sock.recv(65536))
        self.assertEqual(sock.recv(10), b"")

    def test_large_headers(self):
        self.service.set(header_limit=8192)
        self.kept()
        sock = self.open()
        with contextlib.suppress(ConnectionResetError):
            sock.sendall(request_text(PHONES, "X-More: " + "x" * 8200))
            self.assertEqual(sock.recv(10), b"")
        self.assertEqual(self.service.control("GET", "log")[-1]["status"], None)
        self.service.set(header_limit=0)
        self.assertIn(b" 200 ", self.service.raw(request_text(PHONES, "X-More: " + "x" * 8200, "Connection: close")))

    def test_statuses_of_what_stands_in_front(self):
        for status, reason in ((408, "Request Timeout"), (421, "Misdirected Request"), (425, "Too Early")):
            self.service.fault("status", status=status, times=1)
            answer = self.service.send("GET", PHONES)
            self.assertEqual((answer.status, answer.reason, answer.headers["Content-Type"]),
                             (status, reason, "text/html"))

    def test_counts(self):
        before = self.service.stats()
        self.open()
        self.kept()
        time.sleep(.05)
        after = self.service.stats()
        self.assertEqual([after[name] - before[name] for name in ("accepted", "connections", "handshakes", "resumed")],
                         [2, 1, 0, 0])


class SecureLinks(unittest.TestCase):
    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl command")
    def test_handshakes(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
        service = Running("--tls", cert, key, "--phones", "5", "--token", "T")
        self.addCleanup(service.stop)
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        sessions = [None]
        before = service.stats()
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as plain:
                with context.wrap_socket(plain, session=sessions[-1]) as sock:
                    for _ in range(2):
                        sock.sendall(ONE)
                        self.assertIn(b" 200 ", sock.recv(65536))
                    sessions.append(sock.session)
        after = service.stats()
        self.assertEqual([after[name] - before[name] for name in ("accepted", "connections", "handshakes", "resumed")],
                         [2, 2, 2, 1])
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as plain:
            with context.wrap_socket(plain) as sock:
                sock.sendall(ONE)
                self.assertIn(b" 200 ", sock.recv(65536))
                service.control("POST", "silence")
                sock.settimeout(.2)
                sock.sendall(ONE)
                with self.assertRaises(TimeoutError):
                    sock.recv(10)
                service.control("DELETE", "silence")
                sock.settimeout(PATIENCE)
                self.assertIn(b" 200 ", sock.recv(65536))
