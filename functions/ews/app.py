"""Exchange Web Services and AutoDiscover, for mail clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import ews as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="ews")
settings = bootstrap.EwsSettings.read()  # once per execution environment, during init
answer = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request; see events/ews.json. Requests are never logged: they hold names and addresses."""
    answered = answer(event)
    logger.info(
        "answered",
        operation=answered.operation,
        organization_id=answered.organization_id,
        code=answered.code,
        status=answered.response["statusCode"],
    )
    return answered.response
