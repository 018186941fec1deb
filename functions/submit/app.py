"""Submissions: messages that users send, for the functions and programs that clients reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import submit as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="submit")
settings = bootstrap.SubmitSettings.read()  # once per execution environment, during init
submissions = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one submission; see events/submit.json. No address and nothing of a message is logged."""
    reported = submissions.accept(event)
    logger.info("answered", **reported.log)
    return reported.document
