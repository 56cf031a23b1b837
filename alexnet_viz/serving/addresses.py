"""The addresses by which other devices of the local network reach this computer."""

import socket
from contextlib import suppress


def lan_addresses() -> list[str]:
    """IPv4 addresses of this computer that are not its own loopback, the one that its traffic leaves by first.

    Nothing is sent: a UDP socket that is connected only asks the system which way it would go.
    """
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # an address reserved for documentation (RFC 5737): never a device
        found.append(asking.getsockname()[0])
    with suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [one for one in dict.fromkeys(found) if not one.startswith(("127.", "0."))]
