"""Mutations: they follow from seed and number, the harmless ones are, and the service makes and tells them."""

import json
import random

from simulator.mutate import mutated
from simulator.tests.support import PHONES, Case

BODY = json.dumps({"request_id": "x", "count": 3, "phones": [
    {"phone_id": str(number), "phone_name": "né/a\n", "status": 2, "vnc_enable": None, "metadata": {"order_id": "b"}}
    for number in range(3)]}, ensure_ascii=False).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)


def mutation(number, seed=1):
    return mutated(random.Random(f"{seed}/{number}/1"), HEAD, BODY)


def without_news(document):
    for each in (document, *document["phones"]):
        each.pop("of a later version", None)
    return document


class Mutations(Case):
    def test_reproducible(self):
        some = [mutation(number) for number in range(500)]
        self.assertEqual(some, [mutation(number) for number in range(500)])
        self.assertNotEqual(some, [mutation(number, seed=2) for number in range(500)])
        self.assertEqual({each.means for each in some}, {"same", "whole", "body"})

    def test_harmless_ones(self):
        harmless = [each for each in map(mutation, range(1000)) if each.means == "same"]
        self.assertGreater(len({each.name for each in harmless}), 5)
        for each in harmless:
            self.assertEqual(without_news(json.loads(each.body)), json.loads(BODY), each.name)

    def test_the_service_tells(self):
        whole = self.service.send("GET", PHONES).body
        self.service.control("POST", "mutate", seed=1, number=2, times=1)
        self.assertEqual(self.service.control("GET", "fault")[0]["kind"], "mutate")
        try:
            self.service.send("GET", PHONES)
        except Exception:       # whatever becomes of it here
            pass
        done = self.service.control("POST", "mutate")
        self.assertEqual([set(each) for each in done], [{"name", "means", "body"}])
        self.assertEqual(self.service.control("POST", "mutate"), [])
        self.assertEqual(json.loads(self.service.send("GET", PHONES).body)["count"], json.loads(whole)["count"])
