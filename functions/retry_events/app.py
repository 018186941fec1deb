"""Retry facts that a target refused, with a growing delay between attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import retry_events as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="retry_events")
settings = bootstrap.RetryEventsSettings.read()  # once per execution environment, during init
retry_events = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Project the facts that one SQS batch points at; see events/retry_events.json."""
    outcome = retry_events.accept(bootstrap.retried_messages(event), context.get_remaining_time_in_millis)
    logger.info("projected again", extra=outcome.summary)
    return bootstrap.failures(outcome.failed)
