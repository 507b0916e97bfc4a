"""What the panels of a dashboard ask: requests and times, beside those of the whole list.

Copyright (c) 2026, the cph_fdw developers
"""

import os
from typing import NamedTuple

from common import Service, Session

PHONES, SERVERS = 20_000, 200
MANY, LATENCY, IN_FLIGHT = 200_000, 50, 8   # of the times


class Question(NamedTuple):
    title: str
    sql: str
    most: int       # requests that it may take at PHONES


QUESTIONS = [
    Question("number of phones", "SELECT count(*) FROM cph_phones", 1),
    Question("phones by status", "SELECT cph_phone_status(status), count(*) FROM cph_phones GROUP BY 1", 18),
    Question("phones that do not run, how many", "SELECT count(*) FROM cph_phones WHERE status <> 2", 18),
    Question("running phones, and all", "SELECT count(*) FILTER (WHERE status = 2), count(*) FROM cph_phones", 3),
    Question("phones in trouble, how many", "SELECT count(*) FROM cph_phones WHERE status < 0", 18),
    Question("phones in trouble, which", "SELECT phone_name, status FROM cph_phones WHERE status < 0", 26),
    Question("newest ten phones", "SELECT phone_name FROM cph_phones ORDER BY create_time DESC LIMIT 10", 1),
    Question("oldest ten phones", "SELECT phone_name FROM cph_phones ORDER BY create_time LIMIT 10", 3),
    Question("first and last creation", "SELECT min(create_time), max(create_time) FROM cph_phones", 3),
    Question("phones since a date, how many", "SELECT count(*) FROM cph_phones WHERE create_time >= '2024-02-01'", 18),
    Question("phones of a month, how many", "SELECT count(*) FROM cph_phones "
             "WHERE create_time BETWEEN '2024-01-01' AND '2024-02-01'", 18),
    Question("running phones of a month, how many", "SELECT count(*) FROM cph_phones "
             "WHERE status = 2 AND create_time BETWEEN '2024-01-01' AND '2024-02-01'", 20),
    Question("page 100 of a table", "SELECT * FROM cph_phones ORDER BY create_time DESC LIMIT 50 OFFSET 4950", 1),
    Question("one phone, by its id", "SELECT * FROM cph_phones WHERE phone_id = :one", 3),
    Question("ten phones, by their ids", "SELECT * FROM cph_phones WHERE phone_id IN (:ten)", 20),
    Question("phones of a server, by its name", "SELECT p.phone_name FROM cph_servers s "
             "JOIN cph_phones p USING (server_id) WHERE s.server_name = 'server-0007'", 2),
    Question("the whole list", "SELECT count(imei) FROM cph_phones", PHONES // 199 + 2),
]


def run(bench):
    load = os.getloadavg()[0]
    few = found(bench, PHONES, 0, 1)
    times = None if bench.quick else found(bench, MANY, LATENCY, bench.rounds)
    report = bench.report
    report.section(f"Questions of a dashboard, {PHONES:,} phones",
                   "Requests of the first time in a session, in this order.  "
                   f"Seconds are of {MANY:,} phones at {LATENCY} ms and {IN_FLIGHT} in flight.  Load average as it "
                   f"began: {load:.1f}.", "![questions](questions.svg)")
    head = ("question", "requests", f"at {MANY:,}", "seconds") if times else ("question", "requests")
    report.table(head, [(title, few[title][0], *((times[title][0], f"{times[title][1]:.2f}") if times else ()))
                        for title in few])
    for question in QUESTIONS:
        if few[question.title][0] > question.most:
            report.text(f"**{question.title}: {few[question.title][0]} requests, not {question.most} at most**")
        report.count(few[question.title][0] <= question.most)
    if times:
        report.most("seconds, 200,000 phones by status at 50 ms, 8 in flight", times["phones by status"][1], 0.3)


def found(bench, phones, latency, rounds):
    """Title of each question -> requests of the first time, seconds of a later one."""
    service = Service(phones=phones, servers=phones // 100)
    service.set(creating="all")
    session = Session()
    session.attach_all("dashboard", service, max_concurrent_requests=IN_FLIGHT)
    session.do("SET search_path = dashboard, public")
    ids = [line.partition("|")[0] for line in session.run("SELECT phone_id FROM cph_phones WHERE status = 2 LIMIT 10")]
    session.run(fr"\set one '''{ids[0]}'''", r"\set ten '" + ", ".join(f"''{each}''" for each in ids) + "'")
    session.do("SELECT FROM cph_fdw_disconnect_all()")
    if latency:
        service.fault("latency", ms=latency)
    answers = {}
    for question in QUESTIONS:
        service.forget()
        session.measure(question.sql)
        requests = service.stats()["requests"]
        clocks = [session.measure(question.sql).clock for _ in range(rounds)]
        answers[question.title] = requests, bench.median(clocks)
    session.close()
    service.stop()
    return answers
