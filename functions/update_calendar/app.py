"""Change calendars: a message with a calendar part that was delivered; answer for resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import update_calendar as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="update_calendar")
settings = bootstrap.UpdateCalendarSettings.read()  # once per execution environment, during init
update_calendar = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Carry out one order; any error marks this record alone as failed."""
    update_calendar.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/update_calendar.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
