"""What the command line knows of a stack: its outputs, as CloudFormation tells them, and the settings that they are.

Nothing else is asked for: no configuration of a function, and no name that CloudFormation has made. So one call and one
right, cloudformation:DescribeStacks, find any stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: Final[Mapping[str, str]] = {
    "DIRECTORY_TABLE": "DirectoryTableName",
    "LEDGER_TABLE": "LedgerTableName",
    "TRANSIT_TABLE": "TransitTableName",
    "MAILBOX_TABLE": "MailboxTableName",
    "INBOUND_BUCKET": "InboundBucketName",
    "MAIL_BUCKET": "MailBucketName",
    "AUDIT_SIGNING_KEY_ARN": "AuditSigningKeyArn",
    "INGEST_QUEUE_URL": "IngestQueueUrl",
    "RUN_SYNC_RULE_QUEUE_URL": "RunSyncRuleQueueUrl",
    "RUN_ASYNC_RULE_QUEUE_URL": "RunAsyncRuleQueueUrl",
    "DELIVER_QUEUE_URL": "DeliverQueueUrl",
    "UPDATE_CALENDAR_QUEUE_URL": "UpdateCalendarQueueUrl",
    "BOUNCE_QUEUE_URL": "BounceQueueUrl",
    "ACCEPT_OUTBOUND_QUEUE_URL": "AcceptOutboundQueueUrl",
    "TRANSMIT_QUEUE_URL": "TransmitQueueUrl",
    "PLAN_EXPORT_QUEUE_URL": "PlanExportQueueUrl",
    "PACK_EXPORT_QUEUE_URL": "PackExportQueueUrl",
    "SEAL_EXPORT_QUEUE_URL": "SealExportQueueUrl",
    "IMPORT_MAILBOX_QUEUE_URL": "ImportMailboxQueueUrl",
    "FEEDBACK_QUEUE_URL": "FeedbackQueueUrl",
    "RETRY_EVENTS_QUEUE_URL": "RetryEventsQueueUrl",
    "AUDIT_QUEUE_URL": "AuditQueueUrl",
    "RETRY_AUDIT_QUEUE_URL": "RetryAuditQueueUrl",
    "TRANSMIT_RETRY_SECONDS": "TransmitRetrySeconds",
}
"""By setting of the operator's tools: the output that it is."""

LOCAL_SETTINGS: Final[Mapping[str, str]] = {"POSTROOM_SPEED": "Speed"}
"""Settings that only a local stack has, as outputs that are not in template.yaml."""

API_URL: Final = "WorkMailEndpointUrl"
"""The output with the URL of the admin API."""


def settings_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that outputs are; what an older stack does not have is left out."""
    known = {**SETTINGS, **LOCAL_SETTINGS}
    return {setting: outputs[output] for setting, output in known.items() if output in outputs}


def functions_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the stack's functions by logical id."""
    end = function_output("Function")
    return {output.removesuffix("Name"): name for output, name in outputs.items() if output.endswith(end)}


def function_output(logical_id: str) -> str:
    """Return the output with the name of a function: ``IngestFunctionName`` for IngestFunction."""
    return f"{logical_id}Name"


def logical_id(folder: str) -> str:
    """Return the logical id of the function whose code is in a folder: ``admin_api``, AdminApiFunction."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"
