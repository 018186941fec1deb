"""Write new facts of the ledger to event logs, the event bus and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import record_events as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="record_events")
settings = bootstrap.RecordEventsSettings.read()  # once per execution environment, during init
record_events = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Project one batch of the ledger's stream; see events/record_events.json."""
    outcome = record_events.accept(bootstrap.ledger_records(event), context.get_remaining_time_in_millis)
    logger.info("projected", extra=outcome.summary)
    return bootstrap.failures(outcome.failed)
