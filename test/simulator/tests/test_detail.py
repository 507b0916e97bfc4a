"""A phone by its id, who may ask what, and in which language errors come."""

import json

from simulator import resources
from simulator.tests.support import PHONES, PROJECT, SERVERS, TOKEN, Case

UNKNOWN = "0" * 32


class Detail(Case):
    def setUp(self):
        super().setUp()
        self.phones = self.service.get(PHONES + "?limit=5")["phones"]
        self.phone = self.phones[2]
        self.path = f"{PHONES}/{self.phone['phone_id']}"

    def test_it_has_the_fields_of_the_list(self):
        detail = self.service.get(self.path)
        self.assertEqual({name: detail.get(name) for name in self.phone}, self.phone)
        self.assertEqual(set(detail) - set(resources.PHONES.columns),
                         {"request_id", "access_infos", "property", "custom_property", "phone_data_volume"})
        self.assertEqual(set(detail["phone_data_volume"]), {"volume_type", "volume_size"})
        self.assertEqual(set(detail["access_infos"][0]), {
            "type", "device_ip", "phone_ip", "listen_port", "access_ip", "public_ip", "intranet_ip", "server_ip",
            "access_port", "phone_ipv6", "server_ipv6"})
        json.loads(detail["property"])
        entry = self.service.control("GET", "log")[-1]
        self.assertEqual((entry["target"], entry["status"]), (self.path, 200))
        self.assertEqual(self.service.stats()["list_requests_ever"] > 0, True)

    def test_changes_show(self):
        self.restore_data()
        self.service.control("POST", "update", list="phones", index=2, set={"status": -9})
        self.assertEqual(self.service.get(self.path)["status"], -9)
        self.service.control("POST", "delete", list="phones", index=2)
        self.refused(self.path, "CPS.0005", 404)
        self.service.set(detail_outlives=True)
        self.assertEqual(self.service.get(self.path)["status"], -9)
        new = self.service.control("POST", "insert", list="phones", fields={"phone_id": "of-another-length"})["ids"][0]
        self.assertEqual(self.service.get(f"{PHONES}/{new}")["phone_id"], "of-another-length")

    def test_ids(self):
        self.refused(f"{PHONES}/{UNKNOWN}", "CPS.0005", 404)
        self.service.set(detail_not_found=400)
        self.refused(f"{PHONES}/{UNKNOWN}", "CPS.0005")
        for wrong in ("x", UNKNOWN[1:], UNKNOWN.replace("0", "G"), "a%20b", "-"):
            self.refused(f"{PHONES}/{wrong}", "CPS.0004")
        for target in (f"{PHONES}/", f"{self.path}/more", f"{SERVERS}/{UNKNOWN}"):
            self.refused(target, "APIGW.0101", 404)
        self.refused(self.path + "?limit=1", "APIGW.0201")
        self.assertEqual(self.service.send("GET", self.path, TOKEN, b"{}").status, 400)
        self.assertEqual(self.service.send("POST", self.path).status, 404)
        self.assertEqual(self.service.send("GET", self.path, {}).status, 401)
        self.refused(self.path.replace(PROJECT, "other"), "APIGW.0310", 403)

    def test_other_details(self):
        self.service.set(detail_drop_fields=["server_id", "type"], detail_set_fields={"status": 99},
                         detail_unknown=[self.phones[0]["phone_id"]])
        detail = self.service.get(self.path)
        self.assertEqual((set(self.phone) - set(detail), detail["status"]), ({"server_id", "type"}, 99))
        self.refused(f"{PHONES}/{self.phones[0]['phone_id']}", "CPS.0005", 404)
        self.assertEqual(self.service.get(PHONES + "?limit=5")["phones"], self.phones)

    def test_faults_hit_it_where_it_is_named(self):
        self.service.fault("status", status=503)
        self.service.get(self.path)
        self.service.control("DELETE", "fault")
        self.service.fault("status", status=503, match="/phones/")
        self.assertEqual(self.service.send("GET", self.path).status, 503)
        self.service.get(PHONES)


class Permissions(Case):
    def test_what_is_forbidden_or_not_there(self):
        one = f"{PHONES}/{self.service.get(PHONES)['phones'][0]['phone_id']}"
        lists = {resource.name: PHONES.replace("phones", resource.path) for resource in resources.RESOURCES.values()}
        for name, target in {**lists, "detail": one}.items():
            self.service.set(forbidden=[name])
            self.refused(target, "CPS.0001", 403)
            for other in lists.values():
                if other != target:
                    self.service.get(other)
            self.service.set(forbidden=[], unpublished=[name])
            self.refused(target, "APIGW.0101", 404)
            self.service.set(unpublished=[])
            self.service.get(target)

    def test_who_is_not_known_learns_only_what_is_there(self):
        self.service.set(forbidden=["phones"], unpublished=["servers"])
        self.assertEqual([self.service.send("GET", target, {}).status for target in (PHONES, SERVERS)], [401, 404])


class Language(Case):
    def message(self, **headers):
        answer = self.service.send("GET", PHONES + "?limit=0", {**TOKEN, **headers})
        return json.loads(answer.body)["error_msg"]

    def test_language(self):
        english = {"X-Language": "en-us"}
        self.assertEqual(self.message(), self.message(**english))
        self.assertNotEqual(self.message(**{"X-Language": "zh-cn"}), self.message())
        self.service.set(language="zh-cn")
        self.assertEqual(self.message(), "参数offset或limit无效。")
        self.assertIn("offset or limit", self.message(**english))
        self.assertEqual(self.service.send("GET", PHONES, {**TOKEN, "X-Language": "en"}).status, 400)
        self.assertEqual([entry["language"] for entry in self.service.control("GET", "log")[-3:]], [None, "en-us", "en"])
