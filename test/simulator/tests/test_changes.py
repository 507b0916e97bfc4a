"""Lists that change, who stayed, and the copy."""

import json
import time

from simulator import resources
from simulator.tests.support import PHONES, SERVERS, Case


class Changes(Case):
    def setUp(self):
        super().setUp()
        self.restore_data()

    def ids(self, query=""):
        return [row["phone_id"] for row in self.service.read_all(f"{PHONES}{query}")]

    def test_insert_delete_update(self):
        before = self.ids()
        added = self.service.control("POST", "insert", list="phones", n=2, fields={"phone_name": "new"})["ids"]
        self.assertEqual(self.ids(), added[::-1] + before)
        self.assertEqual(self.ids("?phone_name=new"), added[::-1])
        gone = self.service.control("POST", "delete", list="phones", index=3, n=2)["ids"]
        self.assertEqual(set(gone), set(before[1:3]))
        self.service.control("POST", "delete", list="phones", ids=added)
        self.assertEqual(self.ids(), before[:1] + before[3:])
        self.service.control("POST", "update", list="phones", index=0, set={"status": -9, "imei": None})
        row = self.service.get(PHONES + "?limit=1")["phones"][0]
        self.assertEqual((row["status"], row["imei"]), (-9, None))
        self.assertIn(before[0], self.ids("?status=-9"))
        changed = self.service.control("POST", "update", list="phones",
                                       where={"status": -9, "vnc_enable": "true"}, set={"status": 6})
        self.assertLessEqual(set(changed["ids"]), set(self.ids("?status=6")))
        self.assertEqual(len(self.service.control("POST", "insert", list="servers")["ids"]), 1)

    def test_later(self):
        before = self.ids()
        self.service.control("POST", "insert", list="phones", after=2)
        self.service.control("POST", "delete", list="phones", ids=before[-1:], after=1)
        counts = [self.service.get(PHONES + "?limit=1")["count"] for _ in range(4)]
        self.assertEqual(counts, [500, 499, 500, 500])

    def test_bad_changes(self):
        for path, body in (("insert", {}), ("insert", {"list": "jobs"}), ("delete", {"list": "phones"}),
                           ("delete", {"list": "phones", "index": 500}),
                           ("delete", {"list": "phones", "ids": ["none"]}),
                           ("update", {"list": "phones", "index": 0}),
                           ("update", {"list": "phones", "index": 0, "set": {"status": []}}),
                           ("delete", {"list": "phones", "place": 0}), ("reset", {"cats": 3})):
            with self.assertRaises(ValueError):
                self.service.control("POST", path, **body)
        self.assertEqual(len(self.ids()), 500)

    def test_churn_keeps_the_indices_right(self):
        self.service.set(churn=100)
        for _ in range(20):
            self.service.get(PHONES + "?limit=1")
        self.service.set(churn=0)
        rows = self.service.read_all()
        times = [row["create_time"] for row in rows]
        self.assertEqual(times, sorted(times, reverse=True))
        for status in (1, 2, 7, 8, -7):
            self.assertEqual(self.ids(f"?status={status}"),
                             [row["phone_id"] for row in rows if row["status"] == status])
        for server in {row["server_id"] for row in rows[:20]}:
            self.assertEqual(self.ids(f"?server_id={server}"),
                             [row["phone_id"] for row in rows if row["server_id"] == server])

    def test_numbers_that_stay(self):
        """Phones that are replaced or swap their status, while every number stays what it was."""
        self.service.control("POST", "reset", phones=500, servers=3)
        for setting, same in (("swapped", True), ("replaced", False)):
            ids, numbers = self.ids(), self.service.get(PHONES + "?status=2&limit=1")["count"]
            self.service.set(**{setting: 20})
            for _ in range(5):
                self.assertEqual(self.service.get(PHONES + "?limit=1")["count"], 500)
            self.service.set(**{setting: 0})
            self.assertEqual(self.ids() == ids, same)
            if same:
                self.assertEqual(self.service.get(PHONES + "?status=2&limit=1")["count"], numbers)
        self.service.control("POST", "reset", phones=500, servers=3)
        self.service.control("POST", "update", list="phones", index=5, set={"status": None})
        two = self.ids("?status=2")
        self.service.set(swapped=20)
        self.service.get(PHONES + "?limit=1")
        self.assertNotEqual(self.ids("?status=2"), two)

    def test_every_list_changes(self):
        """Each list, at either end, and nothing of the others."""
        sizes = {"phones": 50, "servers": 40, "models": 30, "images": 30, "encode_servers": 30, "bandwidths": 30}
        self.service.control("POST", "reset", **sizes)
        for resource in resources.RESOURCES.values():
            for added in ("first", "last"):
                before = {name: self.service.control("GET", "copy/" + name).splitlines() for name in resources.RESOURCES}
                self.service.set(changing=resource.name, added=added, churn=20, replaced=2, swapped=3)
                self.service.get(PHONES + "?limit=1")
                self.service.set(churn=0, replaced=0, swapped=0)
                after = {name: self.service.control("GET", "copy/" + name).splitlines() for name in resources.RESOURCES}
                self.assertEqual([name for name in resources.RESOURCES if before[name] != after[name]], [resource.name])
                place = resource.columns.index(resource.id_field)
                old, new = ([line.split("\t")[place] for line in copy[resource.name]] for copy in (before, after))
                self.assertEqual(len(set(new)), len(new))
                stayed = [each for each in new if each in old]
                self.assertEqual(stayed, [each for each in old if each in new])
                come = [each for each in new if each not in old]
                self.assertEqual(new, come + stayed if added == "first" else stayed + come)
                self.assertTrue(come)
        with self.assertRaises(ValueError):
            self.service.set(changing="phone")

    def test_stayed(self):
        """What stayed, against a plain look at the list after every single change."""
        self.service.control("POST", "reset", phones=60, servers=3)
        self.service.control("POST", "mark")
        self.service.set(churn=1)
        tests = {"": lambda row: True, "status=2": lambda row: row["status"] == 2}
        stayed, ever = {}, {}
        for turn in range(250):
            if turn:
                self.service.get(PHONES + "?limit=1")
            rows = self.copied()
            for query, keeps in tests.items():
                now = {row["phone_id"] for row in rows if keeps(row)}
                stayed[query] = stayed.get(query, now) & now
                ever[query] = ever.get(query, now) | now
        for query in tests:
            answer = self.service.control("GET", f"stayed/phones?{query}")
            self.assertEqual(set(answer["ids"]), stayed[query])
            self.assertEqual(set(self.service.control("GET", f"ever/phones?{query}")["ids"]), ever[query])
        self.assertLess(len(stayed["status=2"]), len(stayed[""]))

    def test_judge(self):
        self.service.control("POST", "reset", phones=30, servers=3, ties=0)
        before = self.ids()
        self.service.mark()
        self.service.control("POST", "delete", list="phones", ids=before[4:5])
        self.service.control("POST", "update", list="phones", ids=before[6:7], set={"status": -9})
        added = self.service.control("POST", "insert", list="phones")["ids"]
        stayed = before[:4] + before[5:]
        good = {"lost": [], "twice": [], "strange": [], "newest": True, "stayed": 29, "ever": 31}
        for ids in (stayed, before, added + stayed, before + added):
            self.assertEqual(self.service.judge(ids), good)
        self.assertEqual(self.service.judge(before[:4]), {**good, "lost": before[5:]})
        self.assertEqual(self.service.judge(stayed + before[:2]), {**good, "twice": before[:2], "newest": False})
        self.assertEqual(self.service.judge(["x", *stayed]), {**good, "strange": ["x"]})
        self.assertEqual(self.service.judge(before[1:]), {**good, "lost": before[:1], "newest": False})
        self.assertEqual(self.service.judge(before[10:], among=before[10:]), {**good, "stayed": 20, "ever": 20})
        # Who has another status meanwhile may be there or not.
        verdict = self.service.judge(before[6:7], "status=-9")
        self.assertEqual((verdict["strange"], verdict["stayed"]), ([], verdict["ever"] - 1))
        for wrong in ({}, {"ids": "x"}, {"ids": [], "other": 1}):
            with self.assertRaises(ValueError):
                self.service.control("POST", "judge/phones", **wrong)

    def test_replacements_below(self):
        for filters in ("", "&status=2", "&server_id=" + self.service.get(PHONES)["phones"][0]["server_id"]):
            before = self.ids("?" + filters[1:] if filters else "")
            self.service.set(replaced_below=2, replaced_every=3)
            counts, pages = set(), []
            for number in range(3):
                page = self.service.get(f"{PHONES}?offset={5 * number}&limit=5{filters}")
                counts.add(page["count"])
                pages += [row["phone_id"] for row in page["phones"]]
            self.assertEqual((counts, pages), ({len(before)}, before[:15]))
            self.service.set(replaced_below=0)
            after = self.ids("?" + filters[1:] if filters else "")
            self.assertEqual(len(after), len(before), filters)
            self.assertEqual(len(set(after) - set(before)), 2)
            gone = [each for each in before if each not in after]
            self.assertGreaterEqual(min(map(before.index, gone)), 15)
        # At the end nobody is older.
        before = self.ids()
        self.service.set(replaced_below=2, replaced_every=1)
        self.service.get(f"{PHONES}?offset=400&limit=100")
        self.service.set(replaced_below=0)
        self.assertEqual(self.ids(), before)

    def copied(self):
        rows = [line.split("\t") for line in self.service.control("GET", "copy/phones").splitlines()]
        return [{"phone_id": row[2], "status": int(row[7])} for row in rows]

    def test_thousands_of_changes(self):
        self.service.control("POST", "reset", phones=5000)
        self.service.control("POST", "mark")
        self.service.set(churn=5000)
        start = time.process_time()
        self.service.get(PHONES)
        self.assertLess(time.process_time() - start, 1)
        self.assertLess(self.service.control("GET", "stayed/phones?status=2")["count"], 5000)

    def test_same_seed_same_churn(self):
        def after_churn():
            self.service.control("POST", "reset", phones=100, servers=3, seed=9)
            self.service.set(churn=20)
            for _ in range(5):
                self.service.get(PHONES)
            return self.service.control("GET", "copy/phones")
        self.assertEqual(after_churn(), after_churn())


