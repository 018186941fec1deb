"""Operations on the deliveries of audit records, with the fields of CloudWatch Logs' delivery API.

Amazon WorkMail has no such operations: there, the deliveries are CloudWatch Logs' own (PutDeliverySource,
PutDeliveryDestination, CreateDelivery). AWS need not accept a source for an organization that is not WorkMail's, so
Postroom has its own. Names and limits are those of botocore's logs/2014-03-28.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import LINE, LIST, Shape, every, listed, structure, text

SETTINGS: Final = {
    "LogType": "AuditLogType",
    "DeliveryDestinationType": "AuditLogDestinationType",
    "DestinationResourceArn": "AuditLogDestinationArn",
    "OutputFormat": "AuditLogOutputFormat",
    "RecordFields": "AuditLogRecordFields",
    "FieldDelimiter": "AuditLogFieldDelimiter",
    "S3DeliveryConfiguration": "AuditLogS3DeliveryConfiguration",
}

WHOLE: Final = {
    "DeliveryId": "AuditLogDeliveryId",
    **SETTINGS,
    "DateCreated": "Timestamp",
    "DateModified": "Timestamp",
}

ONE: Final = structure("OrganizationId DeliveryId", OrganizationId="OrganizationId", DeliveryId="AuditLogDeliveryId")

SHAPES: Final[dict[str, Shape]] = {
    "AuditLogDeliveryId": text(1, 64, "[0-9A-Za-z]+", "The identifier of a delivery."),
    "AuditLogType": {
        "type": "string",
        "enum": [
            "ACCESS_CONTROL_LOGS",
            "AUTHENTICATION_LOGS",
            "WORKMAIL_AVAILABILITY_PROVIDER_LOGS",
            "WORKMAIL_MAILBOX_ACCESS_LOGS",
            "WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS",
        ],
    },
    "AuditLogDestinationType": {"type": "string", "enum": ["CWL", "S3", "FH"]},
    "AuditLogDestinationArn": text(
        1,
        1600,
        f"{LINE}+",
        "The ARN of a log group, a Firehose stream, or a bucket with a prefix if objects have one, in the "
        "organization's own account and Region.",
    ),
    "AuditLogOutputFormat": {
        "type": "string",
        "enum": ["json", "plain", "w3c"],
        "documentation": "json without one. w3c is for buckets.",
    },
    "AuditLogRecordField": text(1, 64, f"{LINE}+", "A key of the log type's records."),
    "AuditLogRecordFields": listed(0, 128, "AuditLogRecordField"),
    "AuditLogFieldDelimiter": {
        "type": "string",
        "min": 0,
        "max": 5,
        "documentation": "Between two fields in plain and w3c: tabs, spaces, punctuation marks; a tab without one.",
    },
    "AuditLogSuffixPath": text(
        1,
        256,
        f"{LINE}+",
        "Follows AWSLogs/&lt;account&gt;/WorkMail/ in the keys of objects. It may hold {account-id}, {region}, "
        "{organization-id}, {log-type}, {yyyy}, {MM}, {dd} and {HH}.",
    ),
    "AuditLogS3DeliveryConfiguration": structure(
        "", SuffixPath="AuditLogSuffixPath", EnableHiveCompatiblePath="BooleanObject"
    ),
    "AuditLogDelivery": structure("", **WHOLE),
    "AuditLogDeliveryList": every("AuditLogDelivery"),
    "PutAuditLogDeliveryRequest": structure(
        "OrganizationId LogType DeliveryDestinationType DestinationResourceArn",
        OrganizationId="OrganizationId",
        **SETTINGS,
        ClientToken="IdempotencyClientToken",
    ),
    "PutAuditLogDeliveryResponse": structure("", DeliveryId="AuditLogDeliveryId"),
    "DescribeAuditLogDeliveryRequest": ONE,
    "DescribeAuditLogDeliveryResponse": structure("", **WHOLE),
    "DeleteAuditLogDeliveryRequest": ONE,
    "DeleteAuditLogDeliveryResponse": structure(""),
    "ListAuditLogDeliveriesRequest": LIST,
    "ListAuditLogDeliveriesResponse": structure("", Deliveries="AuditLogDeliveryList", NextToken="NextToken"),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "PutAuditLogDelivery": (
        "Delivers audit records of one log type to a destination, from about a minute later on. A delivery of the same "
        "log type to the same destination is replaced.",
        ("ResourceNotFoundException", "LimitExceededException"),
    ),
    "DescribeAuditLogDelivery": ("Returns one delivery of audit records.", ("ResourceNotFoundException",)),
    "DeleteAuditLogDelivery": ("Ends a delivery of audit records. One that does not exist is no error.", ()),
    "ListAuditLogDeliveries": ("Returns the organization's deliveries of audit records.", ()),
}

LISTS: Final = {"ListAuditLogDeliveries": "Deliveries"}
"""Operations that answer pages, with the member that holds the list."""
