"""The requests that a query may send, worked out from the data.

The rules are those of the design: a stream for each value that is sent, each page but the first starting
at the last row of the page before, nothing asked ahead before the second page, LIMIT left to the service
where every clause is exact.  Where it leaves the choice to the planner, the bound is the larger one.
"""

import calendar
import math
import time
from collections import Counter

from .clauses import ask_equal, ask_name
from .log import PAGE_MAX

DEFAULT_SHARE = 1 / 200     # of the rows that a value of a column has, if nothing is known of it
DEFAULT_ROWS = {"phones": 10000, "servers": 200}    # that the planner supposes
PROBES = 2      # requests that find out whether names are found by their inside
VALUES = {"phones": 12, "servers": 11}  # documented values of a status, each of which may be counted


def parse_time(text):
    """Seconds since 1970 of a time as the service writes it."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Demand:
    """What the clauses on one table ask for.

    none      no row can match, and nothing is sent
    exact     every clause is exact and sent, so that LIMIT and count(*) can be the service's
    must      parameter -> the values of which each request has one
    streams   the rows of each stream: those that the service is left with, newest first
    """

    def __init__(self, world, setup, table, clauses, prepared=False):
        self.setup = setup
        self.table = table
        self.probed = False     # what names the service finds may have to be found out
        self.uncertain = []     # parameters that may be sent for a clause, or not
        self.size = setup.page_size(table.resource, PAGE_MAX[table.resource])
        self.settled = table.name != "guarded"      # it is known what a barrier lets through
        asks = [ask_equal(table, table.field(field), [value]) for field, value in table.where]
        asks += [self.usable(clause.ask) for clause in clauses]
        if prepared:    # what cannot be sent may have been chosen before its value was known
            self.uncertain += [table.field_of(clause.column) for clause in clauses if clause.ask is None]
        else:           # of two in one, either may be sent
            self.uncertain += [table.field_of(clause.column) for clause in clauses if " AND {c} = " in clause.template]
        self.bounds = [ask for ask in asks if ask and ask.is_bound]
        sent = [ask for ask in asks if ask and not ask.is_bound]
        params = [ask.param for ask in sent] + self.uncertain
        alone = [ask for ask in sent if params.count(ask.param) == 1]
        fans = [ask for ask in alone if len(ask.values) > 1]
        if len(fans) > 1:
            alone = [ask for ask in alone if len(ask.values) == 1]
        if not self.settled:
            alone, fans = [ask for ask in alone if ask in asks[:1]], []
        # Of a prepared statement it is not known how many values these have.
        several = [clause for clause in clauses if prepared and clause.is_several]
        loose = [clause.ask.param for clause in several if clause.ask]
        self.none = any(not ask.values for ask in alone if ask.param not in loose)
        self.refused = any(ask.refused for ask in sent)
        self.fans = len(fans[0].values) if len(fans) == 1 else 1
        self.values = max([len(ask.values) for ask in sent], default=0)     # of the clause that may fan out
        # Whether streams save more than they cost is the planner's to say.
        rows = len(world.rows[table.resource])
        worth = min(rows if setup.reading.counts else 1, DEFAULT_ROWS[table.resource]) / self.size
        self.optional = self.fans > 1 and (
            self.fans > min(2 * setup.concurrency, worth / 2) or len(sent + self.uncertain) > 1 or bool(self.bounds) or
            bool(setup.reading.settings.get("page_cap"))
        ) or bool(several)
        self.exact_values = self.settled and None not in asks and \
            len(alone) == len(sent) and all(ask.exact for ask in alone)
        self.exact = self.exact_values and not self.bounds
        self.pushable = self.exact and not self.optional
        self.must = {ask.param: set(ask.values + ask.choice) for ask in alone
                     if ask.values and not ask.refused and (len(ask.values) == 1 or not self.optional)
                     and ask.param not in setup.reading.refuses and ask.param not in loose}
        if table.resource == "servers" and self.settled:
            self.must.update(self.since())
        self.all = world.rows[table.resource]
        self.servers = len(world.rows["servers"])
        self.plain = self.matching(self.all, [ask for ask in alone
                                              if len(ask.values) == 1 and ask.param not in loose])
        self.streams = [self.plain] if self.fans == 1 else [
            self.matching(self.plain, [fans[0]._replace(values=(value,))]) for value in fans[0].values]

    def since(self):
        """The parameter that the lower bounds of time are sent as, a second earlier."""
        unit = self.setup.options.get("time_unit", "auto")
        oldest = [bound.oldest for bound in self.bounds if bound.oldest]
        if not oldest or "?" in oldest or unit == "off":
            return {}
        seconds = parse_time(max(oldest)) - 1
        return {"create_since": {str(seconds * 1000 if unit == "ms" else seconds)}}

    def usable(self, ask):
        """An Ask that the options leave; None is local."""
        if ask is not None and ask.like:
            name_filter = self.setup.options.get("name_filter", "auto")
            self.probed |= name_filter == "auto"
            if not ask.values:
                return None if name_filter == "off" else ask
            asked = ask_name(ask, name_filter)
            if asked is None:
                self.uncertain.append(ask.param)
            return asked
        if ask is not None and ask.is_bound and not self.setup.on("enable_order_pushdown") and \
                self.table.resource == "phones":
            return None
        return ask

    def matching(self, rows, asks):
        """The rows that the service returns for some asks."""
        for ask in asks:
            if ask.param in self.setup.reading.ignores or ask.refused or ask.param in self.setup.reading.refuses:
                continue
            rows = max(([row for row in rows if self.keeps(row.get(ask.param), value, ask)]
                        for value in ask.choice or ask.values[:1]), key=len, default=[])
        return rows

    def keeps(self, text, value, ask):
        if ask.param not in ("phone_name", "server_name"):
            return text == value
        if text is None:
            return False
        names = self.setup.reading.settings.get("names", "substring")
        return {"prefix": text.startswith(value), "exact": text == value,
                "nocase": value.casefold() in text.casefold()}.get(names, value in text)

    def may_be_near(self, wanted):
        """Whether the planner may hope to find so many rows in fewer pages of the plain list than there are streams.

        It goes by what was seen of the values, or by what it supposes.
        """
        share = max(sum(len(rows) for rows in self.streams) / max(len(self.all), 1), self.fans * DEFAULT_SHARE)
        return wanted / share <= self.fans * self.size

    def listed(self):
        """The requests that read the plain list to its end, in the hope that a row comes soon."""
        return self.stream(self.plain) + (PROBES if self.probed else 0)

    # Pages

    def pages(self, rows):
        """The requests that read so many rows of a stream, and see its end."""
        pages = 1
        if rows > self.size:
            pages += math.ceil((rows - self.size) / (self.size - 1))
        return pages

    @property
    def allowance(self):
        """Further requests of a stream: an end that only an overlap row alone shows, pages asked ahead."""
        if not self.setup.on("stable_ties"):
            return 2
        if self.setup.reading.counts:
            return 1
        # The page at the end is taken for a small one, by whose size is asked ahead anew.
        return 1 + 2 * self.setup.concurrency

    def slack(self, pages):
        """Pages shrink where ties have to be read whole, or a cap is found out."""
        if not self.setup.on("stable_ties"):
            return pages * 2
        if self.setup.reading.settings.get("page_cap"):
            return pages + self.setup.concurrency
        return pages

    def stream(self, rows):
        return self.slack(self.pages(len(rows))) + self.allowance + self.in_parts(rows)

    def in_parts(self, rows):
        """The requests that read phones server by server, where those of one time may fill a page."""
        times = Counter(row["create_time"] for row in rows)
        if self.setup.on("stable_ties") or self.table.resource != "phones" or \
                max(times.values(), default=0) < self.size - 2:
            return 0
        of_servers = Counter(row["server_id"] for row in rows).values()
        totals = 2 * 3      # the number of all before and after, with proofs
        return totals + self.pages(self.servers) + self.servers + sum(self.slack(self.pages(n)) for n in of_servers)

    def everything(self):
        """The requests that return every row that the clauses leave."""
        if self.none:
            return 0
        total = self.covering() + (PROBES if self.probed else 0)
        total += sum(self.stream(self.within_time(rows)) for rows in self.streams)
        total += (self.seeking() + self.overshoot()) * len(self.streams)
        if self.optional or self.fans > 1 and not self.setup.on("enable_order_pushdown"):
            total = max(total, self.stream(self.plain)) + self.values
        return total + (1 + self.stream(self.all) if self.refused else 0)

    def covering(self):
        """The requests that count every value of a status, twice where some rows have none of them."""
        if not self.setup.on("enable_count_pushdown"):
            return 0
        values = VALUES[self.table.resource]
        creating = [row for row in self.all if row.get("status") in ("0", "1", "3", "4")]
        return 2 * (2 + values + 2 + self.pages(len(creating)))

    def within_time(self, rows):
        """The rows that the bounds of time leave to be read."""
        for bound in self.bounds:
            if "?" in (bound.oldest, bound.newest):
                continue
            if bound.oldest:    # what is asked ahead beyond it is a guess
                times = [row["create_time"] for row in rows]
                end = next((at for at, then in enumerate(times) if then < bound.oldest), len(rows) - 1)
                rows = rows[:end + 1]
            elif self.seeks and (len(rows) - self.size) / self.size >= 8:
                older = sum(row["create_time"] > bound.newest for row in rows)
                rows = rows[max(older - self.size, 0):]
        return rows

    @property
    def seeks(self):
        """Whether the list can be halved: by its count, if pages are as long as asked for."""
        return self.setup.reading.counts and not self.setup.reading.settings.get("page_cap")

    def overshoot(self):
        """The requests asked ahead beyond a lower bound of time: where it stands is a guess."""
        return self.setup.concurrency - 1 if any(bound.oldest for bound in self.bounds) else 0

    def seeking(self):
        """The requests that find the newest row wanted by halving the list."""
        if not any(bound.newest for bound in self.bounds):
            return 0
        return 2 + math.ceil(math.log2(len(self.plain) + 2))

    def first(self, wanted):
        """The requests that return the first so many rows, which LIMIT leaves to the service."""
        if self.none:
            return 0
        total = sum(self.slack(self.pages(min(wanted, len(rows)))) +
                    (0 if wanted < len(rows) and wanted <= self.size else self.allowance)
                    for rows in self.streams)
        # Without a count an empty page is no proof that the list has ended before it.
        return total + (0 if self.setup.reading.counts else self.everything())

    def until(self, ids, wanted):
        """The requests that read on until so many rows with one of these ids were seen."""
        if self.none:
            return 0
        if self.fans > 1 or self.optional or self.bounds or self.refused:
            return self.everything()
        if not self.settled:    # the first page is small by mistake, the order not known outside
            return self.everything() + 1
        places = [at + 1 for at, row in enumerate(self.plain) if row[self.table.id.field] in ids]
        if wanted > len(places):
            return self.everything()
        place = places[wanted - 1]
        probes = PROBES if self.probed else 0
        if "status" not in self.must:   # the planner may hope that to count its values pays
            probes += self.covering()
        if place <= self.size:
            return probes + self.slack(1)
        return probes + self.slack(self.pages(place)) + self.setup.concurrency

    def counting(self):
        """The requests that count the rows: one a stream, and one for its proof, or two if pages are short."""
        if self.none:
            return 0
        if self.bounds and self.exact_values:
            return max(self.everything(), self.places())
        if not self.pushable or self.refused or not self.setup.on("enable_count_pushdown"):
            return self.everything()
        if not self.must and self.setup.reading.counts:
            return 1
        proofs = 2 if self.setup.reading.settings.get("page_cap") else 1
        return (1 + proofs) * len(self.streams) + 1 + (0 if self.setup.reading.counts else self.everything())

    def places(self):
        """The requests that count rows by the places of their bounds: twice by halves, and a few.

        That a filter filters takes two more to show; where pages or the number of all rows are not as they
        seem, the rows may have to be read after all.
        """
        places = 2 * math.ceil(math.log2(len(self.all) / self.size + 1)) + 4 + (2 if self.must else 0)
        total = places * len(self.streams)
        if self.setup.reading.counts and not self.setup.reading.settings.get("page_cap"):
            return total
        return 4 * total + self.everything()

    def from_end(self):
        """The requests that read all rows from the end: a page has room for some that came, and ties wait."""
        if self.none:
            return 0
        rows = self.within_time(self.plain)
        times = Counter(row["create_time"] for row in rows)
        above = self.size - min(16, self.size // 8 + 1)
        step = max(above - max(times.values(), default=0), above / 2, 1)
        # rows of one time that fill a page are a list of their own
        groups = sum(2 + math.ceil(n / (self.size - 1)) for n in times.values() if n >= above)
        seeking = 4 + math.ceil(math.log2(len(self.all) + 2))
        # a group that begins low on a page may make that page short
        return max(self.everything(), self.slack(math.ceil(1.1 * len(rows) / step)) + groups + 2 * seeking)

    def wrong_requests(self, requests, first_only):
        """The requests on this table's list that lack a filter that they must have.

        Streams need not be read where no more pages of the plain list were enough, the planner taking all
        streams for equally long, or where only the first rows are wanted and it may hope to find them soon.
        """
        rows = [len(rows) for rows in self.streams]
        streams = max(sum(map(self.pages, rows)), self.fans * self.pages(math.ceil(sum(rows) / self.fans)))
        must = {param: values for param, values in self.must.items()
                if len(values) == 1 or (len(requests) > streams and not first_only)}
        return [request for request in requests
                if request.resource == self.table.resource and not self.is_probe(request) and
                not all(request.params.get(param) in values for param, values in must.items())]

    def is_probe(self, request):
        """Whether a request asks for a name to try, or for the number of all rows."""
        return request.params == {"limit": "1", "offset": "0"} or \
            self.probed and request.params.get("limit") == "1" and request.params.get("offset") == "0"
