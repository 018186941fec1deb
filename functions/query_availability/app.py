"""Free/busy information of mailboxes: internal ones from calendars, others from their domains' providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import query_availability as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="query_availability")
settings = bootstrap.QueryAvailabilitySettings.read()  # once per execution environment, during init
availability = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one question, or test one provider; see events/query_availability.json. No address is logged."""
    reported = availability.accept(event, context.aws_request_id)
    logger.info("answered", **reported.log)
    return reported.document
