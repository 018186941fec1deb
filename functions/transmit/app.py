"""Transmit messages: hand them to SES or to an SMTP gateway, until each recipient has its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import transmit as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="transmit")
settings = bootstrap.TransmitSettings.read()  # once per execution environment, during init
transmit = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Carry out one order; any error marks this record alone as failed."""
    transmit.accept(record.body, again=record.receives > 1)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/transmit.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
