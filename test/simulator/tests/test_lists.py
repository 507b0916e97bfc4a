"""The data, and the two lists as the documents describe them."""

import itertools
import json
import time
import unittest

from simulator import data, resources
from simulator.tests.support import MODELS, PHONES, PROJECT, SERVERS, Case


class Data(unittest.TestCase):
    def test_same_seed_same_data(self):
        first, again = (data.make_phones(60, ["s"], 5, 0.3) for _ in range(2))
        self.assertEqual([row.item() for row in first], [row.item() for row in again])
        other = data.make_phones(60, ["s"], 6, 0.3)
        self.assertNotEqual(first[0].phone_id, other[0].phone_id)

    def test_phones_are_as_documented(self):
        servers = data.make_servers(50, 1, 0.3)
        phones = data.make_phones(3000, [server.server_id for server in servers], 1, 0.3)
        self.assertEqual({phone.status for phone in phones}, set(data.PHONE_STATUSES))
        self.assertLess(max(sum(phone.server_id == server.server_id for phone in phones)
                            for server in servers[:5]), 200)
        for item in (phone.item() for phone in phones):
            self.assertLessEqual(set(item), set(resources.PHONES.columns))
            self.assertLessEqual(item["create_time"], item["update_time"])
            self.assertLessEqual(len(item["image_id"]), 32)
        self.assertEqual(len({phone.phone_id for phone in phones}), 3000)

    def test_servers_are_as_documented(self):
        items = [server.item() for server in data.make_servers(400, 1, 0.3)]
        self.assertEqual({item["status"] for item in items}, set(data.SERVER_STATUSES))
        self.assertEqual({len(item["addresses"]) for item in items}, {0, 1, 2, 3})
        for item in items:
            self.assertEqual(set(item), set(resources.SERVERS.columns))

    def test_models_are_as_documented(self):
        items = [model.item() for model in data.make_models(200, 1)]
        self.assertEqual({item["status"] for item in items}, {0, 1})
        self.assertEqual(len({item["phone_model_name"] for item in items}), 200)
        self.assertEqual({len(item) for item in items}, {12, 16, 18})
        for item in items:
            self.assertLessEqual(set(item), set(resources.MODELS.columns))
        self.assertLessEqual(set(data.PHONE_MODELS), {item["phone_model_name"] for item in items})

    def test_odd_names_only_in_longer_lists(self):
        self.assertEqual(data.make_phones(50, ["s"], 1, 0)[7].phone_name, "手机-000007")
        self.assertEqual(data.make_phones(49, ["s"], 1, 0)[7].phone_name, "mobile-000007")

    def test_ties(self):
        for ties, low, high in ((0, 0, 0), (0.3, 500, 700), (1, 1999, 1999)):
            times = [row.created for row in data.make_phones(2000, ["s"], 1, ties)]
            self.assertEqual(times, sorted(times))
            equal = sum(one == next_ for one, next_ in itertools.pairwise(times))
            self.assertTrue(low <= equal <= high, equal)

    def test_twenty_thousand_phones_in_half_a_second(self):
        start = time.process_time()
        data.make_phones(20_000, ["s"], 1, 0.3)
        self.assertLess(time.process_time() - start, 0.5)


