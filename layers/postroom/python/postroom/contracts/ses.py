"""SES's notification of a received message (S3 action with an SNS topic).

Source: SES Developer Guide, "Contents of notifications for Amazon SES email receiving". Powertools' own model of it
rejects S3 actions and mail without To or Subject, so the contract is ours.

Only ``receipt.recipients`` is used for routing; ``mail.destination`` repeats MIME headers. Headers are read from the
stored object, because the notification cuts them at 10 KB.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import AwareDatetime, Field, ValidationError, field_validator

from postroom.contracts.base import Received
from postroom.errors import InvalidNotificationError
from postroom.model.verdicts import DmarcPolicy, Verdict, Verdicts

SETUP_OBJECT: Final = "AMAZON_SES_SETUP_NOTIFICATION"
"""Name of the object that SES writes when an S3 action is created; it is not a message."""


class VerdictStatus(Received):
    """``{"status": "PASS"}``; an unknown status counts as PROCESSING_FAILED."""

    status: Verdict = Verdict.PROCESSING_FAILED

    @field_validator("status", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        return value if isinstance(value, str) and value in set(Verdict) else Verdict.PROCESSING_FAILED


class S3Action(Received):
    """Location at which SES stored the message."""

    type: str
    bucket_name: str = Field(alias="bucketName", min_length=3)
    object_key: str = Field(alias="objectKey", min_length=1, max_length=1024)


class Receipt(Received):
    """The envelope recipients that matched the receipt rule, the verdicts, and the action."""

    recipients: tuple[str, ...] = Field(min_length=1)
    spam: VerdictStatus = Field(alias="spamVerdict", default_factory=VerdictStatus)
    virus: VerdictStatus = Field(alias="virusVerdict", default_factory=VerdictStatus)
    spf: VerdictStatus = Field(alias="spfVerdict", default_factory=VerdictStatus)
    dkim: VerdictStatus = Field(alias="dkimVerdict", default_factory=VerdictStatus)
    dmarc: VerdictStatus = Field(alias="dmarcVerdict", default_factory=VerdictStatus)
    dmarc_policy: DmarcPolicy | None = Field(alias="dmarcPolicy", default=None)
    action: S3Action

    @field_validator("dmarc_policy", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        """Return the policy in upper case, as in WorkMail's log (SES writes ``reject``); None if it is unknown."""
        policy = value.upper() if isinstance(value, str) else ""
        return policy if policy in set(DmarcPolicy) else None


class MessageName(Received):
    """SES's id of a message, which is also the name of its object."""

    message_id: str = Field(alias="messageId", pattern=r"^[A-Za-z0-9_.\-]{1,128}$")


class _Named(Received):
    mail: MessageName


class Mail(MessageName):
    """Data of the message itself; ``source`` is the envelope sender, empty for a null sender."""

    timestamp: AwareDatetime = Field(ge=datetime(2000, 1, 1, tzinfo=UTC))
    source: str = Field(default="", max_length=2048)

    @field_validator("source", mode="before")
    @classmethod
    def _null_sender(cls, value: object) -> object:
        return "" if value is None else value


class Notification(Received):
    """The notification of one received message."""

    notification_type: str = Field(alias="notificationType", pattern="^Received$")
    mail: Mail
    receipt: Receipt

    @property
    def verdicts(self) -> Verdicts:
        """The verdicts; the DMARC policy is set only if DMARC failed."""
        receipt = self.receipt
        failed = receipt.dmarc.status is Verdict.FAIL
        return Verdicts(
            spam=receipt.spam.status,
            virus=receipt.virus.status,
            spf=receipt.spf.status,
            dkim=receipt.dkim.status,
            dmarc=receipt.dmarc.status,
            dmarc_policy=(receipt.dmarc_policy or DmarcPolicy.NONE) if failed else None,
        )


def read_notification(body: str) -> Notification:
    """Read an SQS message's body: the notification itself (raw delivery), or SNS's envelope around it.

    Raises:
        InvalidNotificationError: the body is neither, or a member that routing needs is missing or invalid. The error
            names the members and never quotes their values.
    """
    try:
        return Notification.model_validate(_document(body))
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in item["loc"]) or "the document" for item in error.errors()})
        raise InvalidNotificationError(f"not an SES notification: {', '.join(places)}") from error


def message_id_of(body: str) -> str:
    """Return the message id of a notification, even if the rest of it is not valid.

    Raises:
        InvalidNotificationError: the body has no message id.
    """
    try:
        return _Named.model_validate(_document(body)).mail.message_id
    except ValidationError as error:
        raise InvalidNotificationError("not an SES notification: no message id") from error


def _document(body: str) -> object:
    """Return the JSON document in an SQS body, without SNS's envelope if it has one."""
    try:
        document: Any = json.loads(body)
        if isinstance(document, dict) and document.get("Type") == "Notification" and "notificationType" not in document:
            return json.loads(document["Message"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidNotificationError("not an SES notification: not JSON") from error
    return document
