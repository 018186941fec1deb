"""SMTP gateways in private networks that a stack may connect to: a list of hosts and ports that its owner wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from postroom.model.private_servers import MAX_PORT, NO_SERVERS, is_reachable
from postroom.model.public_hosts import public_host

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_ENTRY: Final = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PrivateGateways:
    """The gateways of a stack's list, by host in lower case and port."""

    servers: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``HOST:PORT``, several separated by commas; or NONE.

        Raises:
            ValueError: an entry is none of these.
        """
        entries = () if text.strip() == NO_SERVERS else text.split(",")
        return cls(frozenset(_entry(entry.strip()) for entry in entries))

    def host(self, text: str, port: int) -> str:
        """Return a gateway's host in its normal form, which an organization may name.

        Raises:
            InvalidHostError: it is not on the list, and not public.
        """
        if (text.lower(), port) in self.servers:
            return text.lower()
        return public_host(text)

    def may_connect(self, host: str, port: int, address: IPv4Address | IPv6Address) -> bool:
        """Say whether an address that a gateway's host has now may be connected to."""
        return is_reachable(host, address, listed=(host, port) in self.servers)


def _entry(text: str) -> tuple[str, int]:
    found = _ENTRY.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= MAX_PORT:
        raise ValueError("an entry is HOST:PORT")
    return found["host"].lower(), int(found["port"])
