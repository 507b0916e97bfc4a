#!/usr/bin/env python3
"""Draws overview.svg, the picture at the top of the README.

docs/overview.py >docs/overview.svg
"""

WIDTH, HEIGHT = 860, 300

# A box: left, top, width, height, its title, and its lines.
BOXES = [
    (10, 60, 150, 180, "psql, reports", ["views", "dashboards", "drivers"]),
    (230, 20, 320, 260, "PostgreSQL", []),
    (250, 62, 280, 62, "planner",
     ["which clauses, LIMIT and counts", "are left to the service"]),
    (250, 138, 135, 62, "executor", ["joins, groups,", "sorts"]),
    (400, 138, 130, 62, "cph_fdw", ["pages; each row", "once, and checked"]),
    (250, 214, 280, 50, "local tables", []),
    (640, 60, 210, 180, "the service", ["a list of phones,", "a list of servers,",
                                        "and four more,", "page by page"]),
]

# An arrow: from, to, and the text beside it with its place.
ARROWS = [
    ((160, 110), (226, 110), "SELECT", (193, 100)),
    ((226, 190), (164, 190), "rows", (195, 180)),
    ((554, 120), (636, 120), "?status=2", (595, 110)),
    ((636, 190), (554, 190), "200 phones", (595, 180)),
]


def box(left, top, width, height, title, lines):
    """A box as SVG."""
    middle = left + width / 2
    yield ('<rect x="%g" y="%g" width="%g" height="%g" rx="8" fill="#fff" '
           'stroke="#336791" stroke-width="1.5"/>' % (left, top, width, height))
    yield ('<text x="%g" y="%g" font-weight="bold">%s</text>'
           % (middle, top + 24, title))
    for number, line in enumerate(lines):
        yield '<text x="%g" y="%g">%s</text>' % (middle, top + 42 + 15 * number,
                                                 line)


def arrow(start, end, text, place):
    """An arrow as SVG."""
    yield ('<line x1="%g" y1="%g" x2="%g" y2="%g" stroke="#336791" '
           'stroke-width="1.5" marker-end="url(#head)"/>' % (start + end))
    yield '<text x="%g" y="%g">%s</text>' % (place + (text,))


def main():
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
          'viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" '
          'text-anchor="middle" fill="#222">' % (WIDTH, HEIGHT, WIDTH, HEIGHT))
    print('<title>A query, what the planner leaves to the service, and the '
          'pages that come back</title>')
    print('<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" '
          'refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#336791"/>'
          '</marker></defs>')
    print('<rect width="100%" height="100%" fill="#f6f8fa" rx="10"/>')
    for shape in BOXES:
        print("\n".join(box(*shape)))
    for shape in ARROWS:
        print("\n".join(arrow(*shape)))
    print("</svg>")


if __name__ == "__main__":
    main()
