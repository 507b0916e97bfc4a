#!/usr/bin/env python3
"""A relay of TCP connections that falls silent on command: a link that dies without a word, before any server.

    relay.py [--port PORT] TO-PORT

It passes what comes to its port on to 127.0.0.1:TO-PORT and back, prints its port on a line, and ends when its
standard input does.  It knows nothing of what it passes on: HTTP/1.1 or HTTP/2, TLS or not.  A line of standard
input is a command, and a line of standard output what has come of it, as JSON:

    silence [all | idle | new]  nothing passes any more on the connections that there are, on those of them that
                    were idle for 100 ms, or none can be made; they stay open, and new ones pass (but under new).
                    {"silenced": n, "vanished": are packets dropped, instead of acknowledged and not read?}
    speak           takes it back: what was held is sent, what vanished comes when it is sent again
    reset, close    ends all connections, with RST or FIN
    stats           {"connections": ever, "open": n, "silent": n, "received": bytes from clients, "sent": to them}
"""

import argparse
import asyncio
import json
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.dont_write_bytecode = True

from simulator import link  # noqa: E402

IDLE = 0.1      # seconds


class End(asyncio.Protocol):
    """One end of a passage."""

    def __init__(self, passage, name):
        self.passage = passage
        self.name = name
        self.transport = None
        self.held = bytearray()     # what came for this end and cannot be sent to it yet
        self.ends = False           # ... nor that there will be no more

    def connection_made(self, transport):
        self.transport = transport
        self.passage.made(self)

    def data_received(self, received):
        self.passage.pass_on(self, received)

    def eof_received(self):
        self.passage.end(self)

    def connection_lost(self, error):
        self.passage.end(self)

    def pause_writing(self):
        self.passage.other(self).pause(True)

    def resume_writing(self):
        self.passage.other(self).pause(False)

    def pause(self, yes):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading() if yes else self.transport.resume_reading()

    def send(self):
        """Sends what is held, if it can be sent."""
        if self.transport is None or self.passage.silent:
            return
        if self.held and not self.transport.is_closing():
            self.transport.write(bytes(self.held))
        self.held.clear()
        if self.ends:
            self.transport.close()


class Passage:
    """A connection of a client, and that to the server which belongs to it."""

    def __init__(self, relay):
        self.relay = relay
        self.client, self.server = End(self, "client"), End(self, "server")
        self.silent = False
        self.used = time.monotonic()

    def other(self, end):
        return self.server if end is self.client else self.client

    def made(self, end):
        if end is self.client:
            self.relay.connections += 1
            self.relay.open.add(self)
            self.task = asyncio.ensure_future(self.reach())
        end.send()

    async def reach(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, "127.0.0.1", self.relay.to)
        except OSError:
            self.cut()

    def pass_on(self, end, received):
        self.used = time.monotonic()
        if end is self.client:
            self.relay.received += len(received)
        else:
            self.relay.sent += len(received)
        self.other(end).held += received
        self.other(end).send()

    def end(self, end):
        """No more comes from one end: the other is told."""
        if end is self.client:
            self.relay.open.discard(self)
        self.other(end).ends = True
        self.other(end).send()

    def silence(self):
        self.silent = True
        for end in (self.client, self.server):
            end.pause(True)
        return link.vanish(self.client.transport.get_extra_info("socket"))

    def speak(self):
        self.silent = False
        link.appear(self.client.transport.get_extra_info("socket"))
        for end in (self.client, self.server):
            end.pause(False)
            end.send()

    def cut(self):
        """Ends the client's connection with RST."""
        sock = self.client.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()


class Relay:
    def __init__(self, to):
        self.to = to
        self.open = set()
        self.connections = self.received = self.sent = 0

    async def serve(self, port):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Passage(self).client, "127.0.0.1", port, backlog=1024)
        print(self.server.sockets[0].getsockname()[1], flush=True)
        stop = asyncio.Event()
        threading.Thread(target=self.read_commands, args=(loop, stop), daemon=True).start()
        await stop.wait()

    def read_commands(self, loop, stop):
        for line in sys.stdin:
            loop.call_soon_threadsafe(self.obey, line.split())
        loop.call_soon_threadsafe(stop.set)

    def obey(self, words):
        action = COMMANDS.get(words[0]) if words else None
        try:
            done = {"error": f"there are {', '.join(COMMANDS)}"} if action is None else action(self, *words[1:])
        except (TypeError, ValueError) as error:
            done = {"error": str(error)}
        print(json.dumps(done), flush=True)

    def silence(self, which="all"):
        if which == "new":
            chosen = self.server.sockets
            vanished = [link.vanish(sock) for sock in chosen]
        elif which in ("all", "idle"):
            since = time.monotonic() - (IDLE if which == "idle" else 0)
            chosen = [each for each in self.open if not each.silent and each.used <= since]
            vanished = [each.silence() for each in chosen]
        else:
            raise ValueError(f"silence all, idle or new, not {which}")
        return {"silenced": len(chosen), "vanished": all(vanished)}

    def speak(self):
        for sock in self.server.sockets:
            link.appear(sock)
        silent = [each for each in self.open if each.silent]
        for each in silent:
            each.speak()
        return {"speak": len(silent)}

    def reset(self):
        return self.end_all(Passage.cut)

    def close(self):
        return self.end_all(lambda passage: passage.client.transport.close())

    def end_all(self, end):
        ended = list(self.open)
        for each in ended:
            end(each)
        return {"ended": len(ended)}

    def stats(self):
        return {"connections": self.connections, "open": len(self.open), "silent": sum(each.silent for each in self.open),
                "received": self.received, "sent": self.sent}


COMMANDS = {"silence": Relay.silence, "speak": Relay.speak, "reset": Relay.reset, "close": Relay.close, "stats": Relay.stats}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="to listen on (default: any free one)")
    parser.add_argument("to", type=int, metavar="TO-PORT")
    arguments = parser.parse_args()
    asyncio.run(Relay(arguments.to).serve(arguments.port))


if __name__ == "__main__":
    main()
