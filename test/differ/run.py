"""A query on both sides, and what is wrong with the answers."""

from collections import Counter

from .log import requests_of

FIRST_ROWS = {"extreme", "exists", "window", "cursor"}     # shapes of which the planner wants the first rows only


class Verdict:
    """What is wrong with a case's answer; nothing, if problems is empty."""

    def __init__(self, case):
        self.case = case
        self.problems = []
        self.requests = []
        self.bound = None


def run_case(psql, service, setup, case):
    """Runs a case on the plain and on the foreign tables, and compares."""
    verdict = Verdict(case)
    if case.judge:
        return judge_case(psql, service, verdict)
    local = on_side(psql, "l", case.statements)
    whole = psql.run(case.whole).rows if case.whole else None
    ids = {row[0] for row in psql.run(case.matching).rows} if case.matching else set()
    for name in case.settings:
        psql.run(f"SET {name} = off")
    requests_of(service)    # what the last case gave up may have come late
    foreign = on_side(psql, "f", case.statements)
    verdict.requests = requests_of(service)
    for name in case.settings:
        psql.run(f"RESET {name}")
    if foreign.sqlstate != local.sqlstate:
        if foreign.sqlstate not in setup.errors:
            verdict.problems.append(f"error: expected {local.sqlstate} {local.message}\n"
                                    f"       got      {foreign.sqlstate} {foreign.message}")
    else:
        compare(verdict, foreign.rows, local.rows, whole)
        check_requests(verdict, setup, ids)
    return verdict


def judge_case(psql, service, verdict):
    """Runs a case on the foreign tables, while the service knows what is to be found."""
    case = verdict.case
    for name in case.settings:
        psql.run(f"SET {name} = off")
    service.mark()
    answer = on_side(psql, "f", case.statements)
    verdict.requests = requests_of(service)
    for name in case.settings:
        psql.run(f"RESET {name}")
    if answer.failed:
        verdict.problems.append(f"error: {answer.sqlstate} {answer.message}")
    else:
        verdict.problems += case.judge(service, answer.rows)
    return verdict


def on_side(psql, schema, statements):
    """The Answer to statements over the tables of a schema."""
    psql.run(f"SET search_path = {schema}, public")
    answer = psql.run(*statements)
    if answer.failed or statements[0] == "BEGIN":
        psql.run("ROLLBACK")
        psql.run("DEALLOCATE ALL")
    psql.run("RESET plan_cache_mode")
    return answer


def compare(verdict, rows, expected, whole):
    """Complains of rows that differ; whole are all rows of which LIMIT leaves some."""
    case = verdict.case
    if [row[:case.keys] for row in rows] != [row[:case.keys] for row in expected]:
        verdict.problems.append("the rows are in another order, or are others:\n" + difference(
            [row[:case.keys] for row in rows], [row[:case.keys] for row in expected]))
        return
    if len(rows) != len(expected):
        verdict.problems.append(f"{len(rows)} rows, expected {len(expected)}:\n" + difference(rows, expected))
        return
    if whole is None:
        if Counter(rows) != Counter(expected):
            verdict.problems.append("other rows:\n" + difference(rows, expected))
        return
    extra = Counter(rows) - Counter(whole)
    if extra:
        verdict.problems.append(f"rows that are not in the whole answer, or too often: {list(extra)[:5]}")


def difference(rows, expected, most=5):
    """What each answer has that the other has not, in short."""
    lines = []
    for name, some in (("missing", Counter(expected) - Counter(rows)), ("extra", Counter(rows) - Counter(expected))):
        lines += [f"  {name}: {row}" for row in list(some.elements())[:most]]
    if not lines:
        place = next(at for at, pair in enumerate(zip(rows, expected)) if pair[0] != pair[1])
        lines = [f"  row {place + 1}: {rows[place]}", f"  instead of: {expected[place]}"]
    return "\n".join(lines)


def check_requests(verdict, setup, ids):
    """Complains of requests that were refused, lack a filter, or are too many."""
    case, requests = verdict.case, verdict.requests
    bad = [request for request in requests if request.status != 200 and request.resource != "phone"]
    if bad and not case.refused and not setup.reading.refuses:
        verdict.problems.append(f"the service refused: {bad[0].text}")
    located = sum(request.resource == "phone" for request in requests)
    if located:     # then the page of each is read, without what else is asked
        requests = [request for request in requests if request.params.keys() != {"server_id", "limit", "offset"}
                    and request.resource != "phone"]
    hoped = case.demand is not None and (
        case.shape in FIRST_ROWS or case.first is not None and case.demand.may_be_near(case.first))
    if case.demand is not None and not case.demand.refused:
        wrong = case.demand.wrong_requests(requests, hoped)
        if wrong:
            verdict.problems.append(f"a filter is not sent ({case.demand.must}): {wrong[0].text}")
    if case.bound is None or not setup.reading.bounded or case.settings:
        return
    verdict.bound = case.bound(ids)
    if hoped and case.demand.fans > 1:
        verdict.bound = max(verdict.bound, case.demand.listed())
    if len(requests) > verdict.bound:
        verdict.problems.append(f"{len(requests)} requests, at most {verdict.bound} expected")
