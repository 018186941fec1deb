"""The authorizer of mail clients: passwords, personal access tokens, and tokens of impersonation roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import authenticate as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="authenticate")
settings = bootstrap.AuthenticateSettings.read()  # once per execution environment, during init
answer = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Allow or deny one request; see events/authenticate.json. Names and passwords are never logged."""
    answered = answer(event)
    logger.info(
        "answered",
        principal=answered.response["principalId"],
        organization_id=answered.organization_id,
        reason=answered.reason,
    )
    return answered.response
