"""The WorkMail API: AWS JSON 1.1 behind API Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import admin_api as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="admin_api")
settings = bootstrap.AdminApiSettings.read()  # once per execution environment, during init
answer = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request; see events/admin_api.json. Parameters are never logged: they hold names and passwords."""
    answered = answer(event, context.aws_request_id)
    logger.info(
        "answered",
        operation=answered.operation,
        organization_id=answered.organization_id,
        code=answered.code,
        status=answered.response["statusCode"],
    )
    return answered.response
