"""The service: who answers what, and the log of what it was asked."""

import gc
import random
import re
import sys
import time

from . import data, detail, further, iam, link, pages
from .answers import CHINESE, Refused, refusal
from .faults import Faults
from .fleet import Fleet
from .settings import Settings
from .resources import FURTHER, MODELS, PHONES, RESOURCES, SERVERS, parse_query

LISTS = {resource.path: resource for resource in RESOURCES.values()}
LIST_PATH = re.compile(f"/v1/([^/]+)/cloud-phone/({'|'.join(LISTS)})")
DETAIL_PATH = re.compile("/v1/([^/]+)/cloud-phone/phones/([^/]+)")
WARM_UP_TO = 50_000     # longer lists are serialised as they are asked for


class Entry:
    """One request in the log."""

    __slots__ = ("method", "target", "headers", "language", "connection", "in_flight", "start", "end", "status", "bytes")

    def as_dict(self):
        path, mark, query = self.target.partition("?")
        return {
            "method": self.method,
            "target": path + mark + "&".join(sorted(query.split("&"))),
            "status": self.status,
            "bytes": self.bytes,
            "start": self.start,
            "end": self.end,
            "in_flight": self.in_flight,
            "connection": self.connection,
            "headers": list(self.headers),
            "language": self.language,
        }


class Log:
    """Every request since the last clear, in order of arrival, and what is counted beside it."""

    def __init__(self):
        self.connections = 0        # that carried a request other than a control request
        self.open_connections = 0
        self.accepted = 0           # the same, and those that have carried nothing yet
        self.handshakes = 0         # of TLS, of these ...
        self.resumed = 0            # ... and those that took up an earlier session
        self.in_flight = 0
        self.clear()

    def clear(self):
        self.entries = []
        self.max_in_flight = self.in_flight

    def count_arrival(self, ssl_object, number=1):
        """Counts a connection that was made, or takes it back."""
        self.accepted += number
        if ssl_object is not None:
            self.handshakes += number
            self.resumed += number * ssl_object.session_reused

    def begin(self, request, connection):
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        entry = Entry()
        entry.method = request.method
        entry.target = request.target
        entry.headers = tuple(request.headers)     # names only: no secret, and little memory
        entry.language = request.headers.get("x-language")
        entry.connection = connection
        entry.in_flight = self.in_flight
        entry.start = time.monotonic()
        entry.end = entry.status = None
        entry.bytes = 0
        self.entries.append(entry)
        return entry

    def finish(self, entry):
        """The answer is on its way, or never will be."""
        self.in_flight -= 1
        entry.end = time.monotonic()


