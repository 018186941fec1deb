"""Call the function of an asynchronous rule: it decides nothing, and the message does not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import run_async_rule as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="run_async_rule")
settings = bootstrap.RunAsyncRuleSettings.read()  # once per execution environment, during init
run_async_rule = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Carry out one call; any error marks this record alone as failed."""
    run_async_rule.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/run_async_rule.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
