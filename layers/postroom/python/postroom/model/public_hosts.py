"""Hosts that an administrator may have us connect to: on the public internet, never in this network.

What is refused here is refused by its text. A public name may still lead into a private network: whoever connects looks
at the addresses that it resolves to, with ``is_public``.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from postroom.errors import InvalidHostError
from postroom.model.addresses import MAX_DOMAIN, a_label

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""Source: RFC 1123, 2.1."""

PRIVATE_NAMES: Final = ("localhost", "local", "internal", "home.arpa")
"""Names that mean something else in each network, or this machine, and all below them.

Source: RFC 6761, 6762, 8375; ICANN's resolution on ``internal``, below which AWS has names of instances and metadata.
"""

_UNICAST: Final = IPv6Network("2000::/3")
"""What of IPv6 is routed on the internet; it leaves out mapped IPv4 and NAT64. Source: RFC 4291, 2.4."""


def public_host(text: str) -> str:
    """Return a host in its one way to be written: a lower-case name in A-labels, or an address.

    Raises:
        InvalidHostError: it is neither, or not public.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return _name(text)
    if not is_public(address):
        raise InvalidHostError(f"{text} is no address on the public internet")
    return str(address)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is one host's on the internet: not private, local, shared, reserved or multicast.

    An IPv6 address that carries an IPv4 address (6to4, Teredo) is not: what it leads to is the relay's choice. Nor is
    one with a zone, which means an interface of this machine.
    """
    if isinstance(address, IPv6Address):
        carries = address.sixtofour is not None or address.teredo is not None
        if address not in _UNICAST or carries or address.scope_id is not None:
            return False
    return address.is_global and not address.is_multicast


def _name(text: str) -> str:
    name = a_label(text)
    labels = name.split(".")
    if text != text.strip() or len(name) > MAX_DOMAIN or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidHostError(f"{text!r} is no name of a host")
    if any(name == private or name.endswith(f".{private}") for private in PRIVATE_NAMES):
        raise InvalidHostError(f"{name} is no name on the public internet")
    if len(labels) == 1:
        raise InvalidHostError(f"{name} has no dot: a name on the public internet has a domain")
    if labels[-1][0].isdigit():  # some resolvers read 127.1 and 0x7f.1 as addresses; no top-level domain begins so
        raise InvalidHostError(f"{name} is neither an address nor a name: no domain begins with a digit at its end")
    return name
