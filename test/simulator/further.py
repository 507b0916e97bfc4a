"""Images, encoding servers and bandwidths, made from a seed."""

import random

from .data import DAY, IMAGE_VERSIONS, KEYPAIRS, NEWEST, Row, format_time, make_id

#: An account, and a project that shares its images.
DOMAIN = "0d0466b00d0466b00d0466b00d0466b0"
SHARING_PROJECT = "ee7a6a5c0e8f4a1ab3e1a2c4d5e6f708"

#: What an encoding server's status is as a filter -> as a field.  The filter has 4 and 5 for frozen and off.
ENCODER_STATES = {1: 1, 2: 2, 3: 3, 4: 6, 5: 7, 0: 0, 100: 4, 1014: 5}


def image_id(number):
    """What the phones have for their image: five there are; the fifth is none of the account's own."""
    return f"{number:x}8b8449b896f3a4f0ad57222dd9190{number:x}"


class Image(Row):
    KEPT = ("image_id", "image_name", "image_type", "status", "src_project_id")
    __slots__ = (*KEPT, "size")

    def __init__(self, rank, identifier, name, shared, status, size, created):
        self.rank = rank
        self.image_id = identifier
        self.image_name = name
        self.image_type = "share" if shared else "private"
        self.status = status
        self.src_project_id = SHARING_PROJECT if shared else None
        self.size = size
        self.created = created
        self.given = None
        self.text = None

    def describe(self):
        item = {
            "domain_id": DOMAIN,
            "image_name": self.image_name,
            "update_time": format_time(self.created + self.size % DAY),
            "create_time": format_time(self.created),
            "image_size": self.size,
            "image_id": self.image_id,
            "image_version": IMAGE_VERSIONS[self.rank % len(IMAGE_VERSIONS)],
            "image_type": self.image_type,
            "status": self.status,
        }
        if self.src_project_id is None:
            item["project_id"] = "0123456789abcdef0123456789abcdef"
        else:
            item["src_project_id"] = self.src_project_id
        return item


class Encoder(Row):
    """An encoding server.  state is its status as the filter has it."""

    KEPT = ("encode_server_id", "server_id", "type", "state")
    __slots__ = KEPT

    def __init__(self, rank, identifier, server_id, type_, state):
        self.rank = rank
        self.encode_server_id = identifier
        self.server_id = server_id
        self.type = type_
        self.state = state
        self.created = NEWEST
        self.given = None
        self.text = None

    def load(self, item):
        super().load(item)
        states = [state for state, status in ENCODER_STATES.items() if status == item.get("status")]
        self.state = states[0] if states else None

    def describe(self):
        inner, outer = f"192.168.{self.rank % 200}.7", f"10.246.{self.rank % 200}.7"
        item = {
            "encode_server_name": f"encoder-{self.rank:04d}",
            "encode_server_id": self.encode_server_id,
            "encode_server_ip": inner,
            "server_id": self.server_id,
            "keypair_name": KEYPAIRS[self.rank % len(KEYPAIRS)],
            "type": self.type,
            "status": ENCODER_STATES[self.state],
            "access_infos": [{"listen_port": 443 + port, "access_ip": outer, "intranet_ip": inner,
                              "public_ip": outer, "server_ip": inner, "access_port": 10000 + port,
                              "type": "public"} for port in range(self.rank % 3)],
        }
        if self.rank % 4 == 0:
            item["encode_server_ipv6"] = f"fd00::{self.rank:x}"
        return item


class Bandwidth(Row):
    KEPT = ("band_width_id",)
    __slots__ = KEPT

    def __init__(self, rank, identifier, created):
        self.rank = rank
        self.band_width_id = identifier
        self.created = created
        self.given = None
        self.text = None

    def describe(self):
        return {
            "band_width_name": f"bandwidth-{self.rank}",
            "band_width_id": self.band_width_id,
            "band_width_size": 100 * (1 + self.rank % 20),
            "band_width_charge_mode": self.rank % 2,
            "band_width_share_type": self.rank // 2 % 2,
            "create_time": format_time(self.created),
            "update_time": format_time(self.created + self.rank * 60),
        }


# Each makes one new row; all take the same.

def new_image(rank, server_ids, seed, created, rng):
    return Image(rank, image_id(rank) if 0 <= rank < 4 else make_id(seed, "image", rank), f"image-{rank}",
                 rng.random() < 0.3, rng.choice((0, 1, 1, 1, 2)), rng.randrange(10**9, 10**11), created)


def new_encoder(rank, server_ids, seed, created, rng):
    states = list(ENCODER_STATES)
    return Encoder(rank, make_id(seed, "encoder", rank),
                   server_ids[rank % len(server_ids)] if server_ids else make_id(seed, "server", 0),
                   rng.choice((0, 1)), rng.choice(states[:5] + states))


def new_bandwidth(rank, server_ids, seed, created, rng):
    return Bandwidth(rank, make_id(seed, "bandwidth", rank), created)


def make(resource, count, server_ids, seed):
    """count rows of a list, oldest first, a day or so apart."""
    rng = random.Random(f"{seed}/{resource.name}")
    return [resource.new(rank, server_ids, seed, NEWEST - (count - 1 - rank) * DAY + rank, rng)
            for rank in range(count)]
