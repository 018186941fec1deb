"""Wiring of functions/run_async_rule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from postroom.bootstrap import parts, ready, rule_parts
from postroom.bootstrap.environment import Environment, now_ms
from postroom.rules.run_async_rule import RunAsyncRule

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


@ready
def build(settings: Environment | None = None) -> RunAsyncRule:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    return RunAsyncRule(
        caller=rule_parts.caller(settings),
        open_calls=rule_parts.open_calls(settings),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        chance=random.random,
        speed=settings.speed,
    )


def batch(logger: Logger) -> SqsBatch:
    """Return how its queue's batches are taken."""
    settings = Environment()
    return parts.batch(settings, logger, dead_letters=settings["RUN_ASYNC_RULE_DLQ_URL"])
