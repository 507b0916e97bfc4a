"""A phone by its id: the fields of the list, and some more."""

import re

from .answers import Refused, json_answer
from .data import make_id
from .resources import split_query

ID = re.compile(r"[0-9a-f]{32}")    # what an unknown one must look like; known ones may have other lengths


def answer(fleet, phone_id, request, settings):
    """The answer to a request for the detail of a phone; Refused unless there is one."""
    if request.body or split_query(request.query):
        raise Refused("APIGW.0201", "A request for a phone has no parameters")
    row = fleet.row_of(phone_id)
    if row is None and settings.detail_outlives:
        row = fleet.gone.get(phone_id)
    if row is None and not ID.fullmatch(phone_id):
        raise Refused("CPS.0004")
    if row is None or phone_id in settings.detail_unknown:
        raise Refused("CPS.0005", status=settings.detail_not_found)
    item = {**row.item(), **more(row), **settings.detail_set_fields, "request_id": request.id}
    for field in settings.detail_drop_fields:
        item.pop(field, None)
    return json_answer(200, item)


def more(row):
    """What the list does not have."""
    dice = int(make_id("detail", row.phone_id, 0)[:8], 16)
    inner, outer = f"172.31.{dice % 200}.{10 + dice % 90}", f"10.246.{dice % 200}.{10 + dice % 90}"
    return {
        "access_infos": [
            {"type": kind, "device_ip": inner, "phone_ip": inner, "listen_port": port, "access_ip": outer,
             "public_ip": outer, "intranet_ip": inner, "server_ip": inner, "access_port": 10000 + dice % 20000 + place,
             "phone_ipv6": "", "server_ipv6": ""}
            for place, (kind, port) in enumerate((("ADB", 5555), ("VNC", 5900)))],
        "property": '{"ro.product.model": "CPH-%d"}' % (dice % 9),
        "custom_property": "{}",
        "phone_data_volume": {"volume_type": "GPSSD", "volume_size": 10 + dice % 50},
    }
