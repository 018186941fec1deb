"""Connections to hosts that callers name: each address is judged, every wait has an end.

A host is resolved once. Its addresses are judged and connected to as they are, so that a name cannot lead elsewhere
afterwards. A deadline holds from the first step to the last byte: at its end a timer shuts the connection down, which
ends whatever waits for it, handshakes and servers that send a byte now and then included.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Address = IPv4Address | IPv6Address
    Resolve = Callable[[str, int], Sequence[str]]

MAX_ADDRESSES: Final = 4
"""Most addresses of a host that are tried, one after the other. Ours."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of the system's preference.

    Raises:
        OSError: there are none, or the resolver did not answer.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def look_up(resolve: Resolve, host: str, port: int, wait_s: float) -> list[Address]:
    """Return the addresses of a host.

    A resolver cannot be stopped, so it runs in a thread that is left behind if it is too slow.

    Raises:
        TimeoutError: it was too slow.
        OSError: the host has no address.
    """
    found: list[str] = []
    errors: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            found.extend(resolve(host, port))
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="resolve a host")
    thread.start()
    thread.join(wait_s)
    if thread.is_alive():
        raise TimeoutError
    if errors:
        raise OSError("the host has no address") from errors[0]
    return [ip_address(each) for each in found]


def connect(address: Address, port: int, limit: float) -> socket.socket:
    """Return a connection.

    Args:
        limit: of the monotonic clock.

    Raises:
        OSError: there is none by the limit.
    """
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(left_s(limit))
        plain.connect((str(address), port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        plain.close()
        raise
    return plain


@contextmanager
def shut_down_at(end: float, connected: socket.socket) -> Iterator[None]:
    """Shut a connection down at a time of the monotonic clock, unless the block has ended before."""
    guard = socket.socket(fileno=socket.dup(connected.fileno()))  # stays open when the other one is closed

    def shut_down() -> None:
        with suppress(OSError):  # the server was faster
            guard.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        guard.close()


def left_s(limit: float) -> float:
    """Return the seconds until a time of the monotonic clock.

    Raises:
        TimeoutError: it is over.
    """
    left = limit - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def said(error: OSError) -> str:
    """Return what kind of error it is, in words of the system's own that have nothing of the server's in them."""
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    return (error.strerror or type(error).__name__).lower()
