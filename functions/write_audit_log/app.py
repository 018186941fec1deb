"""Write audit records to the destinations of their organization's deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import write_audit_log as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="write_audit_log")
settings = bootstrap.WriteAuditLogSettings.read()  # once per execution environment, during init
write_audit_log = bootstrap.build(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write one SQS batch, of new records or of retries; see events/write_audit_log.json."""
    outcome = write_audit_log.accept(bootstrap.retried_messages(event), context.get_remaining_time_in_millis)
    logger.info("written", extra=outcome.summary)
    return bootstrap.failures(outcome.failed)
