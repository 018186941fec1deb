"""Every error this package raises on purpose; the class says whether a retry can help.

    PostroomError
    ├── TemporaryError                  a retry may succeed: back to the queue
    │   ├── StoreUnavailableError
    │   ├── ConflictError
    │   ├── EventLogRefusedError
    │   └── AuditRefusedError
    └── PermanentError                  a retry cannot succeed: answer the caller, or park the message
        ├── SettingsError
        ├── InvalidNotificationError
        ├── UnknownOrganizationError
        ├── UnknownEnvelopeError
        ├── MessageNotFoundError
        ├── MalformedMimeError
        ├── InvalidArchiveError
        ├── InvalidCalendarError
        ├── TooManyInstancesError
        ├── UnreadableMailError
        ├── RefusedByServiceError
        ├── UnwritableAddressError
        ├── UnreadableFactError
        ├── NewerFormError
        ├── UnreadableDigestError
        ├── UnwritableLinesError
        ├── UnreadableRulesError
        ├── InvalidPatternError
        ├── InvalidHostError
        ├── InvalidRangeError
        ├── InvalidRuleAnswerError
        ├── InvalidAvailabilityError
        ├── InvalidQuestionError
        ├── InvalidEwsAnswerError
        ├── UnknownMailboxError
        ├── NoFreeBusyAccessError
        ├── AccessDeniedError
        ├── MailboxFullError
        ├── ExportRefusedError
        ├── SubmissionRefusedError
        ├── UploadGoneError
        ├── PartsDifferError
        ├── TakenError
        └── KeyUnavailableError

Only adapters catch botocore; only entry points (functions, the command line) answer.
"""

from __future__ import annotations


class PostroomError(Exception):
    """Root of every error raised on purpose."""

    @property
    def cause(self) -> str:
        """One line for the record of a parked message: the class and its text, never content of a message."""
        said = " ".join(str(self).split())
        return f"{type(self).__name__}: {said}"[:500]


class TemporaryError(PostroomError):
    """A retry may succeed; the queue gives the message back."""


class StoreUnavailableError(TemporaryError):
    """A table, bucket, queue or key service did not answer, or throttled."""


class ConflictError(TemporaryError):
    """Another writer was faster, again and again; nothing was written."""


class EventLogRefusedError(TemporaryError):
    """An organization's log group, or the role for it, does not take what we write; its owner may mend that."""


class AuditRefusedError(TemporaryError):
    """A destination of audit records, or a policy of it, does not take what we write; its owner may mend that."""


class PermanentError(PostroomError):
    """A retry cannot succeed."""


class SettingsError(PermanentError):
    """Variables of a function are missing or malformed, so that it cannot start; the text names each, and no value."""


class InvalidNotificationError(PermanentError):
    """A notification of SES's, or of a sender in its place, that makes no sense."""


class UnknownOrganizationError(PermanentError):
    """No organization of ours has this domain."""


class UnknownEnvelopeError(PermanentError):
    """SES sent no notification of a stored message: its recipients are unknown."""


class MessageNotFoundError(PermanentError):
    """Nothing is stored under this key."""


class MalformedMimeError(PermanentError):
    """A message whose parts do not hold together; the text says where, and quotes nothing of its content."""


class InvalidArchiveError(PermanentError):
    """A file or directory of mail that is damaged, or made to do harm; the text says why, and quotes no content."""


class InvalidCalendarError(PermanentError):
    """Calendar data that cannot be read or is beyond a limit; the text says why, and quotes nothing of its content."""


class TooManyInstancesError(PermanentError):
    """A window holds more instances of one series than a limit."""


class UnreadableMailError(PermanentError):
    """A ciphertext that does not open: wrong mailbox, wrong organization, or damaged."""


class RefusedByServiceError(PermanentError):
    """An AWS service refuses a request and says why; the text is for the administrator who made it."""


class UnwritableAddressError(PermanentError):
    """SES cannot send to such an address."""


class UnreadableFactError(PermanentError):
    """A row of the ledger that is no fact."""


class NewerFormError(PermanentError, ValueError):
    """A row or an object whose form only a newer version of Postroom reads; it waits for that version.

    It is a ValueError as well, because readers of many rows leave out, and report, what they cannot read.
    """


class UnreadableDigestError(PermanentError):
    """Bytes in the place of a digest of audit records that are none."""


class UnwritableLinesError(PermanentError):
    """The event log finds fault with the lines themselves; one of them at least."""


class UnreadableRulesError(PermanentError):
    """The rule set that an organization's domains point at is gone or damaged.

    Its mail waits for a person: that is never a reason to do without rules.
    """


class InvalidPatternError(PermanentError):
    """A pattern of a mail flow rule that means no addresses; ``pattern`` is as given, ``why`` says what is wrong."""

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(f"{pattern!r} is no pattern: {why}")
        self.pattern, self.why = pattern, why


class InvalidHostError(PermanentError):
    """No host on the public internet; the text repeats what was given and says why."""


class InvalidRangeError(PermanentError):
    """A text that is no range of IPv4 addresses in CIDR notation; the text says why."""


class InvalidRuleAnswerError(PermanentError):
    """A rule's function answered something else than the documented form; the text never quotes the answer."""


class InvalidAvailabilityError(PermanentError):
    """A provider of free/busy information answered something else than the documented form; nothing is quoted."""


class InvalidQuestionError(PermanentError):
    """A question for free/busy information that is outside its limits; the text says which."""


class InvalidEwsAnswerError(PermanentError):
    """An answer of an EWS server that has another form than the schema's; the text never quotes the answer."""


class UnknownMailboxError(PermanentError):
    """No mailbox has this id."""


class NoFreeBusyAccessError(PermanentError):
    """A user may not see when the owner of a calendar is busy."""


class AccessDeniedError(PermanentError):
    """An organization's access control rules do not allow a request; the text says why, without names."""


class MailboxFullError(PermanentError):
    """A mailbox has no room for a change of its calendar."""


class ExportRefusedError(PermanentError):
    """The role, bucket or KMS key of a mailbox export does not take what is written; its owner may mend that."""


class SubmissionRefusedError(PermanentError):
    """A message is not accepted for sending; nothing of it was stored.

    Attributes:
        reason: a ``submission.submission.Refusal``.
    """

    def __init__(self, reason: str, text: str) -> None:
        """Keep the reason; ``text`` says more to the sender."""
        super().__init__(text)
        self.reason = reason


class UploadGoneError(PermanentError):
    """The multipart upload of an archive does not exist: it was completed or aborted."""


class PartsDifferError(PermanentError):
    """Parts of an upload are not those that were recorded: two attempts have written them."""


class TakenError(PermanentError):
    """A unique name, alias, address or token is in use; ``record`` is the one that could not be inserted."""

    def __init__(self, record: object) -> None:
        super().__init__(f"{type(record).__name__} exists")
        self.record = record


class KeyUnavailableError(PermanentError):
    """The organization's KMS key is disabled, pending deletion, or not ours to use."""
