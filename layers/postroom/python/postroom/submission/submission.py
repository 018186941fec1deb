"""A message that a user wants to send, and what becomes of the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.message_flow import S3Reference


class Protocols(StrEnum):
    """The protocol of a submission, as audit records name it; the API's name is ours."""

    API = "API"
    SMTP = "SMTP"
    EWS = "EWS"


class Refusal(StrEnum):
    """Why a submission is refused; nothing of it was sent or stored."""

    NOT_ENABLED = "NOT_ENABLED"  # the user cannot send: unknown, disabled, or without a mailbox
    NOT_ALLOWED = "NOT_ALLOWED"  # neither SEND_AS nor SEND_ON_BEHALF, or an access rule denies it
    NO_RECIPIENTS = "NO_RECIPIENTS"
    INVALID_RECIPIENT = "INVALID_RECIPIENT"
    TOO_MANY_RECIPIENTS = "TOO_MANY_RECIPIENTS"
    TOO_MANY_ATTACHMENTS = "TOO_MANY_ATTACHMENTS"
    TOO_LARGE = "TOO_LARGE"
    MALFORMED = "MALFORMED"  # no header fields, or fields that mail clients would read differently
    LOOP = "LOOP"  # more hops than MAX_HOPS
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"  # recipients outside the organization, of the user or the account in a day
    INVALID_LOCATION = "INVALID_LOCATION"  # the object of the message cannot be read
    MAILBOX_FULL = "MAILBOX_FULL"  # there is no room for the copy in Sent Items


@dataclass(frozen=True, slots=True)
class Submission:
    """One message of one user.

    Attributes:
        user_id: the acting user, as authenticated.
        content: the message, RFC 5322.
        recipients: envelope recipients; empty: those of To, Cc and Bcc.
        send_as: address of the user, group or resource that From names, if it is not the acting user's own.
        on_behalf_of: the same, with the acting user in Sender.
        token: names the submission: the same token of the same user is the same submission. 1 to 128 characters.
        source_ip, user_agent: of the client; empty if unknown.
    """

    organization_id: str
    user_id: str
    content: bytes = field(repr=False)
    token: str
    protocol: Protocols
    recipients: tuple[str, ...] = ()
    send_as: str = ""
    on_behalf_of: str = ""
    source_ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission that was accepted: its flow's trace, and its Message-ID with angle brackets."""

    trace: str
    message_id: str


class Submits(Protocol):
    """Accepts submissions."""

    def submit(self, submission: Submission) -> Submitted:
        """Accept a message: from then on each of its recipients ends with a fact.

        Raises:
            SubmissionRefusedError: nothing was sent or stored.
            StoreUnavailableError, ConflictError: the same submission, with its token, may be tried again.
        """


class ObjectSubmits(Submits, Protocol):
    """Accepts submissions whose messages are objects in buckets of customers, too."""

    def submit_object(self, submission: Submission, reference: S3Reference) -> Submitted:
        """Accept a message that is an object.

        Args:
            submission: without content.
            reference: the object; its bucket must be meant for messages of the organization, as for
                PutRawMessageContent.

        Raises:
            SubmissionRefusedError, StoreUnavailableError, ConflictError: as for ``submit``.
        """
