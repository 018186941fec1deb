"""Accept submissions that one transaction cannot hold, and send out-of-office replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import accept_outbound as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="accept_outbound")
settings = bootstrap.AcceptOutboundSettings.read()  # once per execution environment, during init
accept_outbound = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Carry out one order; any error marks this record alone as failed."""
    accept_outbound.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/accept_outbound.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
