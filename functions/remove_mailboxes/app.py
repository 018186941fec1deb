"""On a schedule: remove mailboxes whose owners were deregistered or deleted 30 days ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import remove_mailboxes as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="remove_mailboxes")
settings = bootstrap.RemoveMailboxesSettings.read()  # once per execution environment, during init
expired_mailboxes = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Look at all owners once; see events/remove_mailboxes.json."""
    counts = expired_mailboxes.run(context.get_remaining_time_in_millis)
    logger.info("looked at mailboxes of deregistered and deleted owners", extra=counts)
    return counts
