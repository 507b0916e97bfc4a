"""Images, encoding servers and bandwidths."""

from simulator import data, further, resources
from simulator.tests.support import PROJECT, Case

PATH = f"/v1/{PROJECT}/cloud-phone/"
IMAGES, ENCODERS, BANDWIDTHS = PATH + "images", PATH + "encode-servers", PATH + "bandwidths"
KEYS = {IMAGES: "image_infos", ENCODERS: "encode_servers", BANDWIDTHS: "band_widths"}


class Further(Case):
    def read(self, path, query=""):
        rows = []
        while True:
            page = self.service.get(f"{path}?limit=20&offset={len(rows)}{query}")[KEYS[path]]
            rows += page
            if not page:
                return rows

    def test_items_are_as_documented(self):
        for resource, number in zip(resources.FURTHER, (30, 45, 25)):
            items = self.read(PATH + resource.path)
            self.assertEqual(len(items), number)
            self.assertEqual(len({item[resource.id_field] for item in items}), number)
            self.assertEqual({field for item in items for field in item}, set(resource.columns))
        images = self.read(IMAGES)
        self.assertLess({further.image_id(number) for number in range(4)}, {item["image_id"] for item in images})
        for item in images:
            self.assertNotEqual("project_id" in item, "src_project_id" in item)

    def test_totals(self):
        page = self.service.get(IMAGES + "?limit=2&status=1")
        self.assertEqual(set(page), {"image_infos", "request_id", "total"})
        self.assertEqual(page["total"], len(self.read(IMAGES, "&status=1")))
        for path in (ENCODERS, BANDWIDTHS):
            self.assertEqual(set(self.service.get(path)), {KEYS[path], "request_id"})

    def test_filters(self):
        images = self.read(IMAGES)
        moment = images[4]["create_time"]
        at = data.parse_time(moment)
        for query, keeps in (
                ("status=1", lambda row: row["status"] == 1),
                ("image_type=share", lambda row: row["image_type"] == "share"),
                (f"image_id={images[3]['image_id']}", lambda row: row is images[3]),
                (f"image_name={images[3]['image_name']}", lambda row: row is images[3]),
                ("image_name=image", lambda row: False),
                (f"src_project_id={further.SHARING_PROJECT}", lambda row: "src_project_id" in row),
                (f"create_since={at}", lambda row: row["create_time"] >= moment),
                (f"create_until={at}", lambda row: row["create_time"] <= moment)):
            self.assertEqual(self.read(IMAGES, "&" + query), [row for row in images if keeps(row)], query)
        encoders = self.read(ENCODERS)
        server = encoders[0]["server_id"]
        for query, keeps in (
                ("type=1", lambda row: row["type"] == 1), ("status=2", lambda row: row["status"] == 2),
                (f"server_id={server}", lambda row: row["server_id"] == server),
                ("status=5", lambda row: row["status"] == 7), ("status=1014", lambda row: row["status"] == 5)):
            found = self.read(ENCODERS, "&" + query)
            self.assertEqual(found, [row for row in encoders if keeps(row)], query)
            self.assertTrue(found)

    def test_refused_values(self):
        for target, code in (
                (IMAGES + "?status=3", "CPS.0010"), (IMAGES + "?image_type=public", "CPS.0100"),
                (IMAGES + "?image_version=1", "APIGW.0201"), (IMAGES + "?image_id=a_b", "CPS.0030"),
                (IMAGES + "?limit=101", "CPS.0002"), (ENCODERS + "?status=6", "CPS.0010"),
                (ENCODERS + "?type=2", "CPS.0100"), (ENCODERS + "?server_id=", "CPS.0016"),
                (BANDWIDTHS + "?status=1", "APIGW.0201"), (BANDWIDTHS + "?limit=0", "CPS.0002")):
            self.refused(target, code)

    def test_changes(self):
        self.restore_data()
        self.service.control("POST", "insert", list="encode_servers", fields={"status": 4})
        self.assertEqual(self.service.get(ENCODERS + "?limit=1&status=100")["encode_servers"][0]["status"], 4)
        self.service.control("POST", "update", list="images", index=0, set={"status": 0, "image_name": "other"})
        self.assertEqual(self.service.get(IMAGES + "?image_name=other&status=0")["total"], 1)
        self.service.control("POST", "delete", list="bandwidths", index=0, n=5)
        self.assertEqual(self.service.control("GET", "stats")["bandwidths"], 20)
