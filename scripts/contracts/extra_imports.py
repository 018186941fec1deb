"""Jobs that import an archive from a bucket into a mailbox: the counterpart of Amazon WorkMail's export jobs.

Amazon WorkMail has no such operations. Names and limits are those of botocore's workmail/2017-10-01 for export jobs.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import LIST, Shape, every, structure

JOB: Final = {
    "EntityId": "WorkMailIdentifier",
    "Description": "Description",
    "S3BucketName": "S3BucketName",
    "S3Key": "S3ObjectKey",
    "EstimatedProgress": "Percentage",
    "ItemsEntered": "MailboxImportCount",
    "ItemsThereBefore": "MailboxImportCount",
    "ItemsSkipped": "MailboxImportCount",
    "State": "MailboxExportJobState",
    "StartTime": "Timestamp",
    "EndTime": "Timestamp",
}

ONE: Final = structure("OrganizationId JobId", OrganizationId="OrganizationId", JobId="MailboxExportJobId")

SHAPES: Final[dict[str, Shape]] = {
    "MailboxImportCount": {"type": "long", "documentation": "A number of items, as far as the archive was read."},
    "MailboxImportJob": structure("", JobId="MailboxExportJobId", **JOB),
    "MailboxImportJobList": every("MailboxImportJob"),
    "StartMailboxImportJobRequest": structure(
        "OrganizationId EntityId ClientToken RoleArn S3BucketName S3Key",
        OrganizationId="OrganizationId",
        EntityId="EntityIdentifier",
        ClientToken="IdempotencyClientToken",
        Description="Description",
        RoleArn="RoleArn",
        S3BucketName="S3BucketName",
        S3Key="S3ObjectKey",
    ),
    "StartMailboxImportJobResponse": structure("", JobId="MailboxExportJobId"),
    "CancelMailboxImportJobRequest": ONE,
    "CancelMailboxImportJobResponse": structure(""),
    "DescribeMailboxImportJobRequest": ONE,
    "DescribeMailboxImportJobResponse": structure("", RoleArn="RoleArn", ErrorInfo="MailboxExportErrorInfo", **JOB),
    "ListMailboxImportJobsRequest": LIST,
    "ListMailboxImportJobsResponse": structure("", Jobs="MailboxImportJobList", NextToken="NextToken"),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "StartMailboxImportJob": (
        "Imports a zip archive of messages and calendars from a bucket into a mailbox. What the mailbox has already of "
        "the same archive is left as it is.",
        ("EntityNotFoundException", "LimitExceededException"),
    ),
    "CancelMailboxImportJob": (
        "Cancels a running import. What has entered the mailbox stays there.",
        ("EntityNotFoundException",),
    ),
    "DescribeMailboxImportJob": ("Describes one import.", ("EntityNotFoundException",)),
    "ListMailboxImportJobs": ("Returns the organization's imports of the last seven days.", ()),
}

LISTS: Final = {"ListMailboxImportJobs": "Jobs"}
"""Operations that answer pages, with the member that holds the list."""
