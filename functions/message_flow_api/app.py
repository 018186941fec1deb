"""The Message Flow API: rules' functions read a message in transit and replace its content.

Answers are streamed, because a message may have 40 MB: the script `runtime` replaces Lambda's own Python runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import message_flow_api as bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="message_flow_api")
settings = bootstrap.MessageFlowApiSettings.read()  # once per execution environment, during init
answer = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Iterator[bytes]:
    """Answer one request, piece by piece; see events/message_flow_api.json."""
    answered = answer(event, context.aws_request_id)
    logger.info(
        "answered",
        operation=answered.operation,
        trace=answered.trace,
        code=answered.code,
        status=answered.answer.status,
    )
    return answered.answer.pieces()
