"""EWS servers in private networks that a stack may connect to: a list of origins that its owner wrote.

An endpoint is input of any caller who may use one operation, and the functions run in the owner's network. So the list
has single servers, not a switch for all private addresses: a caller cannot turn it into a scan of the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from postroom.errors import InvalidHostError
from postroom.model.public_hosts import is_public, public_host

MAX_PORT: Final = 65_535

NO_SERVERS: Final = "NONE"
"""The list's text when it is empty; a variable cannot be."""

_ENDPOINT: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?(?P<target>/[!-~]*)", re.ASCII
)
"""A URL with a path in printable ASCII without spaces. Source: botocore's model workmail/2017-10-01, Url."""

_PORTS: Final = {"https": 443, "http": 80}
_PRIVATE: Final = tuple(map(ip_network, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]))
"""Networks of organizations. Source: RFC 1918, 4193, 6598. A machine's own addresses and those of its link are not
among them: on AWS they lead to the function's runtime and to metadata with credentials."""

_OF_AWS: Final = ip_network("fd00:ec2::/32")
"""Local services of AWS in IPv6, metadata with credentials among them. Source: EC2 User Guide, instance metadata."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A server by scheme, host in lower case, and port."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL of an EWS server: ``target`` is its path and query."""

    origin: Origin
    target: str


def endpoint(url: str) -> Endpoint:
    """Read the URL of an EWS server.

    Raises:
        InvalidHostError: it is none.
    """
    found = _ENDPOINT.fullmatch(url)
    if found is None or "#" in url:
        raise InvalidHostError("not an https URL with a path, for example https://mail.example.com/EWS/Exchange.asmx")
    port = int(found["port"] or _PORTS[found["scheme"]])
    if not 1 <= port <= MAX_PORT:
        raise InvalidHostError(f"a port is a number from 1 to {MAX_PORT}")
    return Endpoint(Origin(found["scheme"], found["host"].lower(), port), found["target"])


@dataclass(frozen=True, slots=True)
class PrivateServers:
    """The servers of a stack's list."""

    origins: frozenset[Origin] = frozenset()

    @classmethod
    def read(cls, text: str) -> PrivateServers:
        """Read ``https://HOST``, ``https://HOST:PORT`` or the same with http, several separated by commas; or NONE.

        Raises:
            ValueError: an entry is none of these.
        """
        origins = set()
        for entry in () if text.strip() == NO_SERVERS else text.split(","):
            try:
                read = endpoint(entry.strip().removesuffix("/") + "/")
            except InvalidHostError as error:
                raise ValueError(str(error)) from error
            if read.target != "/":
                raise ValueError("an origin has no path")
            origins.add(read.origin)
        return cls(frozenset(origins))

    def check(self, origin: Origin) -> None:
        """Check that a configuration may name a server: it is on the list, or has https and a public host.

        Raises:
            InvalidHostError: neither.
        """
        if origin in self.origins:
            return
        if origin.scheme != "https":
            raise InvalidHostError("not an https URL, which the password needs")
        public_host(origin.host)

    def may_connect(self, origin: Origin, address: IPv4Address | IPv6Address) -> bool:
        """Say whether an address that a server's host has now may be connected to.

        A server of the list may have a private address too, but an address of this machine or its link only if the
        list has it as such: another owner may control the name's DNS.
        """
        return is_reachable(origin.host, address, listed=origin in self.origins)


def is_reachable(host: str, address: IPv4Address | IPv6Address, *, listed: bool) -> bool:
    """Say whether an address that a host has now may be connected to, as ``PrivateServers.may_connect`` says."""
    if not listed:
        return is_public(address)
    if host == "localhost":
        return address.is_loopback
    return is_public(address) or _is_literally(host, address) or _is_private(address)


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address in _OF_AWS):
        return False
    return any(address in network for network in _PRIVATE)


def _is_literally(host: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return ip_address(host) == address
    except ValueError:
        return False
