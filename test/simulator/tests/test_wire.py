"""The log, and HTTP as it arrives."""

import socket

from simulator.tests.support import PHONES, TOKEN, Case, request_text


class LogAndConnections(Case):
    def test_log(self):
        self.service.send("GET", PHONES + "?offset=0&limit=10")
        self.service.send("GET", PHONES + "?status=5")
        first, second = self.service.control("GET", "log")
        self.assertEqual(first["target"], PHONES + "?limit=10&offset=0")
        self.assertEqual((first["status"], second["status"]), (200, 400))
        self.assertEqual((first["method"], first["in_flight"]), ("GET", 1))
        self.assertEqual(first["connection"], second["connection"])
        self.assertIn("x-auth-token", first["headers"])
        self.assertLessEqual(first["start"], first["end"])
        self.service.control("DELETE", "log")
        self.assertEqual(self.service.control("GET", "log"), [])

    def test_bytes(self):
        answer = self.service.send("GET", PHONES)
        self.assertEqual(self.service.control("GET", "log")[0]["bytes"], len(answer.body))

    def test_connections(self):
        before = self.service.control("GET", "stats")["connections"]
        for _ in range(3):
            self.service.raw(request_text(PHONES, "Connection: close"))
        after = self.service.control("GET", "stats")
        self.assertEqual((after["connections"] - before, after["requests"]), (3, 3))
        with socket.create_connection(("127.0.0.1", self.service.port)) as sock:
            sock.sendall(request_text(PHONES + "?limit=1"))
            sock.recv(65536)
            self.assertGreaterEqual(self.service.control("POST", "disconnect")["closed"], 1)
            self.assertEqual(sock.recv(10), b"")

    def test_requests_sent_ahead_are_answered_in_order(self):
        self.service.fault("latency", ms=50, times=1)
        received = self.service.raw(b"".join(request_text(f"{PHONES}?limit=1&offset={n}") for n in range(3)),
                                    wait=0.3)
        self.assertEqual(received.count(b"HTTP/1.1 200"), 3)
        self.assertEqual([entry["target"][-1] for entry in self.service.control("GET", "log")],
                         ["0", "1", "2"])

    def test_malformed_requests(self):
        for sent, status in (
                (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 400), (b"GET /\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
                (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
                (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", 413),
                (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 140_000, 494)):
            received = self.service.raw(sent)
            self.assertTrue(received.startswith(b"HTTP/1.1 %d " % status), received[:60])
        self.assertEqual(self.service.control("GET", "log")[0]["method"], "BAD")

    def test_a_list_request_has_no_body(self):
        self.assertEqual(self.service.send("GET", PHONES, TOKEN, b"{}").status, 400)
