#!/usr/bin/env python3
"""Writes the tables of the pages in docs that follow from the source.

docs/generate.py            write them
docs/generate.py --check    complain of each page that differs

Options and what they mean stand in src/user/rules.c.  All else is asked of a
server that has the extension, through psql with libpq's environment: fields
(cph_fdw_fields), settings (pg_settings), functions and views with their
comments.  In a page a table stands between <!-- generated: NAME --> and
<!-- end -->.
"""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
RULES = DOCS.parent / "src" / "user" / "rules.c"

# Where an option may stand, as rules.c says it.
PLACES = {"server": "CPH_OF_SERVER", "table": "CPH_OF_TABLE",
          "column": "CPH_OF_COLUMN", "mapping": "CPH_OF_MAPPING"}

# An option's rule with the comment above it.
RULE = re.compile(
    r'/\*(?P<text>(?:(?!\*/).)*)\*/\n'
    r'\t(?P<kind>[A-Z]*)[({]"?(?P<name>[a-z_]+)"?, ?(?P<rest>.*?)[)}],\n',
    re.DOTALL)


def psql(query):
    """The rows of a query, as lists of texts."""
    said = subprocess.run(
        ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-F", "\x1f",
         "-R", "\x1e", "-c", "LOAD 'cph_fdw'", "-c", query],
        check=True, stdout=subprocess.PIPE, text=True)
    text = said.stdout.rstrip("\n")
    return [row.split("\x1f") for row in text.split("\x1e")] if text else []


def table(header, rows):
    """A table in Markdown."""
    lines = ["| %s |" % " | ".join(header), "|%s" % ("---|" * len(header))]
    for row in rows:
        lines.append("| %s |" % " | ".join(cell.replace("|", "\\|")
                                          for cell in row))
    return "\n".join(lines)


def default_of(kind, rest, text):
    """An option's default, and its meaning without it."""
    said = re.search(r" *Default: (.*)\.$", text)
    if said:
        return said.group(1), text[:said.start()]
    first = re.search(r'"([^"]*)"', rest)
    if first:
        return first.group(1), text
    return {"BOOLEAN": "true", "CHOICE": "auto"}.get(kind, ""), text


def options(place):
    """The options that may stand in a place, as rows of a table."""
    source = RULES.read_text(encoding="utf-8")
    source = source[source.index("cph_option_rules[] = {"):]
    for match in RULE.finditer(source):
        kind, rest = match["kind"], match["rest"]
        places = "CPH_OF_MAPPING" if kind == "SECRET" else (
            "CPH_OF_SERVER" if kind in ("COST", "CHOICE") else rest)
        if PLACES[place] not in places:
            continue
        text = re.sub(r"\s*\n\s*\*?\s*", " ", match["text"]).strip()
        text = re.sub(r"https://[\w.]+", r"`\g<0>`", text)
        default, text = default_of(kind, rest, text)
        numbers = re.findall(r"\b\d+\b", re.sub(r'"[^"]*"', "", rest))
        if kind == "INTEGER" and len(numbers) == 2:
            text += "  From %s to %s." % tuple(numbers)
        if "superuser_only" in rest:
            text += "  Superuser only."
        yield ["`%s`" % match["name"], default, text]


def fields(resource):
    return table(["field", "type", "meaning", "a clause on it"],
                 [["`%s`" % row[0]] + row[1:] for row in psql(
                     "SELECT * FROM cph_fdw_fields('%s')" % resource)])


def settings():
    return table(["setting", "default", "meaning"], psql(
        "SELECT '`' || name || '`', CASE WHEN unit = 'kB' THEN"
        " pg_size_pretty(boot_val::bigint * 1024) ELSE boot_val END,"
        " concat_ws('  ', short_desc, extra_desc) ||"
        " CASE context WHEN 'superuser' THEN '  Superuser only.'"
        " WHEN 'user' THEN '' ELSE '  In postgresql.conf.' END"
        " FROM pg_settings"
        " WHERE name LIKE 'cph\\_fdw.%' ORDER BY name COLLATE \"C\""))


def functions():
    """Functions, procedures and views, but those that are the wrapper's own."""
    return table(["function or view", "meaning"], psql(
        "SELECT format('`%s(%s)`', proname, regexp_replace("
        "pg_get_function_identity_arguments(oid), '\\mIN ', '', 'g'))"
        "  COLLATE \"C\","
        " obj_description(oid, 'pg_proc')"
        " FROM pg_proc JOIN pg_depend ON objid = oid AND deptype = 'e'"
        "  AND classid = 'pg_proc'::regclass"
        " WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cph_fdw')"
        "  AND proname !~ '_handler$|_validator$|_get_servers$|_get_progress$'"
        " UNION ALL"
        " SELECT '`' || relname || '`', obj_description(oid, 'pg_class')"
        " FROM pg_class JOIN pg_depend ON objid = oid AND deptype = 'e'"
        "  AND classid = 'pg_class'::regclass"
        " WHERE relkind = 'v'"
        "  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cph_fdw')"
        " ORDER BY 1"))


def generated(name):
    """The table of that name."""
    kind, _, of = name.partition(" of ")
    if kind == "options":
        return table(["option", "default", "meaning"], options(of))
    if kind == "fields":
        return fields(of)
    return {"settings": settings, "functions": functions}[kind]()


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__.strip())
        return 2
    differs = False
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = re.sub(
            r"(<!-- generated: (.*?) -->\n).*?(<!-- end -->)",
            lambda m: "%s\n%s\n\n%s" % (m[1], generated(m[2]), m[3]),
            text, flags=re.DOTALL)
        if new == text:
            continue
        differs = True
        print("%s: %s" % (page.name, "its tables are not those of the source; make docs"
                          if arguments else "written"))
        if not arguments:
            page.write_text(new, encoding="utf-8")
    return 1 if differs and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
