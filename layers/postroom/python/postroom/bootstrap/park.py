"""Wiring of functions/park."""

from __future__ import annotations

from postroom.bootstrap import parts, ready
from postroom.bootstrap.environment import Environment
from postroom.parking.parking import DeadLetters


@ready
def build(settings: Environment | None = None) -> DeadLetters:
    """Return the station as template.yaml sets it up."""
    return DeadLetters(parts.parking(settings or Environment()))
