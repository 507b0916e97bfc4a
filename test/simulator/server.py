"""The process: command line, sockets, life and death."""

import argparse
import asyncio
import os
import signal
import ssl
import sys
import threading

from .gate import Gate, Key
from .service import Service
from .wire import Connection

DEFAULT_PROJECT = "0123456789abcdef0123456789abcdef=cn-north-4"
BACKLOG = 4096


def fraction(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


def slashed(text, least, most):
    parts = text.split("/")
    if not least <= len(parts) <= most or not all(parts):
        raise argparse.ArgumentTypeError("has the wrong number of parts between slashes")
    return tuple(parts)


def user(text):
    return slashed(text, 3, 3)


def key(text):
    return slashed(text, 2, 3)


#: The options that say what the data is.
DATA = ("phones", "servers", "models", "images", "encode_servers", "bandwidths", "seed", "ties", "example")


def parse_arguments(argv, manual):
    parser = argparse.ArgumentParser(
        prog="service", description=manual, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="port to listen on (default: any free one)")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="serve https with these PEM files")
    add("--until-eof", action="store_true", help="stop when standard input ends")
    add("--phones", type=int, default=1000, help="number of phones (default %(default)s)")
    add("--servers", type=int, default=20, help="number of servers (default %(default)s)")
    add("--models", type=int, default=120, help="number of phone models (default %(default)s)")
    add("--images", type=int, default=30, help="number of images (default %(default)s)")
    add("--encode_servers", type=int, default=45, help="number of encoding servers (default %(default)s)")
    add("--bandwidths", type=int, default=25, help="number of bandwidths (default %(default)s)")
    add("--seed", type=int, default=1, help="what the data is made from (default %(default)s)")
    add("--ties", type=fraction, default=0.3,
        help="probability of a row having its newer neighbour's create_time (default %(default)s)")
    add("--example", action="store_true", help="serve the documents' example answers instead")
    add("--project", action="append", metavar="ID[=NAME]",
        help=f"a project that exists, repeatable (default {DEFAULT_PROJECT})")
    add("--token", action="append", default=[], help="a token that is good for ever, repeatable")
    add("--key", action="append", default=[], type=key, metavar="AK/SK[/SECURITY_TOKEN]",
        help="an access key, repeatable")
    add("--user", action="append", default=[], type=user, metavar="DOMAIN/NAME/PASSWORD",
        help="who may ask for a token, repeatable")
    return parser.parse_args(argv)


def make_service(arguments):
    keys = {access: Key(secret, *session) for access, secret, *session in arguments.key}
    projects = {}
    for text in arguments.project or [DEFAULT_PROJECT]:
        project, _, name = text.partition("=")
        projects[project] = name or project
    options = {name: getattr(arguments, name) for name in DATA}
    return Service(options, Gate(arguments.token, keys, projects), set(arguments.user))


def tls_context(files):
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_alpn_protocols(["http/1.1"])
    return context


def watch_standard_input(stop):
    """Calls stop from a thread of its own when standard input ends."""
    def watch():
        while os.read(0, 65536):
            pass
        stop()
    threading.Thread(target=watch, daemon=True).start()


def keep_freed_memory():
    """Keeps glibc's malloc from giving the memory of each page back to the system and asking for it again.

    Freeing a large mapped block raises both of its thresholds for that; pages are served twice as fast.
    """
    block = bytearray(16 << 20)
    del block


async def serve(arguments):
    service = make_service(arguments)
    connections = set()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: Connection(service, connections), arguments.host, arguments.port,
        ssl=tls_context(arguments.tls), backlog=BACKLOG)
    service.listeners = server.sockets
    if arguments.until_eof:
        watch_standard_input(lambda: loop.call_soon_threadsafe(stop.set))
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.transport.abort()


def main(argv, manual):
    arguments = parse_arguments(argv, manual)
    keep_freed_memory()
    try:
        asyncio.run(serve(arguments))
    except OSError as error:
        sys.exit(f"service: {error}")
