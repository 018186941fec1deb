"""What SES found out about a message before it reached us."""

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
    """What the owner of the sender's domain asks for when DMARC fails."""

    NONE = "NONE"
    QUARANTINE = "QUARANTINE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All checks of one message; ``dmarc_policy`` only where ``dmarc`` is FAIL."""

    spam: Verdict = Verdict.PROCESSING_FAILED
    virus: Verdict = Verdict.PROCESSING_FAILED
    spf: Verdict = Verdict.PROCESSING_FAILED
    dkim: Verdict = Verdict.PROCESSING_FAILED
    dmarc: Verdict = Verdict.PROCESSING_FAILED
    dmarc_policy: DmarcPolicy | None = None

    @property
    def is_spam(self) -> bool:
        """Only FAIL is spam; GRAY and PROCESSING_FAILED count as not spam (ours, architecture 2.8)."""
        return self.spam is Verdict.FAIL

    @property
    def has_virus(self) -> bool:
        """Only FAIL blocks a message."""
        return self.virus is Verdict.FAIL
