"""Which operations of EWS change mailboxes, as audit records name it. The others only read.

An operation that is in neither table counts as one that changes. Source: Microsoft's EWS reference, operations of
Exchange 2010 SP2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.audit_log import MailboxAction, ObjectType

if TYPE_CHECKING:
    from collections.abc import Mapping

READING: Final = frozenset(
    {
        "ConvertId",
        "ExpandDL",
        "ExportItems",
        "FindConversation",
        "FindFolder",
        "FindItem",
        "FindMailboxStatisticsByKeywords",
        "FindMessageTrackingReport",
        "GetAttachment",
        "GetDelegate",
        "GetEvents",
        "GetFolder",
        "GetInboxRules",
        "GetItem",
        "GetMailTips",
        "GetMessageTrackingReport",
        "GetPasswordExpirationDate",
        "GetRoomLists",
        "GetRooms",
        "GetServerTimeZones",
        "GetServiceConfiguration",
        "GetSharingFolder",
        "GetSharingMetadata",
        "GetStreamingEvents",
        "GetUserAvailability",
        "GetUserConfiguration",
        "GetUserOofSettings",
        "ResolveNames",
        "Subscribe",
        "SyncFolderHierarchy",
        "SyncFolderItems",
        "Unsubscribe",
    }
)
"""Operations that leave mailboxes as they are. Subscriptions are not part of a mailbox."""

CHANGING: Final[Mapping[str, tuple[MailboxAction, ObjectType]]] = {
    "AddDelegate": (MailboxAction.UPDATE_PERMISSIONS, ObjectType.FOLDER),
    "ApplyConversationAction": (MailboxAction.UPDATE, ObjectType.MESSAGE),
    "CopyFolder": (MailboxAction.COPY, ObjectType.FOLDER),
    "CopyItem": (MailboxAction.COPY, ObjectType.MESSAGE),
    "CreateAttachment": (MailboxAction.CREATE, ObjectType.ATTACHMENT),
    "CreateFolder": (MailboxAction.CREATE, ObjectType.FOLDER),
    "CreateItem": (MailboxAction.CREATE, ObjectType.MESSAGE),
    "CreateManagedFolder": (MailboxAction.CREATE, ObjectType.FOLDER),
    "CreateUserConfiguration": (MailboxAction.CREATE, ObjectType.MESSAGE),
    "DeleteAttachment": (MailboxAction.DELETE, ObjectType.ATTACHMENT),
    "DeleteFolder": (MailboxAction.DELETE, ObjectType.FOLDER),
    "DeleteItem": (MailboxAction.DELETE, ObjectType.MESSAGE),
    "DeleteUserConfiguration": (MailboxAction.DELETE, ObjectType.MESSAGE),
    "EmptyFolder": (MailboxAction.DELETE, ObjectType.FOLDER),
    "MoveFolder": (MailboxAction.MOVE, ObjectType.FOLDER),
    "MoveItem": (MailboxAction.MOVE, ObjectType.MESSAGE),
    "RefreshSharingFolder": (MailboxAction.UPDATE, ObjectType.FOLDER),
    "RemoveDelegate": (MailboxAction.UPDATE_PERMISSIONS, ObjectType.FOLDER),
    "SendItem": (MailboxAction.SUBMIT_EMAIL_FOR_SENDING, ObjectType.MESSAGE),
    "SetUserOofSettings": (MailboxAction.UPDATE, ObjectType.FOLDER),
    "UpdateDelegate": (MailboxAction.UPDATE_PERMISSIONS, ObjectType.FOLDER),
    "UpdateFolder": (MailboxAction.UPDATE, ObjectType.FOLDER),
    "UpdateInboxRules": (MailboxAction.UPDATE, ObjectType.FOLDER),
    "UpdateItem": (MailboxAction.UPDATE, ObjectType.MESSAGE),
    "UpdateUserConfiguration": (MailboxAction.UPDATE, ObjectType.MESSAGE),
    "UploadItems": (MailboxAction.CREATE, ObjectType.MESSAGE),
}
"""What the others do to which kind of object."""


def changes(operation: str) -> bool:
    """Say whether an operation changes mailboxes; its name may be that of the request's element."""
    return name_of(operation) not in READING


def name_of(operation: str) -> str:
    """Return the name of an operation; elements of some requests have ``Request`` after it."""
    return operation.removesuffix("Request")
