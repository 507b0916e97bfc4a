"""What befalls the soak's service now and then: its faults, each with the errors that may follow.

Where no error may follow, the answer must be right.  With max_retries = 2 what hits two requests passes.

Copyright (c) 2026, the cph_fdw developers
"""

import time

from kinds import Query

#: A query that sends one request.
SHORT = Query("SELECT phone_id FROM cph_phones LIMIT 1")


def late(service, backends, ms):
    """Each backend gets an answer twice, the second when its connection is idle.

    One that came while the next request is on its way could not be told from the answer to that.
    """
    service.fault("twice", ms=ms)
    for backend in backends:
        backend.query(SHORT, timeout(()))
    time.sleep(ms / 1000 + .2)
    service.no_faults()


def goodbye(service, backends, status):
    """A load balancer says goodbye on every idle connection."""
    service.control("POST", "disconnect", status=status)


#: What befalls idle connections, before the round's queries: kind -> what does it.
BEFORE = {"late": late, "goodbye": goodbye}

#: (kind, a fault of the service or one of BEFORE, parameters, SQLSTATEs, or none)
MISHAPS = (
    ("status", {"status": 503, "times": 2}, ()),
    ("status", {"status": 500, "error_code": "CPS.0003", "times": 2}, ()),
    ("status", {"status": 429, "retry_after": 1, "times": 3}, ()),
    ("reset", {"times": 2}, ()),
    ("reset_body", {"times": 2}, ()),
    ("close", {"times": 2}, ()),
    ("truncate", {"times": 2}, ()),
    ("latency", {"ms": 50}, ()),
    ("status", {"status": 408, "times": 2}, ()),
    ("silence", {"times": 1}, ()),
    ("silence", {"times": 2}, ()),
    ("silence", {"where": "body", "times": 1}, ()),
    ("twice", {"times": 5}, ("HV00L",)),     # on a busy machine the second may come as late as said above
    ("late", {"ms": 20}, ()),
    ("goodbye", {"status": 408}, ()),
    ("status", {"status": 503}, ("HV000",)),
    ("status", {"status": 403}, ("42501",)),
    ("redirect", {}, ("HV000",)),
    ("reset", {}, ("HV00L", "HV00N")),
    ("truncate", {}, ("HV00L",)),
    ("html", {}, ("HV00L",)),
    ("garbage", {}, ("HV00L",)),
    ("empty", {}, ("HV00L",)),
    ("bad_gzip", {}, ("HV00L",)),
    ("braces", {"n": 500000}, ("HV00L",)),
    ("oversize", {"n": 1200000}, ("HV00L",)),
    ("stall", {}, ("57014",)),
    ("stall", {"where": "body"}, ("57014",)),
    ("drip", {"bps": 1000}, ("57014",)),
)

#: What a server of the soak is set to, beside its endpoint.
OPTIONS = {"fetch_size": 100, "max_retries": 2, "max_response_size": "1MB", "request_timeout": 5}


def timeout(states):
    """The statement_timeout, in ms, of queries under a fault: short where only that can end them."""
    return 400 if "57014" in states else 60000
