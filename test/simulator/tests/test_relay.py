"""The relay that falls silent."""

import json
import os
import socket
import struct
import subprocess
import sys
import time

from simulator import relay
from simulator.tests.support import PATIENCE, PHONES, Case, request_text

ONE = request_text(PHONES + "?limit=1")


class RelayTests(Case):
    def setUp(self):
        super().setUp()
        self.relay = subprocess.Popen([sys.executable, os.path.realpath(relay.__file__), str(self.service.port)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.relay.stdout.readline())
        self.addCleanup(self.end_relay)

    def end_relay(self):
        self.relay.stdin.close()
        self.assertEqual(self.relay.wait(PATIENCE), 0)
        self.relay.stdout.close()

    def say(self, command):
        self.relay.stdin.write(command + "\n")
        self.relay.stdin.flush()
        return json.loads(self.relay.stdout.readline())

    def open(self):
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.addCleanup(sock.close)
        return sock

    def ask(self, sock, wait=PATIENCE):
        """How many answers come for one more request; -1 if none does in time."""
        sock.sendall(ONE)
        sock.settimeout(wait)
        try:
            return sock.recv(1 << 20).count(b"HTTP/1.1 200")
        except TimeoutError:
            return -1

    def test_it_passes_on(self):
        sock = self.open()
        self.assertEqual([self.ask(sock) for _ in range(3)], [1, 1, 1])
        stats = self.say("stats")
        self.assertEqual((stats["connections"], stats["open"], stats["silent"]), (1, 1, 0))
        self.assertEqual(stats["received"], 3 * len(ONE))
        self.assertGreater(stats["sent"], 1000)
        with self.open() as large:      # more than a buffer holds
            large.sendall(request_text(PHONES + "?limit=200", "Connection: close"))
            received = b""
            while part := large.recv(65536):
                received += part
            self.assertTrue(received.endswith(b"}"))

    def test_silence(self):
        sock = self.open()
        self.assertEqual(self.ask(sock), 1)
        done = self.say("silence")
        self.assertEqual(done["silenced"], 1)
        self.assertEqual(self.ask(sock, .2), -1)
        unacknowledged = struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 24)[0]
        self.assertEqual(unacknowledged > 0, done["vanished"])
        self.assertEqual(self.ask(self.open()), 1)
        self.assertEqual(self.say("stats")["silent"], 1)
        self.assertEqual(self.say("speak"), {"speak": 1})
        sock.settimeout(PATIENCE)
        self.assertIn(b" 200 ", sock.recv(65536))
        self.assertEqual(self.ask(sock), 1)

    def test_silence_holds_what_the_server_says(self):
        sock = self.open()
        self.service.fault("latency", ms=100)
        sock.sendall(ONE)
        time.sleep(.05)
        self.say("silence")
        time.sleep(.15)
        self.service.control("POST", "disconnect")
        sock.settimeout(.2)
        with self.assertRaises(TimeoutError):
            sock.recv(10)
        self.say("speak")
        sock.settimeout(PATIENCE)
        self.assertIn(b" 200 ", sock.recv(65536))
        self.assertEqual(sock.recv(10), b"")

    def test_idle_ones(self):
        idle, busy = self.open(), self.open()
        self.assertEqual(self.ask(idle), 1)
        time.sleep(.15)
        self.assertEqual(self.ask(busy), 1)
        self.assertEqual(self.say("silence idle")["silenced"], 1)
        self.assertEqual((self.ask(idle, .2), self.ask(busy)), (-1, 1))

    def test_no_new_ones(self):
        done = self.say("silence new")
        if done["vanished"]:
            with self.assertRaises(TimeoutError):
                socket.create_connection(("127.0.0.1", self.port), .3)
        self.say("speak")
        self.assertEqual(self.ask(self.open()), 1)

    def test_ends(self):
        sock = self.open()
        self.assertEqual(self.ask(sock), 1)
        self.assertEqual(self.say("close"), {"ended": 1})
        self.assertEqual(sock.recv(10), b"")
        sock = self.open()
        self.assertEqual(self.ask(sock), 1)
        self.say("reset")
        with self.assertRaises(ConnectionResetError):
            sock.recv(10)
        self.assertEqual(self.say("stats")["open"], 0)

    def test_no_server(self):
        nobody = socket.create_server(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        nobody.close()
        lonely = subprocess.Popen([sys.executable, os.path.realpath(relay.__file__), str(port)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        with socket.create_connection(("127.0.0.1", int(lonely.stdout.readline())), PATIENCE) as sock:
            with self.assertRaises(ConnectionResetError):
                sock.recv(10)
        lonely.stdin.close()
        lonely.stdout.close()
        self.assertEqual(lonely.wait(PATIENCE), 0)

    def test_bad_commands(self):
        for command in ("", "shout", "silence some", "stats now"):
            self.assertIn("error", self.say(command))
