"""Wiring of functions/park."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.bootstrap import parts, ready
from postroom.bootstrap.settings import OrderQueueSettings, StationSettings
from postroom.parking.dead_letters import DeadLetters

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class ParkSettings(StationSettings, OrderQueueSettings):
    """Settings of functions/park."""


@ready
def build(settings: ParkSettings) -> DeadLetters:
    """Return the station as template.yaml sets it up."""
    return DeadLetters(parts.parking(settings))


def batch(settings: ParkSettings, logger: Logger) -> SqsBatch:
    """Return how the dead-letter queues' batches are taken: none is ever given up."""
    return parts.batch(settings, logger)
