"""What SES does for a mail domain: says whose it is, and lets its mail in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Verification(StrEnum):
    """botocore's ``DnsRecordVerificationStatus``."""

    PENDING = "PENDING"
    VERIFIED = "VERIFIED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class DomainTokens:
    """What the owner of a domain must publish: one TXT value, and names of DKIM keys for CNAMEs."""

    verification: str
    dkim: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """What SES found in DNS."""

    ownership: Verification
    dkim: Verification


class DomainServices(Protocol):
    """Suite: tests/contract/test_domain_services.py. Every method may be repeated: it then changes nothing.

    All raise StoreUnavailableError if SES did not answer or throttled, and RefusedByServiceError, with the reason,
    where it does not take the change.
    """

    def identify(self, domain: str) -> DomainTokens:
        """Make the domain an identity of SES, with Easy DKIM; one that exists keeps its tokens."""

    def status(self, domain: str) -> DomainStatus:
        """Return how far verification is; PENDING for a domain that SES does not know."""

    def receipt_rules(self) -> int:
        """Return how many receipt rules of ours there are: SES tells of a message once for each that matches it."""

    def route(self, domain: str) -> None:
        """Let the domain's mail come to us, by a receipt rule of ours; rules of others are never touched.

        Raises:
            ConflictError: somebody else has been changing the rules for too long.
        """

    def unroute(self, domain: str, still: Callable[[], bool]) -> None:
        """Take the domain out of our receipt rules. Its identity stays.

        Args:
            still: asked while no other call changes the rules: whether the domain is the caller's to take out. Another
                organization that registers it in the meantime gets its rule after this, and keeps it.

        Raises:
            ConflictError: as above.
        """
