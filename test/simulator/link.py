"""A link that loses its packets: what arrives for a socket is dropped by the kernel, unseen and unacknowledged.

A classic filter that lets nothing through does it, on a connection or on a socket that listens.  Some systems
leave that to CAP_NET_ADMIN; where it may not be had, what arrives is acknowledged, and never read.
"""

import ctypes
import socket
import struct

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27     # of Linux; the module socket has no names for them
RETURN = 0x06                                   # BPF_RET | BPF_K: so many bytes of the packet pass
NOTHING = struct.pack("HBBI", RETURN, 0, 0, 0)


def vanish(sock):
    """From here on what is sent to the socket vanishes; False if this may not be had."""
    program = ctypes.create_string_buffer(NOTHING)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
    except OSError:
        return False
    return True


def appear(sock):
    """Takes that back, if it was so."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    except OSError:
        pass
