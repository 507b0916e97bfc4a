"""What a query asked the service for."""

from typing import NamedTuple
from urllib.parse import parse_qsl

PAGE_MAX = {"phones": 200, "servers": 100}


class Request(NamedTuple):
    """A line of the log."""
    resource: str       # phones, servers, "phone" (one by its id) or ""
    params: dict
    status: int
    text: str


def requests_of(service):
    """The requests since the last time."""
    requests = []
    for entry in service.take_log():
        path, _, query = entry["target"].partition("?")
        parent, _, resource = path.rpartition("/")
        if parent.endswith("/phones"):
            resource = "phone"
        requests.append(Request(resource if resource in (*PAGE_MAX, "phone") else "",
                                dict(parse_qsl(query, keep_blank_values=True)), entry["status"],
                                f"{resource}?{query} {entry['status'] or '-'}"))
    return requests
