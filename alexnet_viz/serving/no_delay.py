"""Answers leave at once: TCP_NODELAY for the connections of the server that runs in this process.

Without it the kernel holds a small packet back until the last one is acknowledged, and the other side acknowledges
late on purpose (Nagle's algorithm and delayed acknowledgements, RFC 896 and RFC 1122): about 40 ms for every answer
that follows another one closely. asyncio sets the option for sockets that it opens itself, but `streamlit run` binds
its own. Connections inherit it from the socket that listens.
"""

import gc
import socket
from collections.abc import Iterator
from pathlib import Path


def set_no_delay() -> int:
    """Set the option on every TCP socket of this process that listens; how many of them lacked it."""
    lacking = 0
    for listening in _listening_sockets():
        if not listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lacking += 1
    return lacking


def _listening_sockets() -> Iterator[socket.socket]:
    """Found among Python's objects, which works on every system; and by their numbers where the system lists them,
    since objects that `gc.freeze` has put aside are not found."""
    seen = set()
    for found in gc.get_objects():
        if issubclass(type(found), socket.socket) and _listens(
            found
        ):  # isinstance asks some objects more than they bear
            seen.add(found.fileno())
            yield found
    for number in _open_numbers():
        if number in seen:
            continue
        try:
            found = socket.socket(fileno=number)
        except OSError:  # no socket
            continue
        try:
            if _listens(found):
                yield found
        finally:
            found.detach()  # it belongs to somebody else and must not be closed with this object


def _listens(found: socket.socket) -> bool:
    try:
        of_network = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
        return of_network and bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # it is closed, or the system does not tell
        return False


def _open_numbers() -> list[int]:
    """The numbers of this process's open files; none where the system does not list them."""
    try:
        return [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    except OSError:
        return []
