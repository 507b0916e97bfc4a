"""The list endpoints: their parameters with the documented values, and their columns.

Nothing is forgiven: an unknown parameter, one that comes twice, or a value outside the documents is
refused with the documented code.
"""

import re
from typing import Any, Callable, NamedTuple
from urllib.parse import unquote_to_bytes

from .answers import MESSAGES, Refused
from .data import PHONE_STATUSES, SERVER_STATUSES, Model, Phone, Server, new_model, new_phone, new_server
from .further import ENCODER_STATES, Bandwidth, Encoder, Image, new_bandwidth, new_encoder, new_image

INT32_MAX = 2**31 - 1
LATEST_TIMESTAMP = 20_000_000_000_000       # the largest create_since that the SDKs' documentation allows
DEFAULT_LIMIT = 100

ENCODED = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*")
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
SERVER_ID = re.compile(r"[0-9A-Za-z-]{1,32}")


def integer(text):
    if not INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def integer_between(low, high):
    def parse(text):
        value = integer(text)
        if not low <= value <= high:
            raise ValueError
        return value
    return parse


def integer_of(*documented):
    def parse(text):
        value = integer(text)
        if value not in documented:
            raise ValueError
        return value
    return parse


def text_of(*documented):
    def parse(text):
        if text not in documented:
            raise ValueError
        return text
    return parse


def name(text):
    if not 1 <= len(text) <= 65:
        raise ValueError
    return text


def model_name(text):
    if not 1 <= len(text.encode()) <= 64:
        raise ValueError
    return text


def server_id(text):
    if not SERVER_ID.fullmatch(text):
        raise ValueError
    return text


class Parameter(NamedTuple):
    """How a query parameter is read, and the code with which a bad value is refused.

    how says what it does: "page" (offset, limit), "equal" to the field of its name, "fuzzy" on the field
    of its name, or "since" and "until", bounds of the creation time.  field is what of a row is compared
    instead, where that is not the field.
    """
    parse: Callable[[str], Any]
    code: str
    how: str
    field: str = ""


class Resource(NamedTuple):
    name: str
    row: type
    id_field: str
    parameters: dict
    creating: frozenset     # the status codes that all mean "creating"
    columns: tuple          # of the table that IMPORT FOREIGN SCHEMA makes
    new: Callable           # makes a row: rank, ids of servers, seed, time of creation, random numbers
    total: str = ""         # the field of the answers that holds the total
    key: str = ""           # the field that holds the items, if it is not the name
    statuses: dict = {}     # that an item may come to have -> weight

    @property
    def item_key(self):
        return self.key or self.name

    @property
    def path(self):
        return self.name.replace("_", "-")

    @property
    def name_field(self):
        fuzzy = [field for field, parameter in self.parameters.items() if parameter.how == "fuzzy"]
        return fuzzy[0] if fuzzy else self.id_field

    @property
    def indexed(self):
        return [parameter.field or name for name, parameter in self.parameters.items()
                if parameter.how == "equal"]

    @property
    def status_field(self):
        """What of a row the filter by status compares, or None."""
        return self.parameters["status"].field or "status" if "status" in self.parameters else None


class Query(NamedTuple):
    """A valid query: filters are (parameter, value), sorted by parameter."""
    offset: int
    limit: int
    filters: tuple


PHONES = Resource(
    name="phones",
    row=Phone,
    id_field="phone_id",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 200), "CPS.0002", "page"),
        "phone_name": Parameter(name, "CPS.0025", "fuzzy"),
        "server_id": Parameter(server_id, "CPS.0016", "equal"),
        "status": Parameter(integer_of(1, 2, 3, 4, 6, 7, 8, -5, -6, -7, -8, -9), "CPS.0010", "equal"),
        "type": Parameter(integer_of(0), "CPS.0100", "equal"),
    },
    creating=frozenset((0, 1)),
    columns=(
        "phone_name", "server_id", "phone_id", "phone_model_name", "image_id", "image_version",
        "vnc_enable", "status", "type", "imei", "traffic_type", "volume_mode", "availability_zone",
        "metadata", "has_encrypt", "create_time", "update_time"),
    new=new_phone,
    total="count",
    statuses=PHONE_STATUSES,
)

