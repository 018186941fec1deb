"""Seal exports: the archive's end and its log; or the removal of what there is of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import seal_export as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="seal_export")
settings = bootstrap.SealExportSettings.read()  # once per execution environment, during init
seal_export = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Carry out one order; any error marks this record alone as failed."""
    seal_export.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/seal_export.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
