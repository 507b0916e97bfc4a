"""How the service may be read, and the options of the server that suit each reading.

A reading is a way to take what the documents leave open, or a promise that the service may break: settings
of the simulated service, and of its data.  Under each, every answer must be that of the local copy.  What
the design lets a reading cost instead stands with it.
"""

from typing import NamedTuple


class Reading(NamedTuple):
    settings: dict = {}         # of the simulated service
    reset: dict = {}            # of its data
    options: dict = {}          # server option -> values it may have beside the usual ones
    fixed: dict = {}            # server options that it needs
    errors: frozenset = frozenset()     # SQLSTATEs that may stand for an answer
    counts: bool = True         # count is the number of the filter's rows
    bounded: bool = True        # the number of requests can be worked out
    refuses: frozenset = frozenset()    # parameters that are answered with 400
    ignores: frozenset = frozenset()    # parameters that have no effect
    moves: bool = False         # phones go, come and change while a query runs: the service judges what it finds


READINGS = {
    "plain": Reading(options={"name_filter": ["substring", "prefix"], "time_unit": ["s"]}),
    "nocase": Reading({"names": "nocase"}, options={"name_filter": ["substring", "prefix", "exact"]}),
    "prefix": Reading({"names": "prefix"}, options={"name_filter": ["prefix", "exact"]}),
    # Nothing documented is left that a prefix could be looked up by.
    "exact": Reading({"names": "exact"}, fixed={"name_filter": "exact"}),
    "wildcards": Reading({"names": "wildcards"}, options={"name_filter": ["substring"]}, bounded=False),
    "creating": Reading({"creating": "all"}, bounded=False),
    "count-all": Reading({"count": "all"}, counts=False),
    "count-absent": Reading({"count": "absent"}, counts=False),
    "count-null": Reading({"count": "null"}, counts=False),
    "count-page": Reading({"count": "page"}, counts=False),
    "seconds": Reading({"time_unit": "s"}, options={"time_unit": ["s", "off"]}),
    "milliseconds": Reading({"time_unit": "ms"}, options={"time_unit": ["ms", "off"]}),
    "ties": Reading(reset={"ties": 0.9}),
    # Ties are known by the order only.
    "shuffled": Reading({"ties_shuffled": True}, fixed={"stable_ties": "false", "enable_order_pushdown": "true"},
                        bounded=False),
    "page-cap": Reading({"page_cap": 60}),
    "page-cap-small": Reading({"page_cap": 7}, {"phones": 420}, fixed={"stable_ties": "true"}),
    # An answer without the item array may have lost it: an error.
    "empty-null": Reading({"empty": "null"}, errors=frozenset({"HV00L"})),
    "empty-absent": Reading({"empty": "absent"}, errors=frozenset({"HV00L"})),
    "invalid-name": Reading({"invalid_filter": {"phone_name": "CPS.0025", "server_name": "CPS.0025"}},
                            bounded=False, refuses=frozenset({"phone_name", "server_name"})),
    # Only an OFFSET and a count rest on filters alone; they are checked as far as a page shows it.
    "ignored": Reading({"filters_ignored": ["status", "type", "server_id", "phone_name", "server_name",
                                            "network_version", "phone_model_name", "create_since"]},
                       counts=False, bounded=False,
                       ignores=frozenset({"status", "type", "server_id", "network_version"})),
    # Each number of rows stays as it is.
    "replaced": Reading({"replaced": 1, "swapped": 1}, moves=True),
}

USUAL = {
    "fetch_size": [None, None, None, None, "100", "50", "23"],
    "max_concurrent_requests": [None, None, None, "1", "2", "8"],
    "enable_order_pushdown": [None] * 7 + ["false"],
    "enable_limit_pushdown": [None] * 7 + ["false"],
    "enable_count_pushdown": [None] * 7 + ["false"],
    "stable_ties": [None] * 7 + ["false"],
    "name_filter": [None, None, None, "off"],
    "time_unit": [None, None, None, "off"],
    "fdw_request_cost": [None, None, None, "1", "10000"],
}


class Setup(NamedTuple):
    """The options of the server that differ from the default, under a reading."""
    reading: Reading
    options: dict

    def on(self, option):
        return self.options.get(option, "true") == "true"

    def page_size(self, resource, maximum):
        size = min(int(self.options.get("fetch_size") or maximum), maximum)
        return min(size, self.reading.settings.get("page_cap") or size)

    @property
    def concurrency(self):
        return int(self.options.get("max_concurrent_requests") or 4)

    @property
    def errors(self):
        """The SQLSTATEs that may stand for an answer."""
        if self.reading.reset.get("ties") and not self.on("stable_ties"):
            return self.reading.errors | {"HV000"}      # more ties than a page holds
        return self.reading.errors


def setups(name, rng):
    """Setups for a reading, without end; the first has the default options only."""
    reading = READINGS[name]
    yield Setup(reading, dict(reading.fixed))
    while True:
        options = {option: rng.choice(values + reading.options.get(option, []))
                   for option, values in USUAL.items()}
        options = {option: value for option, value in options.items() if value is not None}
        yield Setup(reading, {**options, **reading.fixed})