SERVERS = Resource(
    name="servers",
    row=Server,
    id_field="server_id",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 100), "CPS.0002", "page"),
        "server_name": Parameter(name, "CPS.0025", "fuzzy"),
        "server_id": Parameter(server_id, "CPS.0016", "equal"),
        "network_version": Parameter(text_of("v1", "v2"), "CPS.0100", "equal"),
        "phone_model_name": Parameter(model_name, "CPS.0028", "equal"),
        "create_since": Parameter(integer_between(0, LATEST_TIMESTAMP), "CPS.0100", "since"),
        "create_until": Parameter(integer_between(0, LATEST_TIMESTAMP), "CPS.0100", "until"),
        "status": Parameter(integer_of(0, 1, 2, 3, 4, 5, 8, 10, 11, 12, 13), "CPS.0010", "equal"),
    },
    creating=frozenset((0, 1, 3, 4)),
    columns=(
        "server_name", "availability_zone", "server_id", "server_model_name", "phone_model_name",
        "keypair_name", "status", "vpc_id", "cidr", "vpc_cidr", "subnet_id", "subnet_cidr", "addresses",
        "resource_project_id", "metadata", "network_version", "enterprise_project_id", "create_time",
        "update_time"),
    new=lambda rank, server_ids, *how: new_server(rank, *how),
    total="count",
    statuses=SERVER_STATUSES,
)

MODELS = Resource(
    name="phone_models",
    row=Model,
    id_field="phone_model_name",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 100), "CPS.0002", "page"),
        "status": Parameter(integer_of(0, 1), "CPS.0010", "equal"),
    },
    creating=frozenset(),
    columns=(
        "server_model_name", "phone_model_name", "status", "cpu", "memory", "disk", "resolution",
        "extend_spec", "spec_code", "phone_capacity", "image_label", "product_type",
        "phone_model_version", "dpi", "fps", "volume_mode", "render_fps", "stream_fps"),
    new=lambda rank, server_ids, seed, created, rng: new_model(rank, rng),
    statuses={0: 1, 1: 4},
)

IMAGES = Resource(
    name="images",
    row=Image,
    id_field="image_id",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 100), "CPS.0002", "page"),
        "image_type": Parameter(text_of("private", "share"), "CPS.0100", "equal"),
        "status": Parameter(integer_of(0, 1, 2), "CPS.0010", "equal"),
        "image_id": Parameter(server_id, "CPS.0030", "equal"),
        "image_name": Parameter(name, "CPS.0100", "equal"),
        "create_since": Parameter(integer_between(0, LATEST_TIMESTAMP), "CPS.0100", "since"),
        "create_until": Parameter(integer_between(0, LATEST_TIMESTAMP), "CPS.0100", "until"),
        "src_project_id": Parameter(server_id, "CPS.0100", "equal"),
    },
    creating=frozenset(),
    columns=(
        "domain_id", "image_name", "update_time", "create_time", "image_size", "project_id", "image_id",
        "image_version", "image_type", "status", "src_project_id"),
    new=new_image,
    total="total",
    statuses={0: 1, 1: 3, 2: 1},
    key="image_infos",
)

ENCODERS = Resource(
    name="encode_servers",
    row=Encoder,
    id_field="encode_server_id",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 100), "CPS.0002", "page"),
        "type": Parameter(integer_of(0, 1), "CPS.0100", "equal"),
        "status": Parameter(integer_of(0, 1, 2, 3, 4, 5, 100, 1014), "CPS.0010", "equal", field="state"),
        "server_id": Parameter(server_id, "CPS.0016", "equal"),
    },
    creating=frozenset((0, 100, 1014)),
    columns=(
        "encode_server_name", "encode_server_id", "encode_server_ip", "server_id", "keypair_name", "type",
        "status", "access_infos", "encode_server_ipv6"),
    new=new_encoder,
    statuses=dict.fromkeys(ENCODER_STATES.values(), 1),
)

BANDWIDTHS = Resource(
    name="bandwidths",
    row=Bandwidth,
    id_field="band_width_id",
    parameters={
        "offset": Parameter(integer_between(0, INT32_MAX), "CPS.0002", "page"),
        "limit": Parameter(integer_between(1, 100), "CPS.0002", "page"),
    },
    creating=frozenset(),
    columns=(
        "band_width_name", "band_width_id", "band_width_size", "band_width_charge_mode",
        "band_width_share_type", "create_time", "update_time"),
    new=new_bandwidth,
    key="band_widths",
)

