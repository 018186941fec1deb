"""Every hour: list, chain and sign what was written to customers' buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import write_audit_digests as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="write_audit_digests")
settings = bootstrap.WriteAuditDigestsSettings.read()  # once per execution environment, during init
digests = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Write the digests that are due; see events/write_audit_digests.json."""
    counts = digests.run(context.get_remaining_time_in_millis)
    logger.info("wrote digests of audit records", extra=counts)
    return counts
