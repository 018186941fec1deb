"""Wiring of functions/park."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.bootstrap import flow_parts, parts, ready
from postroom.bootstrap.settings import BatchSettings
from postroom.parking.dead_letters import DeadLetters

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class ParkSettings(flow_parts.FlowParkingSettings, BatchSettings):
    """Orders that a dead letter left open are sent to their stations."""


@ready
def build(settings: ParkSettings) -> DeadLetters:
    return DeadLetters(flow_parts.flow_parking(settings))


def batch(settings: ParkSettings, logger: Logger) -> SqsBatch:
    """Without a dead-letter queue: a dead letter is tried until it is parked."""
    return parts.batch(settings, logger)
