"""Wiring of functions/run_async_rule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from postroom.bootstrap import parts, ready, rule_parts
from postroom.bootstrap.clock import now_ms
from postroom.rules.run_async_rule import RunAsyncRule

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch
    from postroom.bootstrap.settings import Url


class RunAsyncRuleSettings(rule_parts.RuleSettings):
    run_async_rule_queue_url: Url


@ready
def build(settings: RunAsyncRuleSettings) -> RunAsyncRule:
    return RunAsyncRule(
        caller=rule_parts.caller(settings),
        open_calls=rule_parts.open_calls(settings),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        chance=random.random,
        speed=settings.postroom_speed,
    )


def batch(settings: RunAsyncRuleSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
