"""Phones, servers and phone models, made from a seed.

A row holds only what filters and order need; the rest of its item follows from its id and is worked out
when the item is first served.  So a million phones can be had in seconds.
"""

import calendar
import hashlib
import json
import random
import time

#: When the newest generated row was created: 2024-03-01T08:33:40Z.
NEWEST = 1709282020
DAY = 86400

#: status -> weight.  Mostly running; some of each documented state.
PHONE_STATUSES = {2: 9400, 8: 250, 7: 80, 1: 60, 0: 30, 3: 40, 4: 40, 6: 30,
                  -5: 15, -6: 10, -7: 25, -8: 10, -9: 10}
SERVER_STATUSES = {5: 8400, 2: 300, 8: 200, 10: 300, 11: 100, 12: 100, 13: 100,
                   0: 100, 1: 150, 3: 150, 4: 100}

#: index -> name.  What a pattern, a quoting rule or an encoding may stumble over.
ODD_PHONE_NAMES = {
    7: "手机-000007",
    11: "mobile_000011",
    13: "mobile-100%",
    17: "mobile 000017",
    19: "Mobile-000019",
    23: "mobile\\000023",
    29: "O'Brien-000029",
}
ODD_NAMES_FROM = 50     # lists of fewer phones have none of them

PHONE_MODELS = ("rx1.cp.c60.d10.e1v1", "rx1.cp.c105.d6.e5v5", "kg1m.cg.c60.d20SSD.e1v1",
                "rx1.cp.c15.d46.e1v1")
SERVER_MODELS = ("physical.rx1.xlarge", "physical.rx1.xlarge", "physical.kg1m.4xlarge.cg",
                 "physical.rx1.xlarge.special")
IMAGE_VERSIONS = ("AOSP 7.0", "AOSP 9.0", "AOSP 11.0")
KEYPAIRS = ("KeyPair-fleet", "KeyPair-2", "keypair01")

encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def format_time(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def parse_time(text):
    """Seconds since 1970 of a time as the service writes it; ValueError if it is none."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def make_id(seed, kind, index):
    """32 hexadecimal characters."""
    return hashlib.blake2b(f"{seed}/{kind}/{index}".encode(), digest_size=16).hexdigest()


def make_uuid(*parts):
    text = make_id(*parts)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def model_number(server_id):
    """Which of the models a server has, and so its phones; taken from its id."""
    return sum(server_id.encode()) % len(PHONE_MODELS)


def zone(server_id):
    return "cn-north-4" + "abc"[sum(server_id.encode()) % 3]


class Row:
    """One item of a list.

    rank orders the list (a newer row has a higher one) and never changes; created is the create_time in
    seconds; given is the item where it was set by hand, else None; text is the item as JSON, once made.
    The fields named in KEPT are attributes too, for filters.
    """

    __slots__ = ("rank", "created", "given", "text")
    KEPT = ()

    @classmethod
    def from_item(cls, rank, item):
        row = cls.__new__(cls)
        row.rank = rank
        row.created = NEWEST
        row.load(item)
        return row

    def load(self, item):
        """Makes item the row's content."""
        self.given = item
        self.text = None
        for field in self.KEPT:
            setattr(self, field, item.get(field))
        try:
            self.created = parse_time(item.get("create_time"))
        except (TypeError, ValueError):
            pass    # a test wants a bad time: the row stays where it stands

    def item(self):
        """The item as a dict that is the caller's own."""
        return self.describe() if self.given is None else dict(self.given)

    def serialise(self):
        self.text = encode(self.item()).encode()
        return self.text


class Phone(Row):
    KEPT = ("phone_id", "phone_name", "server_id", "status", "type", "has_encrypt")
    __slots__ = KEPT

    def __init__(self, rank, phone_id, name, server_id, status, type_, has_encrypt, created):
        self.rank = rank
        self.phone_id = phone_id
        self.phone_name = name
        self.server_id = server_id
        self.status = status
        self.type = type_
        self.has_encrypt = has_encrypt
        self.created = created
        self.given = None
        self.text = None

    def describe(self):
        dice = int(self.phone_id[:15], 16)
        item = {
            "phone_name": self.phone_name,
            "server_id": self.server_id,
            "phone_id": self.phone_id,
            "phone_model_name": PHONE_MODELS[model_number(self.server_id)],
            "image_id": f"{dice % 5:x}8b8449b896f3a4f0ad57222dd9190{dice % 5:x}",
            "image_version": IMAGE_VERSIONS[dice % 3],
            "vnc_enable": "false" if dice % 7 == 0 else "true",
            "status": self.status,
            "type": self.type,
            "imei": f"86{dice % 10**13:013d}",
            "traffic_type": "routing" if dice % 11 == 0 else "direct",
            "volume_mode": 1 if dice % 4 == 0 else 0,
            "availability_zone": zone(self.server_id),
        }
        if self.type == 0:      # a trial phone was not ordered
            item["metadata"] = {"order_id": f"CS{dice // 7 % 10**14:014d}",
                                "product_id": f"00301-{dice % 9 + 25210}-0--0"}
        if self.has_encrypt is not None:
            item["has_encrypt"] = self.has_encrypt
        item["create_time"] = format_time(self.created)
        item["update_time"] = format_time(self.created + dice % (90 * DAY))
        return item


class Server(Row):
    KEPT = ("server_id", "server_name", "status", "network_version", "phone_model_name")
    __slots__ = KEPT

    def __init__(self, rank, server_id, name, status, network_version, created):
        self.rank = rank
        self.server_id = server_id
        self.server_name = name
        self.status = status
        self.network_version = network_version
        self.phone_model_name = PHONE_MODELS[model_number(server_id)]
        self.created = created
        self.given = None
        self.text = None

    def describe(self):
        dice = int(self.server_id[:15], 16)
        own = self.network_version == "v2"
        network = f"192.168.{dice % 200}" if own else f"172.31.{dice % 200}"
        vpc_range = "192.168.0.0/16" if own else "172.31.0.0/16"
        hosts = [(f"{network}.{10 + n}", f"10.246.{dice % 200}.{10 + n}")
                 for n in range(dice // 7 % 4)]
        return {
            "server_name": self.server_name,
            "availability_zone": zone(self.server_id),
            "server_id": self.server_id,
            "server_model_name": SERVER_MODELS[model_number(self.server_id)],
            "phone_model_name": self.phone_model_name,
            "keypair_name": KEYPAIRS[dice % 3],
            "status": self.status,
            "vpc_id": make_uuid("vpc", self.network_version, dice % 3),
            "cidr": vpc_range,
            "vpc_cidr": vpc_range,
            "subnet_id": make_uuid("subnet", self.network_version, dice % 5),
            "subnet_cidr": f"{network}.0/24",
            "addresses": [{"intranet_ip": inner, "access_ip": outer,
                           "server_ip": inner, "public_ip": outer} for inner, outer in hosts],
            "resource_project_id": "06a5b529fa80d28b2f53c014024bed44",
            "metadata": {"product_id": f"00301-{dice % 9 + 221010}-0--0",
                         "order_id": f"CS{dice % 10**14:014d}",
                         "charging_mode": 1 if dice % 6 == 0 else 0},
            "network_version": self.network_version,
            "enterprise_project_id": "0" if dice % 2 else make_uuid("enterprise", "", dice % 3),
            "create_time": format_time(self.created),
            "update_time": format_time(self.created + dice % (90 * DAY)),
        }


class Model(Row):
    """A phone model.  All were created at one time, as far as the service tells."""

    KEPT = ("phone_model_name", "status")
    __slots__ = KEPT

    def __init__(self, rank, name, status):
        self.rank = rank
        self.phone_model_name = name
        self.status = status
        self.created = NEWEST
        self.given = None
        self.text = None

    def describe(self):
        dice = int(make_id("model", self.phone_model_name, 0)[:15], 16)
        item = {
            "server_model_name": SERVER_MODELS[dice % len(SERVER_MODELS)],
            "phone_model_name": self.phone_model_name,
            "status": self.status,
            "cpu": 2 + dice % 7,
            "memory": 1024 * (2 + dice % 5),
            "disk": 6 + dice % 41,
            "resolution": ("720x1280", "1080x1920")[dice % 2],
            "extend_spec": encode({"extend_spec": {"gpu_count": dice % 3}}),
            "spec_code": self.phone_model_name,
            "phone_capacity": 60 + dice % 46,
            "image_label": ("qemu_phone", "cloud_phone", "cloud_game")[dice % 3],
            "product_type": dice % 3 // 2,
        }
        if dice % 4:            # some know nothing of the newer fields
            item.update({"phone_model_version": dice % 2, "dpi": 320, "fps": "30", "volume_mode": dice % 2})
        if dice % 4 > 1:
            item.update({"render_fps": 30 + dice % 31, "stream_fps": 30})
        return item


def purchase_times(count, ties, rng):
    """create_times of count rows, oldest first, the last one NEWEST.

    With probability ties a row was created in the same second as the next newer one; most others follow
    within seconds, as one purchase makes them, and some after hours or days.  The whole spans a few years
    at most, however many rows there are.
    """
    wide = max(60, min(2 * DAY, 5 * 365 * DAY // max(count, 1) * 30))
    times = [0] * count
    moment = NEWEST
    draw = rng.random
    for index in range(count - 1, -1, -1):
        times[index] = moment
        if draw() >= ties:
            pause = draw()
            moment -= 1 + int(draw() * (20 if pause < 0.7 else wide // 48 if pause < 0.97 else wide))
    return times


def make_servers(count, seed, ties):
    """count servers, oldest first."""
    rng = random.Random(f"{seed}/servers")
    times = purchase_times(count, ties, rng)
    statuses = rng.choices(list(SERVER_STATUSES), list(SERVER_STATUSES.values()), k=count)
    return [Server(index, make_id(seed, "server", index), f"server-{index:04d}",
                   statuses[index], "v1" if rng.random() < 0.4 else "v2", times[index])
            for index in range(count)]


def new_model(rank, rng):
    """A phone model; the first ones are those of the phones."""
    name = PHONE_MODELS[rank] if 0 <= rank < len(PHONE_MODELS) else f"rx2.cp.c{rank}.d{rank % 50}.e1v1"
    return Model(rank, name, 1 if rng.random() < 0.8 else 0)


def make_models(count, seed):
    """count phone models."""
    rng = random.Random(f"{seed}/phone_models")
    return [new_model(index, rng) for index in range(count)]


def make_phones(count, server_ids, seed, ties):
    """count phones, oldest first, spread over the servers; the older ones do not know has_encrypt."""
    rng = random.Random(f"{seed}/phones")
    times = purchase_times(count, ties, rng)
    statuses = rng.choices(list(PHONE_STATUSES), list(PHONE_STATUSES.values()), k=count)
    homes = rng.choices(server_ids or [make_id(seed, "server", 0)], k=count)
    types = rng.choices((0, 1), (95, 5), k=count)
    encrypted = rng.choices((False, True), (80, 20), k=count)
    odd = ODD_PHONE_NAMES if count >= ODD_NAMES_FROM else {}
    unaware = count * 3 // 10
    return [Phone(index, make_id(seed, "phone", index), odd.get(index) or f"mobile-{index:06d}",
                  homes[index], statuses[index], types[index],
                  encrypted[index] if index >= unaware else None, times[index])
            for index in range(count)]


def new_phone(rank, server_ids, seed, created, rng):
    """A phone just bought, still being created more often than not."""
    return Phone(rank, make_id(seed, "phone", rank), f"mobile-{rank:06d}",
                 rng.choice(server_ids) if server_ids else make_id(seed, "server", 0),
                 rng.choice((1, 1, 2)), 0, False, created)


def new_server(rank, seed, created, rng):
    return Server(rank, make_id(seed, "server", rank), f"server-{rank:04d}",
                  rng.choice((1, 3, 5)), rng.choice(("v1", "v2")), created)


#: The items of the two documents' example answers.
EXAMPLE_PHONES = [{
    "phone_name": "mobile-0001",
    "server_id": "88b8449b896f3a4f0ad57222dd91909",
    "phone_id": "1234567b8bab40ffb711234cb80d0234",
    "phone_model_name": "AOSP-1U4G15G-001",
    "image_version": "AOSP 7.0",
    "image_id": "88b8449b896f3a4f0ad57222dd91909",
    "vnc_enable": "true",
    "status": 2,
    "type": 0,
    "imei": "869287243397729",
    "availability_zone": "xxxxxx",
    "traffic_type": "direct",
    "volume_mode": 0,
    "metadata": {"order_id": "CS1710111105S8IPB", "product_id": "00301-25217-0--0"},
    "create_time": "2017-10-10T00:00:00Z",
    "update_time": "2018-10-10T00:00:00Z",
}]

EXAMPLE_SERVERS = [{
    "server_name": "cph-edgr-1",
    "server_id": "4aff349ab539452a85ac5d7442b39377",
    "server_model_name": "physical.rx1.xlarge",
    "phone_model_name": "rx1.cp.c105.d6.e5v5",
    "keypair_name": "keypair01",
    "status": 2,
    "vpc_id": "9a11e291-967f-4dd6-99bd-9be54f10583c",
    "cidr": "192.168.0.0/16",
    "vpc_cidr": "192.168.0.0/16",
    "subnet_id": "c7f9983d-03ca-4a2e-a0e1-d6bd97174669",
    "subnet_cidr": "192.168.0.0/24",
    "addresses": [
        {"intranet_ip": "192.168.0.62", "server_ip": "192.168.0.62",
         "access_ip": "10.246.175.190", "public_ip": "10.246.175.190"},
        {"intranet_ip": "192.168.0.169", "server_ip": "192.168.0.169",
         "access_ip": "10.246.171.245", "public_ip": "10.246.171.245"},
    ],
    "resource_project_id": "06a5b529fa80d28b2f53c014024bed44",
    "metadata": {"product_id": "00301-221014-0--0", "order_id": "CS21111116336E8RX",
                 "charging_mode": 0},
    "availability_zone": "br-iaas-odin1a",
    "network_version": "v2",
    "create_time": "2021-11-11T08:33:40Z",
    "update_time": "2021-11-11T09:28:30Z",
}, {
    "server_name": "cph-igfp-2",
    "server_id": "6d74b672216d40f39377a99e7f95aa95",
    "server_model_name": "physical.kg1m.4xlarge.cg",
    "phone_model_name": "kg1m.cg.c60.d20SSD.e1v1",
    "keypair_name": "KeyPair-2",
    "status": 2,
    "vpc_id": "12021c68-730f-41fa-9884-11c616f4c9ad",
    "cidr": "172.31.0.0/16",
    "vpc_cidr": "172.31.0.0/16",
    "subnet_id": "92cf2447-163c-4fe8-897b-fd262ab6b134",
    "subnet_cidr": "172.31.0.0/16",
    "addresses": [
        {"intranet_ip": "172.31.185.82", "access_ip": "88.88.48.151",
         "server_ip": "172.31.185.82", "public_ip": "88.88.48.151"},
    ],
    "resource_project_id": "06a5b529fa80d28b2f53c014024bed44",
    "metadata": {"product_id": "OFFI635412973496623104", "order_id": "CS21083015171L1CA",
                 "charging_mode": 0},
    "availability_zone": "br-iaas-odin1a",
    "network_version": "v1",
    "create_time": "2021-08-30T07:17:40Z",
    "update_time": "2021-11-05T09:07:57Z",
}]


def example_rows(kind, items):
    """Rows of a document's example answer, oldest first."""
    return [kind.from_item(rank, item) for rank, item in enumerate(reversed(items))]