class Lists(Case):
    def test_pages_are_the_list(self):
        rows = self.service.read_all(limit=150)
        self.assertEqual(len({row["phone_id"] for row in rows}), 500)
        times = [row["create_time"] for row in rows]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(rows[-1]["phone_name"], "mobile-000000")
        page = self.service.get(PHONES + "?offset=3&limit=2")
        self.assertEqual(page["phones"], rows[3:5])
        self.assertEqual(page["count"], 500)

    def test_defaults(self):
        self.assertEqual(len(self.service.get(PHONES)["phones"]), 100)
        self.assertEqual(len(self.service.get(SERVERS)["servers"]), 12)
        self.assertEqual(len(self.service.get(MODELS)["phone_models"]), 100)

    def test_models(self):
        rows = self.service.read_all(MODELS, 50)
        self.assertEqual(len({row["phone_model_name"] for row in rows}), 120)
        page = self.service.get(MODELS + "?limit=3&offset=2")
        self.assertEqual(set(page), {"phone_models", "request_id"})
        self.assertEqual(page["phone_models"], rows[2:5])
        for status in (0, 1):
            self.assertEqual(self.service.read_all(f"{MODELS}?status={status}", 100),
                             [row for row in rows if row["status"] == status])
        self.service.set(count="all")
        self.assertNotIn("count", self.service.get(MODELS))

    def test_models_change(self):
        self.restore_data()
        first = self.service.get(MODELS + "?limit=1")["phone_models"][0]
        self.service.control("POST", "insert", list="phone_models", fields={"phone_model_name": "new"})
        self.service.control("POST", "update", list="phone_models", index=1, set={"status": 1 - first["status"]})
        page = self.service.get(MODELS + "?limit=2")["phone_models"]
        self.assertEqual(page[0]["phone_model_name"], "new")
        self.assertEqual(page[1], {**first, "status": 1 - first["status"]})
        self.service.control("POST", "delete", list="phone_models", ids=["new"])
        self.assertEqual(self.service.control("GET", "stats")["phone_models"], 120)

    def test_past_the_end(self):
        page = self.service.get(PHONES + "?offset=500&limit=10")
        self.assertEqual((page["phones"], page["count"]), ([], 500))

    def test_limits(self):
        for query in ("limit=0", "limit=201", "limit=-1", "limit=", "limit=1.0", "limit=01", "limit=%31x",
                      "offset=-1", "offset=2147483648", "offset=+1", "offset"):
            if "+" in query:
                self.refused(f"{PHONES}?{query}", "APIGW.0201")
            else:
                self.refused(f"{PHONES}?{query}", "CPS.0002")
        self.refused(SERVERS + "?limit=101", "CPS.0002")
        self.refused(MODELS + "?limit=101", "CPS.0002")
        self.refused(MODELS + "?limit=0", "CPS.0002")
        self.service.get(SERVERS + "?limit=100&offset=2147483647")

    def test_refused_values(self):
        for query, code in (
                ("status=0", "CPS.0010"), ("status=5", "CPS.0010"), ("status=", "CPS.0010"),
                ("status=2%20", "CPS.0010"), ("status=two", "CPS.0010"), ("type=1", "CPS.0100"),
                ("server_id=", "CPS.0016"), ("server_id=a_b", "CPS.0016"),
                ("server_id=" + "a" * 33, "CPS.0016"), ("phone_name=", "CPS.0025"),
                ("phone_name=" + "a" * 66, "CPS.0025"), ("network_version=v1", "APIGW.0201"),
                ("phone_id=x", "APIGW.0201"), ("Limit=1", "APIGW.0201"), ("limit=1&limit=1", "APIGW.0201"),
                ("&", "APIGW.0201"), ("phone_name=a+b", "APIGW.0201"), ("phone_name=%zz", "APIGW.0201"),
                ("phone_name=%ff", "APIGW.0201"), ("phone_name=a*", "APIGW.0201")):
            self.refused(f"{PHONES}?{query}", code)
        for query, code in (
                ("status=6", "CPS.0010"), ("status=-5", "CPS.0010"), ("network_version=v3", "CPS.0100"),
                ("phone_model_name=", "CPS.0028"), ("phone_model_name=" + "a" * 65, "CPS.0028"),
                ("create_since=-1", "CPS.0100"), ("create_since=1e9", "CPS.0100"),
                ("create_until=20000000000001", "CPS.0100"), ("type=0", "APIGW.0201"),
                ("server_name=", "CPS.0025")):
            self.refused(f"{SERVERS}?{query}", code)
        for query, code in (
                ("status=2", "CPS.0010"), ("status=-1", "CPS.0010"), ("status=", "CPS.0010"),
                ("phone_model_name=a", "APIGW.0201"), ("product_type=0", "APIGW.0201"),
                ("server_id=a", "APIGW.0201")):
            self.refused(f"{MODELS}?{query}", code)

    def test_every_documented_value_is_accepted(self):
        for status in (1, 2, 3, 4, 6, 7, 8, -5, -6, -7, -8, -9):
            self.service.get(f"{PHONES}?status={status}")
        for status in (0, 1, 2, 3, 4, 5, 8, 10, 11, 12, 13):
            self.service.get(f"{SERVERS}?status={status}")

    def check_filter(self, target, query, keeps):
        """The filtered list is what keeps finds in the whole list, and count says so."""
        kind = target.rsplit("/", 1)[1]
        expected = [row for row in self.service.read_all(target, 100) if keeps(row)]
        page = self.service.get(f"{target}?{query}&limit=100")
        self.assertEqual(page[kind], expected[:100], query)
        self.assertEqual(page["count"], len(expected))
        return expected

    def test_filters_of_phones(self):
        server = self.service.get(PHONES + "?limit=1")["phones"][0]["server_id"]
        for query, keeps in (
                (f"server_id={server}", lambda row: row["server_id"] == server),
                ("status=2", lambda row: row["status"] == 2),
                ("type=0", lambda row: row["type"] == 0),
                ("phone_name=0004", lambda row: "0004" in row["phone_name"]),
                (f"phone_name=00&status=8&server_id={server}&type=0",
                 lambda row: (row["status"], row["server_id"], row["type"]) == (8, server, 0)),
                ("phone_name=%E6%89%8B", lambda row: "手" in row["phone_name"]),
                ("phone_name=%25", lambda row: "%" in row["phone_name"]),
                ("phone_name=%5C", lambda row: "\\" in row["phone_name"]),
                ("phone_name=M", lambda row: "M" in row["phone_name"])):
            self.check_filter(PHONES, query, keeps)
        self.assertEqual(self.service.get(PHONES + "?server_id=none")["phones"], [])

    def test_filters_of_servers(self):
        rows = self.service.read_all(SERVERS, 100)
        model, moment = rows[0]["phone_model_name"], rows[5]["create_time"]
        at = data.parse_time(moment)
        for query, keeps in (
                ("network_version=v1", lambda row: row["network_version"] == "v1"),
                (f"phone_model_name={model}", lambda row: row["phone_model_name"] == model),
                (f"create_since={at}", lambda row: row["create_time"] >= moment),
                (f"create_until={at}", lambda row: row["create_time"] <= moment),
                (f"create_since={at}&create_until={at}", lambda row: row["create_time"] == moment),
                ("server_name=server-000", lambda row: row["server_name"] < "server-0010")):
            self.assertTrue(self.check_filter(SERVERS, query, keeps), query)

    def test_other_paths(self):
        for target in (PHONES + "/", "/", f"/v1/{PROJECT}/cloud-phone/jobs"):
            self.refused(target, "APIGW.0101", 404)
        self.assertEqual(self.service.send("POST", PHONES).status, 404)

    def test_headers(self):
        answer = self.service.send("GET", PHONES)
        self.assertEqual(answer.headers["X-Request-Id"], json.loads(answer.body)["request_id"])
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertIn("GMT", answer.headers["Date"])


class Example(Case):
    arguments = ("--example", "--token", "T")

    def test_items_are_the_documents(self):
        self.assertEqual(self.service.get(PHONES)["phones"], data.EXAMPLE_PHONES)
        page = self.service.get(SERVERS)
        self.assertEqual((page["servers"], page["count"]), (data.EXAMPLE_SERVERS, 2))

    def test_filters_and_changes(self):
        self.assertEqual(self.service.get(SERVERS + "?network_version=v1")["count"], 1)
        self.service.control("POST", "update", list="phones", index=0, set={"status": 8})
        self.assertEqual(self.service.get(PHONES + "?status=8")["count"], 1)
        self.service.control("POST", "reset")
        self.assertEqual(self.service.get(PHONES)["phones"], data.EXAMPLE_PHONES)
