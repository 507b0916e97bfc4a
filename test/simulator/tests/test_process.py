"""The commands, the manual, and the process."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

from simulator import client, control, faults, settings
from simulator.tests.support import PATIENCE, PHONES, SCRIPT, SERVERS, Case, Running, request_text


class Commands(Case):
    def run_command(self, *words, status=0):
        done = subprocess.run([SCRIPT, words[0], str(self.service.port), *words[1:]], text=True,
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_log(self):
        self.service.get(PHONES + "?offset=0&limit=10")
        self.service.fault("close")
        self.service.raw(request_text(SERVERS))
        self.assertEqual(self.run_command("log"), "GET /v1/PROJECT/cloud-phone/phones?limit=10&offset=0 200\n"
                                                  "GET /v1/PROJECT/cloud-phone/servers -\n")
        self.assertEqual(self.run_command("log"), "")

    def test_settings(self):
        self.run_command("set", "names=prefix", 'filters_ignored=["type"]', "page_cap=5")
        self.assertEqual(len(self.service.get(PHONES)["phones"]), 5)
        self.run_command("fault", "status", "status=429", "times=1")
        self.assertEqual(self.service.send("GET", PHONES).status, 429)
        self.run_command("clear")
        self.assertEqual(self.service.control("GET", "set")["names"], "substring")
        self.run_command("set", "names=nonsense", status=1)

    def test_data(self):
        self.restore_data()
        self.run_command("reset", "phones=7", "servers=2")
        self.assertEqual(len(self.run_command("copy", "phones").splitlines()), 7)
        self.assertEqual(json.loads(self.run_command("ctl", "GET", "stats"))["phones"], 7)
        self.run_command("ctl", "POST", "/_control/insert", '{"list": "phones"}')
        self.assertEqual(self.service.get(PHONES)["count"], 8)


class Manual(unittest.TestCase):
    def test_everything_is_in_it(self):
        text = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True).stdout
        words = set(re.findall(r"[a-z0-9_]+", text))
        wanted = {*client.COMMANDS, *settings.SETTINGS, *faults.KINDS, *faults.COMMON}
        for kind in faults.KINDS.values():
            wanted |= set(kind.parameters) - {"seed"}
        for _, action in control.ACTIONS:
            wanted.add(action)
        self.assertEqual(wanted - words, set())


class LifeAndDeath(unittest.TestCase):
    def test_end_of_input(self):
        self.assertEqual(Running("--phones", "1").stop(), 0)

    def test_signal(self):
        process = subprocess.Popen([SCRIPT, "--phones", "1", "--token", "T"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)):
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout.close()

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = subprocess.run([SCRIPT, "--port", str(taken.getsockname()[1]), "--phones", "1"],
                                  capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("there is no IPv6 here")
        service = Running("--host", "::1", "--phones", "1")
        self.addCleanup(service.stop)
        done = subprocess.run([SCRIPT, "log", f"[::1]:{service.port}"], timeout=PATIENCE)
        self.assertEqual(done.returncode, 0)

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl command")
    def test_tls(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
        service = Running("--tls", cert, key, "--phones", "5", "--token", "T")
        self.addCleanup(service.stop)
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as plain:
            with context.wrap_socket(plain) as sock:
                self.assertEqual(sock.selected_alpn_protocol(), "http/1.1")
                sock.sendall(request_text(PHONES))
                self.assertIn(b"200 OK", sock.recv(65536))
        done = subprocess.run([SCRIPT, "log", f"https://127.0.0.1:{service.port}"], timeout=PATIENCE,
                              capture_output=True, text=True)
        self.assertEqual(done.stdout, "GET /v1/PROJECT/cloud-phone/phones 200\n")
