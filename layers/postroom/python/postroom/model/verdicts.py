"""Verdicts: the results of SES's checks of a message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Result of one check. Source: SES Developer Guide, "Contents of notifications"."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    GRAY = "GRAY"
    PROCESSING_FAILED = "PROCESSING_FAILED"


class DmarcPolicy(StrEnum):
    """The DMARC policy that the owner of the sender's domain has published."""

    NONE = "NONE"
    QUARANTINE = "QUARANTINE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All verdicts of one message; ``dmarc_policy`` is set only if ``dmarc`` is FAIL."""

    spam: Verdict = Verdict.PROCESSING_FAILED
    virus: Verdict = Verdict.PROCESSING_FAILED
    spf: Verdict = Verdict.PROCESSING_FAILED
    dkim: Verdict = Verdict.PROCESSING_FAILED
    dmarc: Verdict = Verdict.PROCESSING_FAILED
    dmarc_policy: DmarcPolicy | None = None

    @property
    def is_spam(self) -> bool:
        """Only FAIL is spam; GRAY and PROCESSING_FAILED count as not spam (ours)."""
        return self.spam is Verdict.FAIL

    @property
    def has_virus(self) -> bool:
        """Only FAIL blocks a message."""
        return self.virus is Verdict.FAIL
