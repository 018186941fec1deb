"""Custom resource: make the receipt rule set the active one, because a parameter says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import activate_rule_set as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="activate_rule_set")
active_rule_set = bootstrap.build()  # once per execution environment, during init


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer one request of CloudFormation; see events/activate_rule_set.json."""
    active_rule_set.handle(event)
