"""Flows with more recipients than one transaction holds."""

from __future__ import annotations

from pydantic import Field

from postroom.contracts.base import Sent
from postroom.contracts.orders import RawLocation


class Expansion(Sent):
    """Which chunks of a frozen plan are committed.

    ``plan`` is the object that holds the plan, written once. ``notification`` makes its station, ingest or the rules,
    continue where it stopped.
    """

    trace: str
    organization_id: str
    plan: RawLocation
    chunks: int = Field(ge=1)
    done: int = Field(ge=0)
    notification: str
    of: str = ""
    """Key of the rule call that was decided; empty for ingest's own."""

    @property
    def key(self) -> str:
        """Its name within its trace: ingest, and each rule call, has one at a time."""
        return f"expansion:{self.of}" if self.of else "expansion"
