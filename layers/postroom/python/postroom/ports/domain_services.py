"""Mail domains in SES: verification of their ownership, and receipt of their mail."""

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
    """What the owner of a domain publishes in DNS: the value of a TXT record, and DKIM key names for CNAME records."""

    verification: str
    dkim: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """The result of SES's look-ups in DNS."""

    ownership: Verification
    dkim: Verification


class ReceiptRules(Protocol):
    """Receipt rules of SES. Suite: tests/contract/test_domain_services.py.

    A repeated call changes nothing. ``domain`` is in lower-case A-labels.

    Every method raises StoreUnavailableError if SES did not answer or throttles, and RefusedByServiceError, with
    SES's reason, if SES refuses the change.
    """

    def receipt_rules(self) -> int:
        """Return the number of our receipt rules. SES sends one notification per rule that matches a message."""

    def unroute(self, domain: str, still: Callable[[], bool]) -> None:
        """Remove the domain from our receipt rules. Its identity stays.

        Args:
            still: returns whether the domain is still to be removed. It is called while no other call changes the
                rules: an organization that registers the domain meanwhile is routed after this call, and stays routed.

        Raises:
            ConflictError: another caller has been changing the rules for too long.
        """


class DomainServices(ReceiptRules, Protocol):
    """Identities and receipt rules of SES. What holds for the methods of ``ReceiptRules`` holds for all."""

    def identify(self, domain: str) -> DomainTokens:
        """Make the domain an identity of SES, with Easy DKIM, whose bounces SES does not forward by mail.

        An identity that exists keeps its tokens.
        """

    def status(self, domain: str) -> DomainStatus:
        """Return the states of verification; PENDING for a domain that is no identity of SES."""

    def route(self, domain: str) -> None:
        """Add the domain to a receipt rule of ours, so that its mail is received. Other rules stay unchanged.

        Raises:
            ConflictError: as for ``unroute``.
        """
