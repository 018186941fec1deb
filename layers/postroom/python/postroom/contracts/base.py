"""The two kinds of wire format: what others send us, and what we send."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Received(BaseModel):
    """From others: keys we do not know are ignored, what we need is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True)


class Sent(BaseModel):
    """From us: exactly the documented keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)
