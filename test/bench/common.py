"""What the measurements share: a simulated service, and a session that reads it.

Copyright (c) 2026, the cph_fdw developers
"""

import http.client
import json
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.realpath(__file__))
TEST = os.path.dirname(BENCH)
sys.path.insert(0, TEST)

from simulator import client  # noqa: E402

PROJECT = "0123456789abcdef0123456789abcdef"
TOKEN = "the-token-of-the-bench"
DONE = "-- done --"


class Service:
    """A simulated service; options as test/service has them."""

    def __init__(self, **options):
        command = [os.path.join(TEST, "service"), "--port", "0", "--until-eof", "--token", TOKEN, "--project", PROJECT]
        for name, value in options.items():
            command += ["--" + name, str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()
        self.url = f"http://127.0.0.1:{self.port}"

    def control(self, method, path, body=None):
        return json.loads(client.call(self.port, method, "/_control/" + path, body))

    def copy(self):
        """The phones as COPY text."""
        return client.call(self.port, "GET", "/_control/copy/phones")

    def fetch(self, query, offset, limit):
        """A page, as a client without any care would ask for it; query begins with & or is empty."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)
        connection.request("GET", f"/v1/{PROJECT}/cloud-phone/phones?offset={offset}&limit={limit}{query}",
                           headers={"X-Auth-Token": TOKEN})
        page = json.loads(connection.getresponse().read())
        connection.close()
        return page

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Session:
    """A psql that stays, and so one backend."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)

    def run(self, *commands):
        """The lines that the commands print; errors among them."""
        self.psql.stdin.write("".join(command + ";\n" for command in commands) + f"\\echo {DONE}\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.rstrip("\n") == DONE:
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("the connection was lost: " + "\n".join(lines[-3:]))

    def attach(self, name, service, **options):
        """Makes a foreign table of a service's phones, and its server, in place of what has the name."""
        options = {"endpoint": service.url, "project_id": PROJECT, **options}
        given = ", ".join(f"{option} '{value}'" for option, value in options.items())
        for line in self.run(
                "SET client_min_messages = warning", "CREATE EXTENSION IF NOT EXISTS cph_fdw",
                f"DROP SERVER IF EXISTS {name} CASCADE",
                f"CREATE SERVER {name} FOREIGN DATA WRAPPER cph_fdw OPTIONS ({given})",
                f"CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (token '{TOKEN}')",
                f"CREATE FOREIGN TABLE {name} (phone_id text, phone_name text, server_id text, status int, "
                f"create_time timestamptz) SERVER {name} OPTIONS (resource 'phones')",
                "RESET client_min_messages"):
            sys.exit(line)

    def detach(self, *names):
        self.run("SET client_min_messages = warning", *(f"DROP SERVER {name} CASCADE" for name in names))