class Copy(Case):
    def test_phones(self):
        rows = self.service.read_all()
        lines = self.service.control("GET", "copy/phones").splitlines()
        self.assertEqual(len(lines), 500)
        for row, line in zip(rows, lines):
            cells = dict(zip(resources.PHONES.columns, line.split("\t"), strict=True))
            self.assertEqual(cells["vnc_enable"], row["vnc_enable"][0])
            self.assertEqual(cells["phone_name"], row["phone_name"].replace("\\", "\\\\"))
            self.assertEqual(cells["status"], str(row["status"]))
            encrypted = {None: r"\N", True: "t", False: "f"}[row.get("has_encrypt")]
            self.assertEqual(cells["has_encrypt"], encrypted)
            if "metadata" in row:
                self.assertEqual(json.loads(cells["metadata"]), row["metadata"])
            else:
                self.assertEqual(cells["metadata"], r"\N")

    def test_servers(self):
        for row, line in zip(self.service.read_all(SERVERS, 100),
                             self.service.control("GET", "copy/servers").splitlines(), strict=True):
            cells = dict(zip(resources.SERVERS.columns, line.split("\t"), strict=True))
            self.assertEqual(json.loads(cells["addresses"]), row["addresses"])
            self.assertEqual(cells["create_time"], row["create_time"])

    def test_escapes(self):
        self.restore_data()
        self.service.control("POST", "update", list="phones", index=0, set={"phone_name": "a\tb\nc\\d\r"})
        line = self.service.control("GET", "copy/phones").split("\n")[0]
        self.assertTrue(line.startswith(r"a\tb\nc\\d\r" + "\t"), line)
