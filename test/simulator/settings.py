"""What the documents leave open, and which way the service takes it.

The defaults are the plain way.  A test sets another with POST /_control/set and sees whether the
client still tells the truth.  A few settings of the service itself (compression, its clock, the length
of its tokens) are kept in the same table.
"""

from typing import Any, Callable, NamedTuple


class Setting(NamedTuple):
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


def is_name(value):
    return isinstance(value, str)


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


SETTINGS = {
    # Filters
    "names": Setting("substring",
                     one_of("substring", "prefix", "exact", "nocase", "words", "wildcards"),
                     "what a fuzzy name finds; words: the beginning of any word, in upper or lower case; "
                     "wildcards: a substring in which % and _ are as in LIKE"),
    "creating": Setting("own", one_of("own", "all"),
                        "status: a code that means creating finds its own rows, or those of all such codes"),
    "time_unit": Setting("s", one_of("s", "ms"), "unit of create_since and create_until"),
    "filters_ignored": Setting([], is_text_list, "parameters that are checked and then do nothing"),
    "invalid_filter": Setting({}, is_text_map,
                              "{parameter: error_code}: 400 with that code wherever it is present"),
    # The page
    "count": Setting("filtered", is_count,
                     "filtered, all, page, absent, null, huge (10^30), negative, string, or a number"),
    "page_cap": Setting(0, at_least(0), "at most so many rows a page whatever limit asks (0: no cap)"),
    "max_offset": Setting(0, at_least(0), "a larger offset is CPS.0002 (0: no bound)"),
    "item_key": Setting("normal", one_of("normal", "null", "absent"), "the item array of every page"),
    "empty": Setting("list", one_of("list", "null", "absent"), "the item array of a page without rows"),
    # The rows
    "ties_shuffled": Setting(False, is_flag, "rows of one create_time stand in another order on each request"),
    "unsorted": Setting(False, is_flag, "the rows of a page stand in reverse order"),
    "drop_fields": Setting([], is_text_list, "fields left out of every item"),
    "set_fields": Setting([], is_overrides,
                          'raw values: {"index": place in the answered list or null for all, "field", "raw"}'),
    "changing": Setting("phones", is_name, "the list whose rows churn, replaced and swapped change"),
    "added": Setting("first", one_of("first", "last"), "where in it the rows stand that they let come"),
    "churn": Setting(0, at_least(0), "random changes to the rows after each list request"),
    "replaced": Setting(0, at_least(0), "rows that go, and as many that come, after each list request"),
    "replaced_below": Setting(0, at_least(0), "phones that go, of those that a request for phones finds and that are older "
                              "than its page, and as many like them that come: each number stays"),
    "replaced_every": Setting(1, at_least(1), "replaced_below: after each so many requests for phones"),
    "swapped": Setting(0, at_least(0), "pairs of rows that swap their status after each list request"),
    # The detail of a phone
    "detail_not_found": Setting(404, lambda value: value in (400, 404), "the status of an unknown id: 404, 400"),
    "detail_unknown": Setting([], is_text_list, "ids that the detail does not find, though the list has them"),
    "detail_outlives": Setting(False, is_flag, "the detail of a phone is still there when the list has it no more"),
    "detail_drop_fields": Setting([], is_text_list, "fields left out, as in an older region"),
    "detail_set_fields": Setting({}, lambda value: isinstance(value, dict), "fields that every detail has instead"),
    # Who may ask what, and where: names of lists, or "detail"
    "forbidden": Setting([], is_text_list, "403: no permission"),
    "unpublished": Setting([], is_text_list, "404 of the gateway: a region whose service lacks it"),
    "language": Setting("en-us", one_of("en-us", "zh-cn"), "of error texts, unless X-Language says otherwise"),
    # The service
    "gzip": Setting(False, is_flag, "compress for clients that accept it"),
    "chunked": Setting(False, is_flag, "send bodies chunked instead of with Content-Length"),
    "keepalive_requests": Setting(0, at_least(0), "close a connection after so many requests (0: never)"),
    "idle_timeout": Setting(0, at_least(0), "milliseconds after which an idle connection is closed (0: never)"),
    "idle_answer": Setting(408, at_least(0), "the status that is sent before that (0: none)"),
    "header_limit": Setting(0, at_least(0), "a request whose line and headers have more bytes ends the connection, "
                            "without an answer (0: only what is absurd, with one)"),
    "request_id": Setting("", is_name, "the id of every request (empty: random)"),
    "clock_shift": Setting(0, is_integer, "seconds by which the service's clock is ahead"),
    "token_length": Setting(4000, at_least(40), "characters of a token"),
    "token_lifetime": Setting(86400, at_least(0), "seconds for which a new token is valid"),
}


class Settings:
    """The settings in force, as attributes."""

    def __init__(self):
        self.reset()

    def reset(self):
        for name, setting in SETTINGS.items():
            setattr(self, name, setting.default)
        self._derive()

    def update(self, values):
        """Sets some settings (null: back to the default); ValueError if any is not acceptable."""
        for name, value in values.items():
            if name not in SETTINGS:
                raise ValueError(f"unknown setting: {name}")
            if value is not None and not SETTINGS[name].accepts(value):
                raise ValueError(f"{name} cannot be {value!r}: {SETTINGS[name].meaning}")
        for name, value in values.items():
            setattr(self, name, SETTINGS[name].default if value is None else value)
        self._derive()

    def as_dict(self):
        return {name: getattr(self, name) for name in SETTINGS}

    def _derive(self):
        if isinstance(self.set_fields, dict):
            self.set_fields = [self.set_fields]
        #: Whether items may be sent as they were serialised, in the order in which they stand.
        self.plain_items = not (
            self.ties_shuffled or self.unsorted or self.drop_fields or self.set_fields)
