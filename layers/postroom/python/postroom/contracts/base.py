"""Base classes of wire formats: received data and sent data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Received(BaseModel):
    """Data from outside: unknown keys are ignored, known keys are checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True)


class Sent(BaseModel):
    """Data that Postroom sends: exactly the documented keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)
