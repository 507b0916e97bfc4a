"""One page of a list, as JSON text."""

import itertools
import random
from operator import attrgetter

from .answers import Answer
from .data import encode


class Page:
    """What one list request is answered with, before it becomes text; faults may spoil it."""

    __slots__ = ("rows", "offset", "total", "overrides", "filler", "size")

    def __init__(self, rows, offset, total):
        self.rows = rows            # newest first
        self.offset = offset
        self.total = total          # of the filtered list
        self.overrides = []         # (place in the list or None for all, field, raw JSON as bytes)
        self.filler = b""           # what stands in the item array before the items, with its last comma
        self.size = 0               # pad the body to so many bytes

    def spoil(self, place, field, raw):
        """Gives a field of the item at that place of the page a raw value."""
        self.overrides.append((self.offset + place, field, raw))


def cut(fleet, query, settings, turn):
    """The Page that query asks for; turn tells this request from others, for shuffled ties."""
    found = fleet.select(query.filters, settings)
    limit = min(query.limit, settings.page_cap or query.limit)
    end = max(len(found) - query.offset, 0)
    start = max(end - limit, 0)
    if settings.ties_shuffled:
        rows = shuffled_ties(found, start, end, f"{fleet.seed}/{turn}")
    else:
        rows = found[start:end]
    if not settings.unsorted:
        rows.reverse()
    page = Page(rows, query.offset, len(found))
    page.overrides = [(each.get("index"), each["field"], each["raw"].encode())
                      for each in settings.set_fields]
    return page


def shuffled_ties(found, start, end, seed):
    """found[start:end] of a list in which rows of one create_time stand in random order.

    Groups that reach over an end of the page are shuffled whole, so that rows cross it.
    """
    low, high = start, end
    while 0 < low < len(found) and found[low - 1].created == found[low].created:
        low -= 1
    while 0 < high < len(found) and found[high].created == found[high - 1].created:
        high += 1
    rng = random.Random(seed)
    rows = []
    for _, group in itertools.groupby(found[low:high], key=attrgetter("created")):
        group = list(group)
        rng.shuffle(group)
        rows += group
    return rows[start - low:end - low]


def answer(page, resource, fleet, settings, request_id):
    """The page as an Answer."""
    if settings.plain_items and not page.overrides:
        items = [row.text or row.serialise() for row in page.rows]
    else:
        items = [altered(row, page.offset + place, page.overrides, settings.drop_fields)
                 for place, row in enumerate(page.rows)]
    parts = [b'{"request_id":"%b"' % request_id.encode()]
    count = count_text(page, fleet, settings) if resource.total else None
    if count is not None:
        parts.append(b'"%b":%b' % (resource.total.encode(), count))
    form = settings.item_key
    if form == "normal" and not items and not page.filler:
        form = settings.empty
    if form == "null":
        parts.append(b'"%b":null' % resource.item_key.encode())
    elif form != "absent":
        parts.append(b'"%b":[%b%b]' % (resource.item_key.encode(), page.filler, b",".join(items)))
    body = b",".join(parts)
    missing = page.size - len(body) - len(b',"padding":""}')
    if missing >= 0 and page.size:
        body += b',"padding":"' + b"x" * missing + b'"'
    return Answer(200, body + b"}")


def altered(row, place, overrides, dropped):
    """An item as text, with fields left out and others given raw values."""
    item = row.item()
    for field in dropped:
        item.pop(field, None)
    pairs = {field: encode(value).encode() for field, value in item.items()}
    for index, field, raw in overrides:
        if index is None or index == place:
            pairs[field] = raw
    return b"{" + b",".join(b"%b:%b" % (encode(field).encode(), raw)
                            for field, raw in pairs.items()) + b"}"


def count_text(page, fleet, settings):
    """The value of count as text, or None if it is left out."""
    setting = settings.count
    if setting == "absent":
        return None
    numbers = {"filtered": page.total, "all": len(fleet.rows), "page": len(page.rows),
               "huge": 10**30, "negative": -1, "null": None, "string": str(page.total)}
    return encode(numbers.get(setting, setting)).encode()
