"""Each fault, and whom it hits."""

import calendar
import datetime
import json
import threading
import time
import zlib

from simulator.tests.support import PHONES, Case, request_text


class FaultsInForce(Case):
    def test_whom_a_fault_hits(self):
        self.service.fault("status", status=503, after=2, times=1)
        self.assertEqual([self.service.send("GET", PHONES).status for _ in range(4)], [200, 200, 503, 200])
        self.assertEqual(self.service.control("GET", "fault")[0]["hits"], 1)
        self.service.control("DELETE", "fault")
        self.service.fault("status", match="offset=20&")
        statuses = [self.service.send("GET", f"{PHONES}?{query}").status
                    for query in ("offset=20&limit=2", "offset=200", "limit=2&offset=20")]
        self.assertEqual(statuses, [500, 200, 500])
        self.service.control("DELETE", "fault")
        self.service.fault("status")
        self.assertEqual(self.service.send("GET", "/elsewhere").status, 404)
        self.service.fault("status", match="elsewhere")
        self.assertEqual(self.service.send("GET", "/elsewhere").status, 500)

    def test_statuses(self):
        for status, code in ((400, "APIGW.0201"), (401, "APIGW.0301"), (403, "CPS.0001"),
                             (404, "APIGW.0101"), (429, "APIGW.0308"), (500, "CPS.0003")):
            self.service.fault("status", status=status, times=1)
            self.refused(PHONES, code, status)
        for code in ("APIGW.0307", "CPS.0006"):
            self.service.fault("status", status=403, error_code=code, times=1)
            self.refused(PHONES, code, 403)
        for status in (502, 503, 504):
            self.service.fault("status", status=status, times=1)
            answer = self.service.send("GET", PHONES)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (status, "text/html"))

    def test_shapes(self):
        def body(**arguments):
            self.service.fault("status", times=1, **arguments)
            return json.loads(self.service.send("GET", PHONES).body)
        self.assertEqual(body(status=401, shape="iam", error_msg="no")["error"],
                         {"code": 401, "message": "no", "title": "Unauthorized"})
        self.assertIn("encoded_authorization_message", body(status=403, shape="details"))
        self.service.fault("status", shape="text", error_msg="busy", times=1)
        self.assertEqual(self.service.send("GET", PHONES).body, b"busy")

    def test_retry_after(self):
        self.service.fault("status", status=503, retry_after=7, times=1)
        self.assertEqual(self.service.send("GET", PHONES).headers["Retry-After"], "7")
        self.service.fault("status", status=429, retry_after="date+60", times=1)
        text = self.service.send("GET", PHONES).headers["Retry-After"]
        date = datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT")
        self.assertAlmostEqual(calendar.timegm(date.timetuple()), time.time() + 60, delta=5)

    def test_rate(self):
        self.service.fault("rate", n=3, seconds=1, retry_after=1)
        answers = [self.service.send("GET", PHONES) for _ in range(5)]
        self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429, 429])
        self.assertIn("limit:3,time:1 second", json.loads(answers[3].body)["error_msg"])
        self.assertEqual(answers[3].headers["Retry-After"], "1")
        time.sleep(1.05)
        self.assertEqual(self.service.send("GET", PHONES).status, 200)

    def test_other_bodies(self):
        def answer(kind, **arguments):
            self.service.fault(kind, times=1, **arguments)
            return self.service.send("GET", PHONES)
        redirect = answer("redirect", location="http://127.0.0.1:1/x")
        self.assertEqual((redirect.status, redirect.headers["Location"]), (302, "http://127.0.0.1:1/x"))
        self.assertIn("text/html", answer("html").headers["Content-Type"])
        self.assertEqual(len(answer("garbage", n=77).body), 77)
        self.assertEqual(answer("empty").body, b"")
        self.assertEqual(answer("body", text='{"phones":{}}').body, b'{"phones":{}}')
        self.assertEqual(answer("body", text=[]).body, b"[]")
        with self.assertRaises(zlib.error):
            zlib.decompress(answer("bad_gzip").body, wbits=31)

    def test_spoilt_pages(self):
        def body(kind, **arguments):
            self.service.fault(kind, times=1, **arguments)
            return self.service.send("GET", PHONES + "?limit=3&offset=4").body
        large = body("oversize", n=100_000)
        self.assertEqual(len(large), 100_000)
        self.assertEqual(len(json.loads(large)["phones"]), 3)
        items = json.loads(body("braces", n=3000))["phones"]
        self.assertEqual((len(items), items[0]), (1003, {}))
        self.assertIn(b'"deep":' + b"[" * 500 + b"]" * 500, body("deep", n=500))
        self.assertIn("\0", json.loads(body("nul", item=1))["phones"][1]["phone_name"])
        self.assertIn(b"\xff\xfe", body("invalid_utf8"))
        self.assertIn(rb"\ud800", body("surrogate"))
        numbers = json.loads(body("big_number", item=2))["phones"]
        self.assertGreater(numbers[2]["status"], 2**64)
        self.assertLess(numbers[1]["status"], 99)
        self.assertEqual(json.loads(body("big_number", raw=10**20, field="type"))["phones"][0]["type"], 10**20)
        self.service.fault("braces", n=6, times=1)
        self.assertEqual(self.service.get(PHONES + "?offset=999")["phones"], [{}, {}])

    def test_headers(self):
        self.service.fault("headers", lines=["X-One: a: b", "X-Two:c"])
        self.service.fault("huge_header", n=5000)
        headers = self.service.send("GET", PHONES).headers
        self.assertEqual((headers["X-One"], headers["X-Two"], len(headers["X-Padding"])), ("a: b", "c", 5000))

    def test_latency_is_concurrent(self):
        self.service.fault("latency", ms=200)
        start = time.monotonic()
        threads = [threading.Thread(target=self.service.raw, args=(
            request_text(PHONES, "Connection: close"),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(0.2 <= time.monotonic() - start < 1)
        self.assertEqual(self.service.control("GET", "stats")["max_in_flight"], 8)

    def test_stalls(self):
        for where, sent in (("start", 0), ("headers", 50), ("body", 400)):
            self.service.fault("stall", where=where, times=1)
            received = self.service.raw(request_text(PHONES + "?limit=5"), wait=0.15)
            self.assertTrue(received.endswith(b"(still open)"))
            self.assertEqual(b"\r\n\r\n" in received, where == "body")
            self.assertGreaterEqual(len(received) - 12, sent)
        entries = self.service.control("GET", "log")
        self.assertEqual([entry["status"] for entry in entries], [None, None, 200])
        self.assertEqual(self.service.control("GET", "stats")["in_flight"], 0)

    def test_resets(self):
        self.service.fault("reset", times=1)
        with self.assertRaises(ConnectionResetError):
            self.service.raw(request_text(PHONES))
        self.service.fault("reset_body", times=1)
        with self.assertRaises(ConnectionResetError):
            self.service.raw(request_text(PHONES))
        self.assertGreater(self.service.control("GET", "log")[-1]["bytes"], 10_000)

    def test_ends(self):
        self.service.fault("close", times=1)
        self.assertEqual(self.service.raw(request_text(PHONES)), b"")
        self.service.fault("truncate", times=1, at=10)
        head, _, body = self.service.raw(request_text(PHONES)).partition(b"\r\n\r\n")
        self.assertEqual(len(body), 10)
        self.assertNotIn(b"Content-Length: 10\r\n", head)
        self.service.fault("wrong_length", times=1, by=-7)
        with self.assertRaises(json.JSONDecodeError):
            self.service.get(PHONES)
        self.service.connection.close()

    def test_drip(self):
        self.service.fault("drip", bps=10_000)
        start = time.monotonic()
        self.assertEqual(len(self.service.get(PHONES + "?limit=5")["phones"]), 5)
        self.assertGreater(time.monotonic() - start, 0.15)

    def test_bad_faults(self):
        for kind, arguments in (("meteor", {}), ("latency", {"s": 1}), ("latency", {"ms": "long"}),
                                ("stall", {"where": "here"}), ("status", {"times": "twice"})):
            with self.assertRaises(ValueError):
                self.service.fault(kind, **arguments)
