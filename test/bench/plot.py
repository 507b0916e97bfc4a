#!/usr/bin/env python3
"""Draws the pictures beside this file, SVG, by the tables of results.md.

    plot.py             draws them
    plot.py --check     complains of each that is not that of the tables

Copyright (c) 2026, the cph_fdw developers
"""

import html
import math
import re
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent

WIDTH, HEIGHT = 400, 320            # of a panel, with its margins
LEFT, RIGHT, TOP, BOTTOM = 60, 30, 40, 50
PAPER, INK, RULE = "#ffffff", "#24292f", "#d8dee4"
COLOURS = ["#0969da", "#bc4c00", "#1a7f37", "#8250df"]
BAR, REST = "#0969da", "#e6eaef"


# --- The tables ---------------------------------------------------------------

def table(title):
    """The rows of the table below a heading that begins so, as lists of texts; its head first."""
    section = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", (BENCH / "results.md").read_text(encoding="utf-8"),
                        re.DOTALL | re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*$", section, re.MULTILINE)]
    return [rows[0], *rows[2:]]


def number(cell):
    return float(cell.replace(",", ""))


# --- Shapes -------------------------------------------------------------------

class Panel:
    """Lines over logarithmic axes: a name, points, how it is drawn."""

    def __init__(self, x, title, below, across, up):
        self.x, self.title, self.below = x, title, below
        self.across, self.up = across, up           # the values that have a rule

    def place(self, point):
        """Where a point is drawn."""
        wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return (self.x + LEFT + wide * share(point[0], self.across), TOP + high * (1 - share(point[1], self.up)))

    def axes(self):
        yield text(self.x + LEFT + (WIDTH - LEFT - RIGHT) / 2, TOP / 2, self.title, weight="bold")
        for each in self.across:
            yield self.line([(each, self.up[0]), (each, self.up[-1])], RULE, 1)
            x, y = self.place((each, self.up[0]))
            yield text(x, y + 18, short(each))
        for each in self.up:
            yield self.line([(self.across[0], each), (self.across[-1], each)], RULE, 1)
            x, y = self.place((self.across[0], each))
            yield text(x - 6, y + 4, short(each), "end")
        yield text(self.x + LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 10, self.below)

    def line(self, points, colour, width=2, more=""):
        places = " ".join("%.1f,%.1f" % self.place(point) for point in points)
        return f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" {more} points="{places}"/>'

    def curve(self, points, colour, more=""):
        """A line with a dot at each point."""
        yield self.line(points, colour, 2, more)
        for x, y in map(self.place, points):
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'

    def name(self, point, words, colour, up=10):
        """What a curve is, above one of its points."""
        x, y = self.place(point)
        return text(x, y - up, words, colour=colour, halo=True)


def share(value, ends):
    return (math.log10(value) - math.log10(ends[0])) / (math.log10(ends[-1]) - math.log10(ends[0]))


def decades(values):
    """The powers of ten around values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0 ** end for end in range(low, max(high, low + 1) + 1)]


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def text(x, y, words, anchor="middle", weight="normal", colour=INK, halo=False):
    behind = f' stroke="{PAPER}" stroke-width="4" paint-order="stroke"' if halo else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"{behind}>'
            f'{html.escape(words)}</text>')


def picture(title, shapes, width=2 * WIDTH, height=HEIGHT):
    """An SVG, on paper of its own: it is looked at on dark pages as well."""
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             f'font-family="sans-serif" font-size="13">', f"<title>{html.escape(title)}</title>",
             f'<rect width="{width}" height="{height}" rx="10" fill="{PAPER}"/>', *shapes, "</svg>"]
    return "\n".join(lines) + "\n"


# --- The pictures -------------------------------------------------------------

def growth():
    head, *rows = table("Growth")

    def panel(x, title, column):
        points = [(number(row[0]), number(row[head.index(column)])) for row in rows]
        it = Panel(x, title, "phones", decades([size for size, _ in points]), decades([value for _, value in points]))
        # In proportion to the longest list: what is linear lies on it.
        size, value = points[-1]
        first = max(points[0][0], size * it.up[0] / value)
        yield from it.axes()
        yield it.line([(first, value * first / size), (size, value)], INK, 1, 'stroke-dasharray="4 3"')
        yield from it.curve(points, COLOURS[0])

    return picture("Seconds and requests by the number of phones",
                   [*panel(0, "seconds", "seconds"), *panel(WIDTH, "requests", "requests")])


def latency():
    head, *rows = table("Seconds to read")
    times = {}      # (who, latency) -> [(in flight, seconds)]
    for row in rows:
        at, in_flight = re.match(r"(\d+) ms, (\d+)", row[0]).groups()
        for who, cell in zip(head[1:], row[1:]):
            if cell:
                times.setdefault((who, int(at)), []).append((int(in_flight), float(cell)))
    across, up = [1, 2, 4, 8, 16], [0.1, 1, 10, 100]
    own = Panel(0, "seconds, cph_fdw; dashed: a bare fetch", "requests in flight", across, up)
    shapes = [*own.axes()]
    for colour, at in zip(COLOURS, (200, 50, 10)):
        points = times["cph_fdw, count", at]
        shapes += [own.line(times["bare fetch", at], INK, 1, 'stroke-dasharray="4 3"'), *own.curve(points, colour),
                   own.name((1.35, points[0][1]), f"{at} ms", colour)]
    others = Panel(WIDTH, "seconds at 50 ms a request", "requests in flight", across, up)
    shapes += others.axes()
    for colour, (who, words, where, up) in zip(COLOURS, (
            ("cph_fdw, into a table", "cph_fdw", 2, -20), ("curl, jq, COPY", "curl, jq and COPY", 2, 12),
            ("loop over http", "a loop over http", 0, 14))):
        points = times[who, 50]
        x, seconds = points[min(where, len(points) - 1)]
        shapes += [*others.curve(points, colour), others.name((2 if where == 0 else x, seconds), words, colour, up)]
    return picture("Seconds to read 20,000 phones by latency and requests in flight", shapes)


def questions():
    _, *rows = table("Questions of a dashboard")
    *rows, whole = rows
    width, left, bar, step = 2 * WIDTH, 280, 2 * WIDTH - 340, 26
    most = number(whole[1])
    shapes = [text(left, 26, f"requests; in grey: the whole list, {most:g}", "start", "bold")]
    for place, row in enumerate(rows):
        y = 44 + step * place
        wide = max(2, bar * number(row[1]) / most)
        shapes += [text(left - 10, y + 13, row[0], "end"),
                   f'<rect x="{left}" y="{y}" width="{bar}" height="18" fill="{REST}"/>',
                   f'<rect x="{left}" y="{y}" width="{wide:.1f}" height="18" fill="{BAR}"/>',
                   text(left + wide + 6, y + 13, row[1], "start")]
    return picture("Requests of the questions of a dashboard, 20,000 phones", shapes, width, 44 + step * len(rows) + 16)


PICTURES = {"growth.svg": growth, "latency.svg": latency, "questions.svg": questions}


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    differ = False
    for name, draw in PICTURES.items():
        path, drawn = BENCH / name, draw()
        if path.is_file() and path.read_text(encoding="utf-8") == drawn:
            continue
        differ = True
        print(f"{name}: " + ("not that of results.md; make docs" if arguments else "drawn"))
        if not arguments:
            path.write_text(drawn, encoding="utf-8")
    return differ and bool(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
