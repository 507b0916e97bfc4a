"""The commands that steer a running service: test/service COMMAND PORT ..."""

import http.client
import json
import re
import ssl
import sys

PATIENCE = 600      # seconds; a list of a million phones takes a while


def connect(where):
    """A connection to PORT, HOST:PORT or https://HOST:PORT; the certificate is not checked."""
    scheme, _, place = where.rpartition("://")
    host, _, port = place.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, int(port), timeout=PATIENCE, context=context)
    return http.client.HTTPConnection(host, int(port), timeout=PATIENCE)


def call(where, method, path, body=None):
    """The body of the answer as text; exits with it if it is an error."""
    connection = connect(where)
    try:
        connection.request(method, path, None if body is None else json.dumps(body).encode())
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError as error:
        sys.exit(f"service at {where}: {error}")
    finally:
        connection.close()
    if answer.status >= 400:
        sys.exit(text)
    return text


def value_of(text):
    """JSON where it is, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def settings(words):
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            sys.exit(f"not key=value: {word}")
        pairs[name] = value_of(value)
    return pairs


def ctl(where, method, path, body=None):
    if not path.startswith("/"):
        path = "/_control/" + path
    print(call(where, method.upper(), path, None if body is None else json.loads(body)))


def log(where):
    entries = json.loads(call(where, "GET", "/_control/log"))
    call(where, "DELETE", "/_control/log")
    for entry in entries:
        target = re.sub(r"^/v1/[^/]+/", "/v1/PROJECT/", entry["target"])
        print(entry["method"], target, "-" if entry["status"] is None else entry["status"])


def copy(where, name):
    sys.stdout.write(call(where, "GET", f"/_control/copy/{name}"))


def set_readings(where, *words):
    call(where, "POST", "/_control/set", settings(words))


def fault(where, kind, *words):
    call(where, "POST", "/_control/fault", {**settings(words), "kind": kind})


def clear(where):
    call(where, "POST", "/_control/clear")


def reset(where, *words):
    call(where, "POST", "/_control/reset", settings(words))


COMMANDS = {"ctl": ctl, "log": log, "copy": copy, "set": set_readings, "fault": fault,
            "clear": clear, "reset": reset}


def main(command, arguments):
    try:
        COMMANDS[command](*arguments)
    except (TypeError, ValueError) as error:
        sys.exit(f"service {command}: {error}")
