"""Answers leave at once: TCP_NODELAY for the connections of the server that runs in this process.

Without it the kernel holds a small packet back until the last one is acknowledged, and the other side acknowledges
late on purpose (Nagle's algorithm and delayed acknowledgements, RFC 896 and RFC 1122): about 40 ms for every answer
that follows another one closely. asyncio sets the option for sockets that it opens itself, but `streamlit run` binds
its own. Connections inherit it from the socket that listens.
"""

import gc
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path


def set_no_delay() -> int:
    """Set the option on every TCP socket of this process that listens; how many of them lacked it.

    Connections that one of these has accepted already, such as the one that asked for the first page, get it too.
    """
    lacking, ports, others = 0, set(), []
    with ExitStack() as duplicates:
        for found in [*_among_objects(), *map(duplicates.enter_context, _by_numbers())]:
            with suppress(OSError, IndexError):  # it has been closed meanwhile, or has no address yet
                port = found.getsockname()[1]
                if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    others.append((found, port))
                    continue
                ports.add(port)
                lacking += not found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for found, port in others:
            with suppress(OSError):
                if port in ports:
                    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return lacking


def _among_objects() -> list[socket.socket]:
    """TCP sockets among Python's objects, on every system; without those that `gc.freeze` has put aside."""
    # By type: isinstance asks some objects more than they bear.
    return [found for found in gc.get_objects() if issubclass(type(found), socket.socket) and _is_tcp(found)]


def _by_numbers() -> Iterator[socket.socket]:
    """Duplicates of all TCP sockets, to be closed, where the system lists a process's open files."""
    try:
        numbers = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    except OSError:
        return
    for number in numbers:
        with suppress(OSError):  # closed meanwhile
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found = socket.socket(fileno=os.dup(number))
                if _is_tcp(found):
                    yield found
                else:
                    found.close()


def _is_tcp(found: socket.socket) -> bool:
    of_network = found.family in (socket.AF_INET, socket.AF_INET6)
    return of_network and found.type == socket.SOCK_STREAM and found.fileno() >= 0
