"""Base classes of wire formats: data received, data sent, and data that versions of Postroom leave for each other."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Received(BaseModel):
    """Data from outside: unknown keys are ignored, known keys are checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True)


class Sent(BaseModel):
    """Data that Postroom sends: exactly the documented keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Kept(BaseModel):
    """Data in our queues and tables, which an older or newer version of Postroom may have written.

    Members that are not known are ignored, those of its own members included; a member that is added has a default.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
