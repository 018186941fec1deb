"""Journaling: where an organization's journal reports go. Addresses have local parts as given, and A-label domains.

What is in force is part of the compiled rule set (``contracts.rule_set``): a station that has read the rules for a
message knows it without another read (docs/decisions/0055).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from postroom.model.owned import Owned


@dataclass(frozen=True, slots=True)
class Journaling:
    """Where journal reports go while journaling is on.

    Attributes:
        address: gets a report of every message to or from a user.
        report_address: gets a notice of every report that could not be made or sent.
        author: the reports' From, ``amazonjournaling@<test domain>``; no entity has that address.
    """

    address: str
    report_address: str
    author: str


JOURNALING_KEY: Final = "rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalingRules(Owned):
    """An organization's journaling rules; there is at most one record, kept while they are off.

    Attributes:
        address, report_address: of ``Journaling``; empty if they were never given, and they are off.
    """

    family: ClassVar[str] = "JOURNALING"
    enabled: bool
    address: str
    report_address: str
    author: str

    @property
    def key(self) -> str:
        """The same text in every organization."""
        return JOURNALING_KEY

    @property
    def in_force(self) -> Journaling | None:
        """What stations need; None while they are off."""
        return Journaling(self.address, self.report_address, self.author) if self.enabled else None
