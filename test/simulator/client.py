"""The other side: a service that runs, steered and read.  All of Python that talks to one does it here.

    service = Service(phones=20_000)        # started; ends with stop() or with this process
    service = Service(where=port)           # one that runs
    service.fault("status", status=503, times=2)
    service.control("POST", "insert", list="phones", n=3)
    service.take_log()

Below it are the commands of test/service, which say the same on a command line.
"""

import http.client
import json
import os
import re
import ssl
import subprocess
import sys

SCRIPT = os.path.normpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "service"))
PROJECT = "0123456789abcdef0123456789abcdef"    # that a service has unless it is told of others
TOKEN = "the-token-of-the-tests"
PATIENCE = 600      # seconds; a list of a million phones takes a while


class Refused(ValueError):
    """The service does not take a control request; the message says why."""


def connect(where, patience=PATIENCE):
    """A connection to PORT, HOST:PORT or a URL; the certificate is not checked."""
    scheme, _, place = str(where).rpartition("://")
    host, _, port = place.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, int(port), timeout=patience, context=context)
    return http.client.HTTPConnection(host, int(port), timeout=patience)


class Service:
    """A service in a process of its own, or one that runs already.  Not to be shared between threads, but for page."""

    def __init__(self, *arguments, where=None, token=TOKEN, patience=PATIENCE, **options):
        """Starts one, by arguments and options of test/service, unless where says which one is meant."""
        self.process = None
        self.token, self.project = token, PROJECT
        if where is None:
            command = [SCRIPT, "--until-eof", *arguments]
            for name, value in {**({"token": token} if token else {}), **options}.items():
                command += ["--" + name, str(value)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            port = self.process.stdout.readline().strip()
            if not port:
                sys.exit("test/service does not start")
            where = f"{'https' if '--tls' in arguments else 'http'}://127.0.0.1:{port}"
        self.where = str(where)
        self.port = int(self.where.rpartition(":")[2])
        self.url = self.where if "://" in self.where else f"http://127.0.0.1:{self.port}"
        self.steering = connect(where, patience)    # keeps its connection, which no fault touches

    def stop(self):
        """Ends what was started here, and returns its exit status."""
        self.steering.close()
        if self.process is None:
            return None
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(30)

    # Steering

    def control(self, method, path, /, **body):
        """What a control path answers: a value where it is JSON, else text."""
        self.steering.request(method, "/_control/" + path, json.dumps(body) if body else None)
        answer = self.steering.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise Refused(text)
        return json.loads(text) if answer.getheader("Content-Type").startswith("application/json") else text

    def set(self, **settings):
        return self.control("POST", "set", **settings)

    def fault(self, kind, **arguments):
        return self.control("POST", "fault", kind=kind, **arguments)

    def mutate(self, **arguments):
        """Puts a fault of kind mutate in the place of all faults, or none; returns what was mutated since the last
        time."""
        return self.control("POST", "mutate", **arguments)

    def no_faults(self):
        return self.control("DELETE", "fault")

    def clear(self):
        """Settings, faults and the log as at the start; the data stays."""
        return self.control("POST", "clear")

    def reset(self, **options):
        """Makes the data anew, and clears."""
        return self.control("POST", "reset", **options)

    def stats(self):
        return self.control("GET", "stats")

    def take_log(self):
        """The requests since the last time, as the log has them."""
        entries = self.control("GET", "log")
        self.forget()
        return entries

    def forget(self):
        """Empties the log."""
        self.control("DELETE", "log")

    def silence(self, which="all"):
        """Lets all connections that there are, the idle ones or new ones lose what is sent on them."""
        return self.control("POST", "silence", which=which)

    def speak(self):
        """Takes silence back."""
        return self.control("DELETE", "silence")

    # Lists

    def copy(self, name="phones"):
        """A list as COPY text."""
        return self.control("GET", "copy/" + name)

    def page(self, query, offset, limit, name="phones"):
        """A page, as a client without any care would ask for it, on a connection of its own; query begins with & or
        is empty."""
        connection = connect(self.where)
        try:
            connection.request("GET", f"/v1/{self.project}/cloud-phone/{name}?offset={offset}&limit={limit}{query}",
                               headers={"X-Auth-Token": self.token})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def mark(self):
        """From here on the service counts requests and knows who was there, for judge."""
        self.control("POST", "mark")
        self.forget()

    def judge(self, ids, query="", among=None, name="phones"):
        """What is to be said of ids that a scan returned since the mark, given its filters; see test/service."""
        return self.control("POST", f"judge/{name}?{query}", ids=list(ids),
                            **({} if among is None else {"among": list(among)}))


UNESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def unescape(field):
    """A field of COPY's text format as text, or None."""
    if field == "\\N":
        return None
    return re.sub(r"\\(.)", lambda found: UNESCAPES.get(found[1], found[1]), field)


def rows_of(copy_text, columns):
    """The rows of COPY text as dicts, in order."""
    return [dict(zip(columns, map(unescape, line.split("\t")))) for line in copy_text.split("\n")[:-1]]


# The commands: test/service COMMAND PORT ...

def value_of(text):
    """JSON where it is, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def pairs_of(words):
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            sys.exit(f"not key=value: {word}")
        pairs[name] = value_of(value)
    return pairs


def show(answer):
    print(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))


def ctl(service, method, path, body="{}"):
    show(service.control(method.upper(), path.removeprefix("/_control/"), **json.loads(body)))


def log(service):
    for entry in service.take_log():
        target = re.sub(r"^/v1/[^/]+/", "/v1/PROJECT/", entry["target"])
        print(entry["method"], target, "-" if entry["status"] is None else entry["status"])


def copy(service, name):
    sys.stdout.write(service.copy(name))


def set_settings(service, *words):
    service.set(**pairs_of(words))


def fault(service, kind, *words):
    service.fault(kind, **pairs_of(words))


def clear(service):
    service.clear()


def reset(service, *words):
    service.reset(**pairs_of(words))


COMMANDS = {"ctl": ctl, "log": log, "copy": copy, "set": set_settings, "fault": fault, "clear": clear, "reset": reset}


def main(command, where=None, *arguments):
    if where is None:
        sys.exit(f"service {command}: PORT is missing")
    try:
        COMMANDS[command](Service(where=where), *arguments)
    except Refused as refused:
        sys.exit(str(refused))
    except OSError as error:
        sys.exit(f"service at {where}: {error}")
    except (TypeError, ValueError) as error:
        sys.exit(f"service {command}: {error}")
