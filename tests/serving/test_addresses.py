"""Addresses in the local network are asked of the system, and loopback is none of them."""

import socket

import pytest

from alexnet_viz.serving.addresses import lan_addresses


class Route:
    """A UDP socket of a computer with this address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __enter__(self) -> "Route":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, _: object) -> None:
        if not self.address:
            raise OSError("Network is unreachable")

    def getsockname(self) -> tuple[str, int]:
        return self.address, 50000


@pytest.mark.parametrize(
    ("route", "by_name", "found"),
    [
        ("192.168.0.7", ["127.0.1.1"], ["192.168.0.7"]),
        ("192.168.0.7", ["10.0.0.3", "192.168.0.7"], ["192.168.0.7", "10.0.0.3"]),
        ("", ["10.0.0.3"], ["10.0.0.3"]),
        ("", ["127.0.0.1"], []),
    ],
)
def test_the_way_out_comes_first_and_loopback_is_left_out(route, by_name, found, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: Route(route))
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda name: (name, [], by_name))
    assert lan_addresses() == found


def test_a_computer_without_a_name_has_none(monkeypatch):
    def fails(_: str):
        raise OSError("unknown")

    monkeypatch.setattr(socket, "socket", lambda *_: Route(""))
    monkeypatch.setattr(socket, "gethostbyname_ex", fails)
    assert lan_addresses() == []
