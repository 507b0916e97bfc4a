"""SDK-HMAC-SHA256, as the gateway checks it.

Written from the description of the algorithm, independently of any client, so that a client's mistake is
not made twice.
"""

import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .answers import Refused
from .resources import split_query

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW = 15 * 60
HEADER = re.compile(ALGORITHM + r" Access=([^,\s]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")


def failure(reason):
    return Refused("APIGW.0301", f"Incorrect IAM authentication information: {reason}", 401)


def encode(text):
    """Percent-encoding of everything but RFC 3986's unreserved characters."""
    return quote_from_bytes(unquote_to_bytes(text), safe="-_.~")


def canonical_uri(path):
    uri = "/".join(encode(segment) for segment in path.split("/"))
    return uri if uri.endswith("/") else uri + "/"


def canonical_query(query):
    pairs = sorted((encode(name), encode(value)) for name, value in split_query(query))
    return "&".join(f"{name}={value}" for name, value in pairs)


def canonical_request(method, path, query, headers, signed, body):
    """headers are by lower-case name; signed is the list of names in the order of SignedHeaders."""
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    return "\n".join((method, canonical_uri(path), canonical_query(query), lines, ";".join(signed),
                      hashlib.sha256(body).hexdigest()))


def sign(secret, date, canonical):
    """The signature of a canonical request; the secret is the key as it is, nothing is derived."""
    to_sign = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def parse_authorization(value):
    """(access key, signed header names, signature) of an Authorization header."""
    found = HEADER.fullmatch(value)
    if found is None:
        raise failure("authorization header is malformed")
    access, signed, signature = found.groups()
    return access, signed.split(";"), signature


def verify(request, secret, signed, signature, now):
    """Refused unless the request bears the signature that secret gives it, not more than 15 minutes old."""
    if "x-sdk-date" not in signed or signed != sorted(set(signed)):
        raise failure("signed headers are not sorted or lack x-sdk-date")
    missing = [name for name in signed if name not in request.headers]
    if missing:
        raise failure(f"signed header {missing[0]} not found")
    date = request.headers["x-sdk-date"]
    try:
        at = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise failure("x-sdk-date is malformed") from None
    if abs(now - at) > MAX_SKEW:
        raise Refused("APIGW.0303", status=401)
    canonical = canonical_request(request.method, request.path, request.query, request.headers, signed,
                                  request.body)
    if not hmac.compare_digest(sign(secret, date, canonical), signature):
        raise failure("verify aksk signature fail")
