"""Import archives from customers' buckets into mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import import_mailbox as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="import_mailbox")
settings = bootstrap.ImportMailboxSettings.read()  # once per execution environment, during init
import_mailbox = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/import_mailbox.json."""
    remaining_ms = context.get_remaining_time_in_millis

    def accept(record: SqsRecord) -> None:
        """Carry out one order, or a part of it; any error marks this record alone as failed."""
        import_mailbox.accept(record.body, remaining_ms, comes_again=record.receives > 1)

    return batch.process(event, accept, remaining_ms)
