"""On a schedule: send overdue orders again or park them, and remove old bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import sweep as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="sweep")
settings = bootstrap.SweepSettings.read()  # once per execution environment, during init
sweep = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Sweep once; see events/sweep.json."""
    counts = sweep.run(context.get_remaining_time_in_millis)
    logger.info("swept", extra=counts)
    return counts
