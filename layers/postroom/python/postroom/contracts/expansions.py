"""Flows with more recipients than one transaction holds."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from postroom.contracts.base import Kept
from postroom.contracts.orders import RawLocation

FORM: Final = 1
"""The form of expansions."""


class Expansion(Kept):
    """Progress of a frozen plan that is committed in chunks.

    Attributes:
        plan: location of the plan, which is written once.
        chunks: how many chunks the plan has.
        done: how many chunks are committed.
        notification: queue message that makes the station (ingest or run_sync_rule) continue.
    """

    has_row: ClassVar[bool] = True
    """It has a row in transit, as orders have."""

    version: int = Field(default=FORM, ge=1, le=FORM)
    trace: str
    organization_id: str
    plan: RawLocation
    chunks: int = Field(ge=1)
    done: int = Field(ge=0)
    notification: str
    of: str = ""
    """Key of the rule call whose decision is the plan; empty for ingest's plan."""

    @property
    def key(self) -> str:
        """Key within the trace: ingest and each rule call have at most one at a time."""
        return f"expansion:{self.of}" if self.of else "expansion"
