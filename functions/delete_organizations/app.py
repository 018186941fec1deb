"""On a schedule: continue to delete organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import delete_organizations as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="delete_organizations")
settings = bootstrap.DeleteOrganizationsSettings.read()  # once per execution environment, during init
deletion = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Look at every organization once; see events/delete_organizations.json."""
    counts = deletion.run(context.get_remaining_time_in_millis)
    logger.info("looked at organizations that are being deleted", extra=counts)
    return counts
