"""Failed attempts to log in: how many a user has had from an address, and how long the next one waits.

No user is locked out: attempts from other addresses are not affected, and a wait ends after a minute at most.
All numbers are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import ClassVar, Final

from postroom.model.owned import Owned

FREE_FAILURES: Final = 5
"""Failures without a wait: a person may mistype, and a client has several connections."""

FIRST_WAIT_MS: Final = 1000
"""Wait after ``FREE_FAILURES``; it doubles with each further failure."""

MAX_WAIT_MS: Final = 60_000

FORGOTTEN_AFTER_S: Final = 3600
"""Failures count until an hour has passed without one."""

IPV6_PREFIX_BITS: Final = 64
"""An IPv6 client chooses the other bits of its address. Source: RFC 4291, 2.5.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLogins(Owned):
    """The failures of one user name from one address.

    Attributes:
        user: id of the user; for a name that no user has, a digest of the name.
        source: ``source_of`` an address.
        waits_until_ms: until then, passwords are not compared; milliseconds since the epoch.
        expires: in seconds since the epoch.
    """

    family: ClassVar[str] = "FAILED_LOGINS"
    user: str
    source: str
    failures: int
    waits_until_ms: int
    expires: int

    @property
    def key(self) -> str:
        """User and address."""
        return key_of(self.user, self.source)

    def one_more(self, now_ms: int) -> FailedLogins:
        """Return the row after another failure."""
        failures = 1 if self.is_over(now_ms) else self.failures + 1
        waits_until_ms, expires = now_ms + _wait_ms(failures), _expires(now_ms)
        return replace(self, failures=failures, waits_until_ms=waits_until_ms, expires=expires)

    def is_over(self, now_ms: int) -> bool:
        """Say whether its failures no longer count; the row may be there for some time after that."""
        return self.expires * 1000 <= now_ms


def first_failure(organization_id: str, user: str, source: str, now_ms: int) -> FailedLogins:
    """Return the row after the first failure."""
    return FailedLogins(
        organization_id=organization_id,
        user=user,
        source=source,
        failures=1,
        waits_until_ms=now_ms,
        expires=_expires(now_ms),
    )


def key_of(user: str, source: str) -> str:
    """Return the key of a row."""
    return f"{user}#{source}"


def source_of(address: str) -> str:
    """Return an IPv4 address, or the first ``IPV6_PREFIX_BITS`` of an IPv6 address; other text as it is."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return str(read)
    return str(read.ipv4_mapped or IPv6Address(int(read) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS))


def _wait_ms(failures: int) -> int:
    extra = failures - FREE_FAILURES
    return min(FIRST_WAIT_MS << min(extra, MAX_WAIT_MS.bit_length()), MAX_WAIT_MS) if extra >= 0 else 0


def _expires(now_ms: int) -> int:
    return now_ms // 1000 + FORGOTTEN_AFTER_S
