"""Hosts that Postroom may connect to for an administrator: on the public internet, never in a private network.

``public_host`` checks the text of a host only. A public name may still resolve to a private address, so code that
connects must check the addresses with ``is_public``.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from postroom.errors import InvalidHostError
from postroom.model.addresses import MAX_DOMAIN_CHARACTERS, a_label

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""Source: RFC 1123, 2.1."""

PRIVATE_NAMES: Final = ("localhost", "local", "internal", "home.arpa")
"""Names that are local to a network or a machine, with all names below them.

Source: RFC 6761, 6762, 8375; ICANN's resolution on ``internal``, below which AWS has names of instances and metadata.
"""

_UNICAST: Final = IPv6Network("2000::/3")
"""IPv6 addresses that are routed on the internet; mapped IPv4 and NAT64 are outside. Source: RFC 4291, 2.4."""


def public_host(text: str) -> str:
    """Return a host in its normal form: a lower-case name in A-labels, or an IP address.

    Raises:
        InvalidHostError: the text is neither, or the host is not public.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return _name(text)
    if not is_public(address):
        raise InvalidHostError(f"{text} is not an address on the public internet")
    return str(address)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address belongs to one host on the internet: not private, local, shared, reserved or multicast.

    An IPv6 address that contains an IPv4 address (6to4, Teredo) is not public, because a relay decides where it leads.
    An address with a zone is not public, because a zone is an interface of this machine.
    """
    if isinstance(address, IPv6Address):
        has_ipv4 = address.sixtofour is not None or address.teredo is not None
        if address not in _UNICAST or has_ipv4 or address.scope_id is not None:
            return False
    return address.is_global and not address.is_multicast


def _name(text: str) -> str:
    name = a_label(text)
    labels = name.split(".")
    if text != text.strip() or len(name) > MAX_DOMAIN_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidHostError(f"{text!r} is not a host name")
    if any(name == private or name.endswith(f".{private}") for private in PRIVATE_NAMES):
        raise InvalidHostError(f"{name} is not a name on the public internet")
    if len(labels) == 1:
        raise InvalidHostError(f"{name} has no dot: a name on the public internet has a domain")
    if labels[-1][
        0
    ].isdigit():  # some resolvers read 127.1 and 0x7f.1 as addresses; no top-level domain begins with a digit
        raise InvalidHostError(
            f"{name} is neither an address nor a name: the last label of a name begins with a letter"
        )
    return name