class Service:
    """All that is behind the sockets.  options: those of reset (server.DATA)."""

    def __init__(self, options, gate, users):
        self.gate = gate
        self.users = users
        self.settings = Settings()
        self.faults = Faults()
        self.log = Log()
        self.mutations = []         # of answers, since they were last asked for
        self.listeners = []         # the sockets that connections come by
        self.scheduled = []         # [list requests to go, change]
        self.turn = 0               # list requests since the start
        self.reads = 0              # requests for phones since it is of interest
        self.options = options
        self.generate()

    # Life

    def generate(self):
        """Makes the lists anew from the options."""
        options = self.options
        gc.disable()        # a million live objects are not worth a look
        try:
            if options["example"]:
                phones = data.example_rows(data.Phone, data.EXAMPLE_PHONES)
                servers = data.example_rows(data.Server, data.EXAMPLE_SERVERS)
                ids = []
            else:
                servers = data.make_servers(options["servers"], options["seed"], options["ties"])
                ids = [server.server_id for server in servers]
                phones = data.make_phones(options["phones"], ids, options["seed"], options["ties"])
            self.fleets = {
                "phones": Fleet(PHONES, phones, options["seed"], options["ties"]),
                "servers": Fleet(SERVERS, servers, options["seed"], options["ties"]),
                "phone_models": Fleet(MODELS, data.make_models(options["models"], options["seed"]),
                                      options["seed"], options["ties"]),
                **{resource.name: Fleet(resource, further.make(resource, options[resource.name], ids, options["seed"]),
                                        options["seed"], options["ties"]) for resource in FURTHER},
            }
            if len(phones) <= WARM_UP_TO:
                self.warm()
        finally:
            gc.enable()
            gc.freeze()

    def warm(self):
        """Serialises all rows that are not yet."""
        for fleet in self.fleets.values():
            for row in fleet.rows:
                if row.text is None:
                    row.serialise()

    def back_to_normal(self):
        """Settings, faults, scheduled changes, locked keys and log as they were at the start; the data
        and the tokens stay, and so does the silence of connections."""
        self.settings.reset()
        self.faults.clear()
        self.mutations.clear()
        self.scheduled.clear()
        self.gate.unlock()
        self.let_in()
        self.log.clear()
        self.forget_views()

    def let_in(self):
        """New connections can be made, if they could not."""
        for sock in self.listeners:
            link.appear(sock)

    def forget_views(self):
        for fleet in self.fleets.values():
            fleet.forget_views()

    def now(self):
        return time.time() + self.settings.clock_shift

    def new_request_id(self):
        return self.settings.request_id or f"{random.getrandbits(128):032x}"

    # Requests

    def answer(self, request):
        """The Answer to a request, and the faults that its delivery suffers."""
        listing = LIST_PATH.fullmatch(request.path)
        hits = self.faults.active and self.faults.hitting(request.target, listing is not None)
        answer = None
        for fault in hits:
            if fault.way == "answer":
                answer = fault.act(fault, request.id, self.now())
        if answer is None:
            try:
                answer = self._answer(request, listing, hits)
            except Refused as refused:
                self._translate(refused, request)
                answer = refusal(refused, request.id)
        for fault in hits:
            if fault.way == "headers":
                answer.headers += fault.act(fault)
        if listing:
            self._after_list_request()
        return answer, [fault for fault in hits if fault.way == "delivery"]

    def _answer(self, request, listing, hits):
        if request.headers.get("x-language", "en-us") not in ("en-us", "zh-cn"):
            raise Refused("APIGW.0201", "X-Language is en-us or zh-cn")
        if listing and request.method == "GET":
            project, path = listing.groups()
            resource = LISTS[path]
            self._admit(request, project, resource.name)
            if request.body:
                raise Refused("APIGW.0201", "A list request has no body")
            return self._list(resource, request, hits)
        one = DETAIL_PATH.fullmatch(request.path)
        if one and request.method == "GET":
            project, phone_id = one.groups()
            self._admit(request, project, "detail")
            return detail.answer(self.fleets["phones"], phone_id, request, self.settings)
        if request.path == iam.PATH and request.method == "POST":
            return iam.answer(request, self.users, self.gate, self.settings, self.now())
        if request.path == iam.PROJECTS_PATH and request.method == "GET":
            return iam.list_projects(request, self.gate, self.now())
        raise Refused("APIGW.0101", status=404)

    def _admit(self, request, project, what):
        """Refused unless the region has the list, or detail, and the request may read it."""
        if what in self.settings.unpublished:
            raise Refused("APIGW.0101", status=404)
        self.gate.admit(request, project, self.now())
        if what in self.settings.forbidden:
            raise Refused("CPS.0001", status=403)

    def _translate(self, refused, request):
        if request.headers.get("x-language", self.settings.language) == "zh-cn":
            refused.message = CHINESE.get(refused.code, "请求错误。")

    def _list(self, resource, request, hits):
        fleet = self.fleets[resource.name]
        query = parse_query(resource, request.query, self.settings)
        page = pages.cut(fleet, query, self.settings, self.turn)
        for fault in hits:
            if fault.way == "page":
                fault.act(fault, page, resource)
        answer = pages.answer(page, resource, fleet, self.settings, request.id)
        if resource is PHONES and self.settings.replaced_below:
            self.reads += 1
            if self.reads % self.settings.replaced_every == 0:
                fleet.replace_below(self.settings.replaced_below, query, page, self.server_ids(), self.settings)
        return answer

    def _after_list_request(self):
        """Changes what was to change now: after the page was cut, before anyone sees it."""
        self.turn += 1
        settings = self.settings
        fleet, last = self.fleets.get(settings.changing), settings.added == "last"
        if settings.churn:
            fleet.churn(settings.churn, self.server_ids(), last)
        if settings.replaced:
            fleet.replace(settings.replaced, self.server_ids(), last)
        if settings.swapped:
            fleet.swap(settings.swapped)
        if self.scheduled:
            for entry in self.scheduled:
                entry[0] -= 1
            due = [change for left, change in self.scheduled if left <= 0]
            self.scheduled = [entry for entry in self.scheduled if entry[0] > 0]
            for change in due:
                try:
                    change()
                except ValueError as error:     # its row has gone meanwhile
                    print(f"scheduled change not made: {error}", file=sys.stderr)

    def server_ids(self):
        return [server.server_id for server in self.fleets["servers"].rows]
