"""Each way to take what the documents leave open."""

import calendar
import datetime
import json
import time
import zlib

from simulator import data, settings
from simulator.tests.support import PHONES, SERVERS, TOKEN, Case, request_text


class SettingsInForce(Case):
    def names(self, query, **settings):
        self.service.set(**settings)
        return {row["phone_name"] for row in self.service.get(f"{PHONES}?{query}")["phones"]}

    def test_names(self):
        self.assertEqual(self.names("phone_name=bile-00001"), {
            f"mobile-{n:06d}" for n in (10, 12, 14, 15, 16, 18)} | {"Mobile-000019"})
        self.assertEqual(self.names("phone_name=obile-000018", names="prefix"), set())
        self.assertEqual(self.names("phone_name=mobile-00001", names="prefix"),
                         {f"mobile-{n:06d}" for n in (10, 12, 14, 15, 16, 18)})
        self.assertEqual(self.names("phone_name=mobile-00001", names="exact"), set())
        self.assertEqual(self.names("phone_name=mobile-000018", names="exact"), {"mobile-000018"})
        self.assertIn("Mobile-000019", self.names("phone_name=mobile-000019", names="nocase"))
        self.assertEqual(self.names("phone_name=mobile%25100", names="wildcards"),
                         {"mobile-000100", "mobile-100%"})

    def test_creating(self):
        own = self.service.get(SERVERS + "?status=1")["count"]
        self.service.set(creating="all")
        everything = self.service.get(SERVERS + "?status=1")
        self.assertGreaterEqual(everything["count"], own)
        self.assertLessEqual({row["status"] for row in everything["servers"]}, {0, 1, 3, 4})
        self.assertEqual(self.service.get(SERVERS + "?status=3")["servers"], everything["servers"])
        self.assertEqual({row["status"] for row in self.service.get(PHONES + "?status=1")["phones"]}, {0, 1})

    def test_time_unit(self):
        self.service.set(time_unit="ms")
        self.assertEqual(self.service.get(f"{SERVERS}?create_until={data.NEWEST}")["count"], 0)
        self.assertEqual(self.service.get(f"{SERVERS}?create_until={data.NEWEST}000")["count"], 12)

    def test_filters_ignored_and_invalid(self):
        self.service.set(filters_ignored=["status"])
        self.assertEqual(self.service.get(PHONES + "?status=8")["count"], 500)
        self.refused(PHONES + "?status=5", "CPS.0010")
        self.service.set(invalid_filter={"server_id": "CPS.0016"})
        self.refused(PHONES + "?server_id=abc", "CPS.0016")
        self.service.get(PHONES)

    def test_count(self):
        total = self.service.get(PHONES + "?status=8")["count"]
        for setting, value in (("all", 500), ("page", 1), ("huge", 10**30), ("negative", -1), ("null", None),
                               ("string", str(total)), (7, 7), ("filtered", total)):
            self.service.set(count=setting)
            self.assertEqual(self.service.get(PHONES + "?status=8&limit=1")["count"], value)
        self.service.set(count="absent")
        self.assertNotIn("count", self.service.get(PHONES))

    def test_page_cap_and_max_offset(self):
        self.service.set(page_cap=30, max_offset=100)
        self.assertEqual(len(self.service.get(PHONES + "?limit=200")["phones"]), 30)
        self.assertEqual(len(self.service.get(PHONES + "?limit=10&offset=100")["phones"]), 10)
        self.refused(PHONES + "?offset=101", "CPS.0002")

    def test_item_array(self):
        self.service.set(empty="null")
        self.assertIsNone(self.service.get(PHONES + "?offset=500")["phones"])
        self.assertTrue(self.service.get(PHONES)["phones"])
        self.service.set(empty="absent")
        self.assertNotIn("phones", self.service.get(PHONES + "?offset=500"))
        self.service.set(item_key="absent")
        self.assertNotIn("phones", self.service.get(PHONES))
        self.service.set(item_key="null")
        self.assertIsNone(self.service.get(PHONES)["phones"])

    def test_shuffled_ties(self):
        plain = self.service.read_all(limit=100)
        self.service.set(ties_shuffled=True)
        pages = [self.service.get(PHONES + "?limit=100")["phones"] for _ in range(5)]
        self.assertGreater(len({tuple(row["phone_id"] for row in page) for page in pages}), 1)
        for page in pages:
            self.assertEqual([row["create_time"] for row in page],
                             [row["create_time"] for row in plain[:100]])
        whole = self.service.get(PHONES + "?limit=200&offset=0")["phones"]
        self.assertEqual(len({row["phone_id"] for row in whole}), 200)
        several = [self.service.get(PHONES + "?limit=1&offset=200") for _ in range(3)]
        self.assertEqual({page["phones"][0]["create_time"] for page in several},
                         {self.service.get(PHONES + "?limit=1&offset=200")["phones"][0]["create_time"]})
        self.assertEqual(self.service.get(PHONES + "?offset=600")["phones"], [])

    def test_unsorted(self):
        plain = self.service.get(PHONES)["phones"]
        self.service.set(unsorted=True)
        self.assertEqual(self.service.get(PHONES)["phones"], plain[::-1])

    def test_fields(self):
        self.service.set(drop_fields=["create_time", "imei"], set_fields=[
            {"index": 3, "field": "status", "raw": '"x"'}, {"index": None, "field": "new", "raw": "[1]"}])
        rows = self.service.get(PHONES + "?offset=2&limit=3")["phones"]
        self.assertEqual([row["status"] == "x" for row in rows], [False, True, False])
        for row in rows:
            self.assertEqual(row["new"], [1])
            self.assertFalse({"create_time", "imei"} & set(row))

    def test_compression_and_chunks(self):
        plain = self.service.get(PHONES)["phones"]
        self.service.set(gzip=True)
        answer = self.service.send("GET", PHONES, {**TOKEN, "Accept-Encoding": "deflate, gzip"})
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertEqual(json.loads(zlib.decompress(answer.body, wbits=31))["phones"], plain)
        self.assertNotIn("Content-Encoding", self.service.send("GET", PHONES).headers)
        self.service.set(gzip=False, chunked=True)
        answer = self.service.send("GET", PHONES)
        self.assertNotIn("Content-Length", answer.headers)
        self.assertEqual(json.loads(answer.body)["phones"], plain)
        self.assertEqual(self.service.control("GET", "stats")["phones"], 500)

    def test_the_service_itself(self):
        self.service.set(request_id="fixed", clock_shift=86400)
        answer = self.service.send("GET", PHONES)
        self.assertEqual(answer.headers["X-Request-Id"], "fixed")
        date = datetime.datetime.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
        self.assertAlmostEqual(calendar.timegm(date.timetuple()), time.time() + 86400, delta=5)

    def test_connections_that_end(self):
        self.service.set(keepalive_requests=2)
        received = self.service.raw(request_text(PHONES + "?limit=1") * 3)
        self.assertEqual(received.count(b"HTTP/1.1 200"), 2)
        self.assertEqual(received.count(b"Connection: close"), 1)

    def test_bad_settings_change_nothing(self):
        for bad in ({"names": "fuzzy"}, {"nonsense": 1}, {"churn": -1}, {"unsorted": 1}, {"count": "many"},
                    {"set_fields": {"field": "x"}}, {"churn": 3, "names": 5}):
            with self.assertRaises(ValueError):
                self.service.set(**bad)
        self.assertEqual(self.service.control("GET", "set")["churn"], 0)

    def test_null_is_the_default(self):
        self.service.set(count="all")
        self.assertEqual(self.service.set(count=None)["count"], "filtered")
