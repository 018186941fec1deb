"""Ranges of IPv4 addresses in CIDR notation, as whole numbers."""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

from postroom.errors import InvalidRangeError


class IpRange(NamedTuple):
    """Addresses from ``first`` to ``last``, both included, as whole numbers of 32 bits."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> IpRange:
        """Read a range like ``10.0.0.0/8``.

        Raises:
            InvalidRangeError: it is no IPv4 range, or its address is not the first of the range. The text says which.
        """
        address, slash, prefix = text.partition("/")
        if ":" in address:
            raise InvalidRangeError(f"{text} is an IPv6 range; rules know IPv4 only")
        if not slash:
            raise InvalidRangeError(f"{text} has no prefix length; a single address is {text}/32")
        first, bits = ip_number(address), _PREFIXES.get(prefix)
        if first is None or bits is None:
            raise InvalidRangeError(f"{text} is no IPv4 range; one is like 10.0.0.0/8, with a prefix of 0 to 32 bits")
        size = 1 << (32 - bits)
        if first % size:
            whole = f"{ipaddress.IPv4Address(first - first % size)}/{bits}"
            raise InvalidRangeError(f"{text} has bits after its prefix; the range with this address is {whole}")
        return cls(first, first + size - 1)


_PREFIXES: Final = {str(bits): bits for bits in range(33)}


def ip_number(text: str) -> int | None:
    """Return an IPv4 address as a number; None for any other text, also for IPv6 addresses.

    An IPv6 address that holds an IPv4 address (``::ffff:10.0.0.1``) is that address.
    """
    try:
        return int(ipaddress.IPv4Address(text))
    except ValueError:
        return _mapped(text) if ":" in text else None


def _mapped(text: str) -> int | None:
    try:
        inner = ipaddress.IPv6Address(text).ipv4_mapped
    except ValueError:
        return None
    return None if inner is None else int(inner)