#: Lists whose rows further.make makes.
FURTHER = (IMAGES, ENCODERS, BANDWIDTHS)
RESOURCES = {resource.name: resource for resource in (PHONES, SERVERS, MODELS, *FURTHER)}


def split_query(text):
    """The (name, value) pairs of a query string, still encoded, in order."""
    return [tuple(pair.partition("=")[::2]) for pair in text.split("&")] if text else []


def decode(text):
    """Undoes percent-encoding; anything that a careful client would have encoded is refused."""
    if not ENCODED.fullmatch(text):
        raise Refused("APIGW.0201", "The query is not percent-encoded")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Refused("APIGW.0201", "The query is not UTF-8") from None


def parse_query(resource, text, settings):
    """The Query that a query string asks for; Refused if it is not valid."""
    offset, limit, filters, seen = 0, DEFAULT_LIMIT, [], set()
    for key, raw in split_query(text):
        parameter = resource.parameters.get(key)
        if parameter is None:
            raise Refused("APIGW.0201", f"Unknown parameter: {key[:64]}")
        if key in seen:
            raise Refused("APIGW.0201", f"Duplicate parameter: {key}")
        seen.add(key)
        if key in settings.invalid_filter:
            code = settings.invalid_filter[key]
            raise Refused(code, MESSAGES.get(code, f"Parameter: {key} is invalid."))
        value = parse_value(key, parameter, raw)
        if key == "offset":
            offset = value
        elif key == "limit":
            limit = value
        else:
            filters.append((key, value))
    if 0 < settings.max_offset < offset:
        raise Refused("CPS.0002")
    filters.sort()
    return Query(offset, limit, tuple(filters))


def parse_value(key, parameter, raw):
    text = decode(raw)
    try:
        return parameter.parse(text)
    except ValueError:
        pass
    message = MESSAGES[parameter.code]
    if parameter.how == "fuzzy" or parameter.code == "CPS.0100":
        message = f"Parameter: {key} is invalid."
    raise Refused(parameter.code, message)


def name_test(needle, setting):
    """A predicate: does a fuzzy query for needle find a name?"""
    if setting == "prefix":
        return lambda text: text.startswith(needle)
    if setting == "exact":
        return lambda text: text == needle
    if setting == "nocase":
        folded = needle.casefold()
        return lambda text: folded in text.casefold()
    if setting == "words":
        found = re.compile(r"(?:^|[\W_])" + re.escape(needle), re.IGNORECASE).search
        return lambda text: found(text) is not None
    if setting == "wildcards":
        pattern = "".join({"%": ".*", "_": "."}.get(char) or re.escape(char) for char in needle)
        return lambda text, find=re.compile(pattern, re.DOTALL).search: find(text) is not None
    return lambda text: needle in text


def conditions(resource, filters, settings):
    """The filters as two dicts: field -> set of values it may have, and field -> list of predicates.

    A predicate on a field that a row lacks is false.
    """
    equal, tests = {}, {}
    unit = 1000 if settings.time_unit == "ms" else 1
    for key, value in filters:
        if key in settings.filters_ignored:
            continue
        how = resource.parameters[key].how
        field = resource.parameters[key].field or key
        if how == "equal":
            values = {value}
            if key == "status" and settings.creating == "all" and value in resource.creating:
                values = resource.creating
            equal[field] = values
        elif how == "fuzzy":
            tests.setdefault(key, []).append(name_test(value, settings.names))
        elif how == "since":
            tests.setdefault("created", []).append(lambda at, bound=value: at * unit >= bound)
        elif how == "until":
            tests.setdefault("created", []).append(lambda at, bound=value: at * unit <= bound)
    return equal, tests


def matches(row, equal, tests):
    """Does a row meet the conditions?"""
    for field, values in equal.items():
        if getattr(row, field) not in values:
            return False
    for field, predicates in tests.items():
        value = getattr(row, field)
        if value is None or not all(predicate(value) for predicate in predicates):
            return False
    return True
