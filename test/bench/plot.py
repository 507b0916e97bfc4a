"""A plot as SVG: two panels with logarithmic axes.

Copyright (c) 2026, the cph_fdw developers
"""

import math

WIDTH, HEIGHT = 360, 300            # of a panel, with its margins
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 50
INK, LINE = "#333333", "#0060a0"


class Panel:
    """Positive values over positive sizes."""

    def __init__(self, x, title, points):
        self.x, self.title, self.points = x, title, sorted(points.items())
        self.across = decades(size for size, _ in self.points)
        self.up = decades(value for _, value in self.points)

    def place(self, size, value):
        """Where a point is drawn."""
        wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return (self.x + LEFT + wide * share(size, self.across), TOP + high * (1 - share(value, self.up)))

    def svg(self):
        low, high = (10.0 ** end for end in self.across), (10.0 ** end for end in self.up)
        (left, right), (bottom, top) = low, high
        yield text(self.x + WIDTH / 2, TOP / 2, self.title)
        for end in range(self.across[0], self.across[1] + 1):
            yield self.rule((10.0 ** end, bottom), (10.0 ** end, top))
            x, y = self.place(10.0 ** end, bottom)
            yield text(x, y + 18, short(10.0 ** end))
        for end in range(self.up[0], self.up[1] + 1):
            yield self.rule((left, 10.0 ** end), (right, 10.0 ** end))
            x, y = self.place(left, 10.0 ** end)
            yield text(x - 6, y + 4, short(10.0 ** end), "end")
        yield text(self.x + WIDTH / 2, HEIGHT - 10, "phones")
        # In proportion to the largest: what is linear lies on it.
        size, value = self.points[-1]
        first = max(self.points[0][0], size * bottom / value)
        yield self.rule((first, value * first / size), (size, value), f'stroke="{INK}" stroke-dasharray="4 3"')
        places = [self.place(*point) for point in self.points]
        yield f'<polyline fill="none" stroke="{LINE}" stroke-width="2" points="' + " ".join(
            f"{x:.1f},{y:.1f}" for x, y in places) + '"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{LINE}"/>'

    def rule(self, one, other, style='stroke="#dddddd"'):
        (x1, y1), (x2, y2) = self.place(*one), self.place(*other)
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def decades(values):
    """The powers of ten around values."""
    values = list(values)
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def share(value, ends):
    return (math.log10(value) - ends[0]) / (ends[1] - ends[0])


def short(number):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def growth(seconds, requests):
    """The picture of seconds and requests over the number of phones."""
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{HEIGHT}" '
             f'font-family="sans-serif" font-size="12" fill="{INK}">',
             f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>',
             *Panel(0, "seconds", seconds).svg(), *Panel(WIDTH, "requests", requests).svg(), "</svg>"]
    return "\n".join(lines) + "\n"
