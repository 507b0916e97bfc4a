"""A list of rows that changes: the order, the indices, the changes, and who was there throughout.

Rows are kept oldest first, since new ones are added at the newer end; a place in the list, as a client
counts it, is counted from the other end.  Ranks rise with the list, so a row is found by bisection.
"""

import bisect
import collections
import copy
import random

from . import data
from .resources import conditions, matches

GONE_KEPT = 1000    # deleted rows whose detail may still be asked for
VIEWS_KEPT = 32     # filtered lists remembered between changes: one million rows are 8 MB each


def rank_of(row):
    return row.rank


def find(rows, row):
    """Where row stands, or would stand, in a list sorted by rank."""
    return bisect.bisect_left(rows, row.rank, key=rank_of)


class Fleet:
    def __init__(self, resource, rows, seed, ties):
        self.resource = resource
        self.rows = rows
        self.seed = seed
        self.ties = ties
        self.rng = random.Random(f"{seed}/changes/{resource.name}")
        self.next_rank = len(rows)
        self.last_rank = 0
        self.views = {}
        self.index = {field: {} for field in resource.indexed}
        for field, places in self.index.items():
            for row in rows:
                value = getattr(row, field)
                place = places.get(value)
                if place is None:
                    places[value] = [row]
                else:
                    place.append(row)
        self.gone = {}              # id -> row, of those deleted last
        self.marked = None          # the ranks of the rows that there were at the mark; None: no mark
        self.past = {}              # rank -> what changed or deleted rows were since the mark

    # Reading

    def select(self, filters, settings):
        """The rows that filters find, oldest first; not to be changed by the caller."""
        if not filters:
            return self.rows
        rows = self.views.get(filters)
        if rows is None:
            if len(self.views) >= VIEWS_KEPT:
                self.views.clear()
            rows = self.views[filters] = self._filter(*conditions(self.resource, filters, settings))
        return rows

    def row_of(self, wanted):
        """The row with an id, or None."""
        rows = self.views.get("ids")
        if rows is None:
            rows = self.views["ids"] = {getattr(row, self.resource.id_field): row for row in self.rows}
        return rows.get(wanted)

    def forget_views(self):
        """To be called when a setting changes what filters find."""
        self.views.clear()

    def _filter(self, equal, tests):
        start, start_field = self.rows, None
        for field, values in equal.items():
            places = self.index[field]
            if len(values) == 1:
                found = places.get(next(iter(values)), [])
            else:
                found = sorted((row for value in values for row in places.get(value, ())), key=rank_of)
            if start_field is None or len(found) < len(start):
                start, start_field = found, field
        rest = {field: values for field, values in equal.items() if field != start_field}
        if not rest and not tests:
            return list(start)
        return [row for row in start if matches(row, rest, tests)]

    def pick(self, index=None, ids=None, where=None, n=1):
        """Rows named by place (n of them, newest first), by id or by content.

        Raises ValueError if a place or an id does not exist.
        """
        if index is not None:
            end = len(self.rows) - index
            if index < 0 or end - n < 0:
                raise ValueError(f"there are only {len(self.rows)} rows")
            return self.rows[end - n:end]
        if ids is not None:
            wanted = set(ids)
            found = [row for row in self.rows if getattr(row, self.resource.id_field) in wanted]
            if len(found) != len(wanted):
                raise ValueError("no row has one of these ids")
            return found
        if where is not None:
            return [row for row in self.rows if self._is(row, where)]
        raise ValueError("say which rows: index, ids or where")

    @staticmethod
    def _is(row, where):
        item = None
        for field, value in where.items():
            if field in row.KEPT:
                actual = getattr(row, field)
            else:
                item = item or row.item()
                actual = item.get(field)
            if actual != value:
                return False
        return True

    # Changing

    def insert(self, count, server_ids, fields=None, last=False):
        """Adds count newest rows, or oldest ones where they come last, with some fields set if fields are given, and
        returns them."""
        added = []
        for _ in range(count):
            created = self.rows[0 if last else -1].created if self.rows else data.NEWEST
            if self.rng.random() >= self.ties:
                created += self.rng.randrange(1, 20) * (-1 if last else 1)
            if last:
                self.last_rank -= 1
            row = self.resource.new(self.last_rank if last else self.next_rank, server_ids, self.seed, created, self.rng)
            if fields:
                row.load({**row.item(), **fields})
            self.next_rank += not last
            bisect.insort(self.rows, row, key=rank_of)
            for field, places in self.index.items():
                bisect.insort(places.setdefault(getattr(row, field), []), row, key=rank_of)
            added.append(row)
        self.views.clear()
        return added

    def delete(self, rows):
        for row in rows:
            self._remember(row)
            self._keep_gone(row)
            del self.rows[find(self.rows, row)]
            for field, places in self.index.items():
                self._take_out(places, getattr(row, field), row)
        self.views.clear()

    def update(self, rows, fields):
        """Sets some fields of some rows; they keep their places whatever their create_time becomes."""
        for row in rows:
            self._remember(row)
            before = {field: getattr(row, field) for field in self.index}
            row.load({**row.item(), **fields})
            for field, places in self.index.items():
                value = getattr(row, field)
                if value != before[field]:
                    self._take_out(places, before[field], row)
                    bisect.insort(places.setdefault(value, []), row, key=rank_of)
        self.views.clear()

    def _keep_gone(self, row):
        if len(self.gone) >= GONE_KEPT:
            del self.gone[next(iter(self.gone))]
        self.gone[getattr(row, self.resource.id_field)] = row

    @staticmethod
    def _take_out(places, value, row):
        place = places[value]
        del place[find(place, row)]

    def churn(self, count, server_ids, last=False):
        """Makes count random changes: a new row, one gone, another status, another server, as far as rows have them."""
        rng = self.rng
        for _ in range(count):
            what = rng.choice(("insert", "delete", "status", "move"))
            if what == "insert" or not self.rows:
                self.insert(1, server_ids, last=last)
                continue
            row = self.rows[rng.randrange(len(self.rows))]
            if what == "delete":
                self.delete([row])
            elif what == "status":
                self.update([row], self._other_status(row))
            elif server_ids and "server_id" in row.KEPT and self.resource.id_field != "server_id":
                self.update([row], {"server_id": rng.choice(server_ids)})

    def _other_status(self, row):
        """The fields that give a row another status, if it has one."""
        statuses = self.resource.statuses
        if not statuses:
            return {}
        was = row.item().get("status")
        new = self.rng.choices(list(statuses), list(statuses.values()))[0]
        return {"status": new if new != was else self.rng.choice([each for each in statuses if each != was])}

    def replace(self, count, server_ids, last=False):
        """Lets count rows of any place go, and as many come: their number stays."""
        if self.rows:
            self.delete(self.rng.sample(self.rows, min(count, len(self.rows))))
        self.insert(count, server_ids, last=last)

    def swap(self, count):
        """Lets count pairs of rows of different status swap it: the number of each status stays."""
        by_status = self.index.get(self.resource.status_field, {})
        for _ in range(count):
            there = sorted((status for status, rows in by_status.items() if rows),
                           key=lambda status: (status is None, status))
            if len(there) < 2:
                return
            one, other = (self.rng.choice(by_status[status]) for status in self.rng.sample(there, 2))
            status, was = (row.item()["status"] for row in (other, one))
            self.update([one], {"status": status})
            self.update([other], {"status": was})

    def replace_below(self, count, query, page, server_ids, settings):
        """Replaces count rows of those that a query finds: one goes that is older than the page, and one like it is
        the newest.  Every count stays as it was; the page's reader loses nothing that stayed.
        """
        for _ in range(count if page.rows else 0):
            found = self.select(query.filters, settings)
            older = bisect.bisect_left(found, min(map(rank_of, page.rows)), key=rank_of)
            if not older:
                return
            row = found[self.rng.randrange(older)]
            alike = {*self.resource.indexed, *(key for key, _ in query.filters if key in row.KEPT)}
            self.delete([row])
            self.insert(1, server_ids, {field: getattr(row, field) for field in alike})

    # History

    def mark(self):
        """From now on, remembers what changed rows were."""
        self.marked = range(self.last_rank, self.next_rank)
        self.past = {}

    def _remember(self, row):
        if self.marked is not None:
            self.past.setdefault(row.rank, []).append(copy.copy(row))

    def stayed(self, filters, settings):
        """The rows that met the filters all the time since the mark."""
        self._need_mark()
        met = conditions(self.resource, filters, settings)
        return [row for row in self._filter(*met)
                if row.rank in self.marked
                and all(matches(was, *met) for was in self.past.get(row.rank, ()))]

    def ever(self, filters, settings):
        """The ids of the rows that met the filters at any time since the mark."""
        self._need_mark()
        met = conditions(self.resource, filters, settings)
        ids = {getattr(row, self.resource.id_field): None for row in self._filter(*met)}
        for past in self.past.values():
            for was in past:
                if matches(was, *met):
                    ids[getattr(was, self.resource.id_field)] = None
        return list(ids)

    def judge(self, ids, filters, settings, among=None):
        """What is to be said of the ids that a client returned for these filters, of a scan that began after the mark.

        What met the filters all the time must be there, once; what never met them must not.  among: the ids that
        the client's own conditions left, where it has any.
        """
        name = self.resource.id_field
        stayed = [getattr(row, name) for row in reversed(self.stayed(filters, settings))]   # newest first
        ever = set(self.ever(filters, settings))
        if among is not None:
            stayed, ever = [each for each in stayed if each in among], ever & among
        found, wanted = collections.Counter(ids), set(stayed)
        seen = [each for each in ids if each in wanted]
        return {
            "lost": [each for each in stayed if each not in found],
            "twice": [each for each, times in found.items() if times > 1],
            "strange": [each for each in found if each not in ever],
            "newest": seen == stayed[:len(seen)],
            "stayed": len(stayed),
            "ever": len(ever),
        }

    def _need_mark(self):
        if self.marked is None:
            raise ValueError("there is no mark: POST /_control/mark first")

    # Copying

    def copy_text(self):
        """The list in the text format of PostgreSQL's COPY, newest first."""
        columns = self.resource.columns
        return "".join(
            "\t".join(copy_field(name, item.get(name)) for name in columns) + "\n"
            for item in (row.item() for row in reversed(self.rows))).encode()


COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b",
                              "\f": "\\f", "\v": "\\v"})


def copy_field(name, value):
    if value is None:
        return "\\N"
    if value is True or (name == "vnc_enable" and value == "true"):
        return "t"
    if value is False or (name == "vnc_enable" and value == "false"):
        return "f"
    if isinstance(value, str):
        return value.translate(COPY_ESCAPES)
    if isinstance(value, (dict, list)):
        return data.encode(value).translate(COPY_ESCAPES)
    return str(value)
