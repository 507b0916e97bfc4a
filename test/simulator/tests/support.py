"""What the tests share: a running service, and how to talk to it."""

import http.client
import json
import socket
import unittest

from simulator.client import PROJECT, SCRIPT, Service

PHONES = f"/v1/{PROJECT}/cloud-phone/phones"
SERVERS = f"/v1/{PROJECT}/cloud-phone/servers"
MODELS = f"/v1/{PROJECT}/cloud-phone/phone-models"
TOKEN = {"X-Auth-Token": "T"}
PATIENCE = 5


class Running(Service):
    """A service in a process of its own, and how to ask it."""

    def __init__(self, *arguments):
        super().__init__(*arguments, token=None, patience=PATIENCE)
        self.connection = None

    def drop(self):
        """Closes the connection that send keeps."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def stop(self):
        self.drop()
        return super().stop()

    def send(self, method, target, headers=TOKEN, body=None):
        """The answer, its body read into .body, over one connection while that lasts."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            self.connection.request(method, target, body, headers)
            answer = self.connection.getresponse()
            answer.body = answer.read()
            return answer
        except BaseException:
            self.drop()
            raise

    def get(self, target, status=200):
        """The JSON answer to a list request."""
        answer = self.send("GET", target)
        if answer.status != status:
            raise AssertionError(f"{answer.status} {answer.body}")
        return json.loads(answer.body)

    def read_all(self, target=PHONES, limit=200):
        """All rows of a list, page by page."""
        rows = []
        mark = "&" if "?" in target else "?"
        kind = target.partition("?")[0].rsplit("/", 1)[1].replace("-", "_")
        while page := self.get(f"{target}{mark}offset={len(rows)}&limit={limit}")[kind]:
            rows += page
        return rows

    def raw(self, data_sent, wait=PATIENCE):
        """What comes back for these bytes until the service closes, or for so long."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.settimeout(wait)
            sock.sendall(data_sent)
            received = b""
            try:
                while part := sock.recv(65536):
                    received += part
            except TimeoutError:
                received += b"(still open)"
            return received


def request_text(target, *headers, method="GET"):
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "X-Auth-Token: T", *headers, "", ""]
    return "\r\n".join(lines).encode()


class Case(unittest.TestCase):
    """Tests that share one service, which is back to normal before each."""

    arguments = ("--phones", "500", "--servers", "12", "--token", "T")

    @classmethod
    def setUpClass(cls):
        cls.service = Running(*cls.arguments)
        cls.addClassCleanup(cls.service.stop)

    def setUp(self):
        self.service.drop()
        self.service.clear()

    def refused(self, target, code, status=400):
        body = self.service.get(target, status)
        self.assertEqual(body["error_code"], code, target)
        self.assertEqual(set(body), {"error_code", "error_msg", "request_id"})
        return body["error_msg"]

    def restore_data(self):
        self.addCleanup(self.service.control, "POST", "reset", phones=500, servers=12, seed=1, ties=0.3,
                        example=False)
