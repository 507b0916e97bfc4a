"""What the documents leave open, each with the reading that is in force.

The defaults are the plain reading.  A test sets another with POST /_control/set and sees whether the
client still tells the truth.  A few settings of the service itself (compression, its clock, the length
of its tokens) are kept in the same table.
"""

from typing import Any, Callable, NamedTuple


class Reading(NamedTuple):
    default: Any
    accepts: Callable[[Any], bool]
    meaning: str


def one_of(*values):
    return lambda value: isinstance(value, str) and value in values


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def at_least(minimum):
    return lambda value: is_integer(value) and value >= minimum


def is_flag(value):
    return isinstance(value, bool)


def is_text_list(value):
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_text_map(value):
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def is_count(value):
    return is_integer(value) or one_of(
        "filtered", "all", "page", "absent", "null", "huge", "negative", "string")(value)


def is_overrides(value):
    """One override, or a list of them: {"index": n or null, "field": name, "raw": JSON text}."""
    each_of = value if isinstance(value, list) else [value]
    return all(
        isinstance(each, dict)
        and set(each) <= {"index", "field", "raw"}
        and (each.get("index") is None or is_integer(each["index"]))
        and isinstance(each.get("field"), str)
        and isinstance(each.get("raw"), str)
        for each in each_of)


READINGS = {
    # Filters
    "names": Reading("substring",
                     one_of("substring", "prefix", "exact", "nocase", "words", "wildcards"),
                     "what a fuzzy name finds; words: the beginning of any word, in upper or lower case; "
                     "wildcards: a substring in which % and _ are as in LIKE"),
    "creating": Reading("own", one_of("own", "all"),
                        "status: a code that means creating finds its own rows, or those of all such codes"),
    "time_unit": Reading("s", one_of("s", "ms"), "unit of create_since and create_until"),
    "filters_ignored": Reading([], is_text_list, "parameters that are checked and then do nothing"),
    "invalid_filter": Reading({}, is_text_map,
                              "{parameter: error_code}: 400 with that code wherever it is present"),
    # The page
    "count": Reading("filtered", is_count,
                     "filtered, all, page, absent, null, huge (10^30), negative, string, or a number"),
    "page_cap": Reading(0, at_least(0), "at most so many rows a page whatever limit asks (0: no cap)"),
    "max_offset": Reading(0, at_least(0), "a larger offset is CPS.0002 (0: no bound)"),
    "item_key": Reading("normal", one_of("normal", "null", "absent"), "the item array of every page"),
    "empty": Reading("list", one_of("list", "null", "absent"), "the item array of a page without rows"),
    # The rows
    "ties_shuffled": Reading(False, is_flag, "rows of one create_time stand in another order on each request"),
    "unsorted": Reading(False, is_flag, "the rows of a page stand in reverse order"),
    "drop_fields": Reading([], is_text_list, "fields left out of every item"),
    "set_fields": Reading([], is_overrides,
                          'raw values: {"index": place in the answered list or null for all, "field", "raw"}'),
    "churn": Reading(0, at_least(0), "random changes to the phones after each list request"),
    # The service
    "gzip": Reading(False, is_flag, "compress for clients that accept it"),
    "chunked": Reading(False, is_flag, "send bodies chunked instead of with Content-Length"),
    "keepalive_requests": Reading(0, at_least(0), "close a connection after so many requests (0: never)"),
    "request_id": Reading("", lambda value: isinstance(value, str), "the id of every request (empty: random)"),
    "clock_shift": Reading(0, is_integer, "seconds by which the service's clock is ahead"),
    "token_length": Reading(4000, at_least(40), "characters of a token"),
    "token_lifetime": Reading(86400, at_least(0), "seconds for which a new token is valid"),
}


class Readings:
    """The readings in force, as attributes."""

    def __init__(self):
        self.reset()

    def reset(self):
        for name, reading in READINGS.items():
            setattr(self, name, reading.default)
        self._derive()

    def update(self, values):
        """Sets some readings (null: back to the default); ValueError if any is not acceptable."""
        for name, value in values.items():
            if name not in READINGS:
                raise ValueError(f"unknown reading: {name}")
            if value is not None and not READINGS[name].accepts(value):
                raise ValueError(f"{name} cannot be {value!r}: {READINGS[name].meaning}")
        for name, value in values.items():
            setattr(self, name, READINGS[name].default if value is None else value)
        self._derive()

    def as_dict(self):
        return {name: getattr(self, name) for name in READINGS}

    def _derive(self):
        if isinstance(self.set_fields, dict):
            self.set_fields = [self.set_fields]
        #: Whether items may be sent as they were serialised, in the order in which they stand.
        self.plain_items = not (
            self.ties_shuffled or self.unsorted or self.drop_fields or self.set_fields)
