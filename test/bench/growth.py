"""Time, requests and memory as the list grows.

Copyright (c) 2026, the cph_fdw developers
"""

from common import Service, Session
from cpu import COUNT, IN_FLIGHT

MEMORY_OVER = 10_000    # phones, with whose memory that of the longest list is compared


def run(bench):
    sizes = (1_000, 5_000, 10_000) if bench.quick else (1_000, 10_000, 100_000, 1_000_000)
    found = {}      # phones -> (seconds, processor's, requests, most memory in MB)
    services = {phones: Service(phones=phones, servers=phones // 100) for phones in sizes}
    for service in services.values():
        service.control("POST", "warm")
    memory = {phones: most_memory(service) for phones, service in services.items()}
    session = Session()
    times = {phones: [] for phones in sizes}
    for phones, service in services.items():
        session.attach_all(f"fleet{phones}", service, max_concurrent_requests=IN_FLIGHT)
    for _ in range(bench.rounds):
        for phones, service in services.items():
            service.forget()
            times[phones].append(session.measure(f"{COUNT} FROM fleet{phones}.cph_phones"))
    session.close()
    for phones, service in services.items():
        found[phones] = (bench.median([each.clock for each in times[phones]]),
                         bench.median([each.processor for each in times[phones]]),
                         service.stats()["requests"], memory[phones])
        service.stop()
        bench.report.count(found[phones][2] <= phones / 199 + 2)
    tell(bench, found)


def most_memory(service):
    """The largest size, in MB, of a new backend that has read a list."""
    session = Session()
    session.attach_all("once", service, max_concurrent_requests=IN_FLIGHT)
    session.measure(f"{COUNT} FROM once.cph_phones")
    with open(f"/proc/{session.pid}/status", encoding="utf-8", errors="replace") as status:
        most = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    session.close()
    return most / 1024


def tell(bench, found):
    report = bench.report
    report.section(f"Growth, 17 columns at 0 ms, {IN_FLIGHT} in flight",
                   "Memory is the peak of a backend that read the list once.  The dashed lines are in proportion to the "
                   "longest list.", "![growth](growth.svg)")
    report.table(("phones", "seconds", "of the processor", "µs a row", "rows a second", "requests", "MB"), [
        (f"{phones:,}", f"{seconds:.2f}", f"{processor:.2f}", f"{seconds / phones * 1e6:.2f}",
         f"{phones / seconds:,.0f}", requests, f"{memory:.1f}")
        for phones, (seconds, processor, requests, memory) in found.items()])
    most, before = sorted(found)[-1], sorted(found)[-2]
    report.most(f"MB more for {most:,} phones than for {MEMORY_OVER:,}", found[most][3] - found[MEMORY_OVER][3], 24,
                ".1f")
    report.least(f"rows a second at {most:,} / at {before:,}",
                 found[before][0] / found[most][0] * most / before, 0.9)
