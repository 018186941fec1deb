"""The events of submit: the one place that has keys of mailboxes and that a client can ask for a submission."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from postroom.contracts.audit_log import MailboxAction, ObjectType, Protocol, Request, mailbox_access
from postroom.contracts.message_flow import InvalidContentLocation, MessageRejected, S3Reference
from postroom.contracts.submission import STAGED, accepted, read_event, refused, unavailable
from postroom.errors import InvalidQuestionError, PostroomError, SubmissionRefusedError, TemporaryError
from postroom.model.facts import submission_trace
from postroom.model.limits import MAX_STORED_BYTES
from postroom.submission.submission import Protocols, Refusal, Submission, Submitted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.contracts.audit_log import AuditRecord
    from postroom.contracts.stored import RawLocation
    from postroom.contracts.submission import SubmissionEvent
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.customer_objects import CustomerObjects
    from postroom.ports.raw_mail import RawMail
    from postroom.submission.submission import Submits


@dataclass(frozen=True, slots=True)
class Reported:
    """The answer to an event, and what the function's log says of it: no address and nothing of the message."""

    document: dict[str, Any]
    log: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmissionStation:
    """Implements ``ObjectSubmits``, and answers events. ``accept`` raises no PostroomError: each is an answer.

    Attributes:
        bucket: where clients stage messages.
        organization_arns: what every organization's ARN begins with.
        now: returns milliseconds since the epoch.
    """

    submits: Submits
    raw: RawMail
    objects: CustomerObjects
    trail: AuditTrail
    bucket: str
    organization_arns: str
    now: Callable[[], int]

    def accept(self, event: Mapping[str, Any]) -> Reported:
        """Answer one event; see ``contracts.submission``."""
        said: dict[str, Any] = {}
        try:
            asked = read_event(event)
            said = {"organization_id": asked.organization_id, "user_id": asked.user_id, "protocol": asked.protocol}
            done = self._submit(asked)
        except InvalidQuestionError as error:
            return Reported(refused(SubmissionRefusedError(Refusal.MALFORMED, str(error))), {"refused": str(error)})
        except SubmissionRefusedError as error:
            return self._refused(asked, error, said)
        except PostroomError as error:
            return Reported(unavailable(error.cause), {**said, "unavailable": error.cause})
        return Reported(accepted(done.trace, done.message_id), {**said, "trace": done.trace})

    def _refused(self, asked: SubmissionEvent, error: SubmissionRefusedError, said: Mapping[str, Any]) -> Reported:
        """Answer a refusal; one for want of a permission is recorded first."""
        if error.reason == Refusal.NOT_ALLOWED:
            try:
                self.trail.record([self._denied(asked)])
            except TemporaryError as trouble:
                return Reported(unavailable(trouble.cause), {**said, "unavailable": trouble.cause})
        return Reported(refused(error), {**said, "refused": str(error.reason)})

    def _denied(self, asked: SubmissionEvent) -> AuditRecord:
        request = Request(
            id=submission_trace(asked.organization_id, asked.user_id, asked.token),
            organization_id=asked.organization_id,
            organization_arn=self.organization_arns + asked.organization_id,
            at_ms=self.now(),
            protocol=Protocol.OUTGOING_EMAIL,
            source_ip=asked.source_ip,
            user_agent=asked.user_agent,
            user_id=asked.user_id,
        )
        action = MailboxAction.SUBMIT_EMAIL_FOR_SENDING
        return mailbox_access(request, action, owner_id=asked.user_id, object_type=ObjectType.MESSAGE, allowed=False)

    def submit(self, submission: Submission) -> Submitted:
        """See ``Submits``."""
        return self.submits.submit(submission)

    def submit_object(self, submission: Submission, reference: S3Reference) -> Submitted:
        """See ``ObjectSubmits``."""
        try:
            content = self.objects.read(reference, submission.organization_id, limit_bytes=MAX_STORED_BYTES)
        except InvalidContentLocation as error:
            raise SubmissionRefusedError(Refusal.INVALID_LOCATION, str(error)) from error
        except MessageRejected as error:
            raise SubmissionRefusedError(Refusal.TOO_LARGE, str(error)) from error
        return self.submits.submit(replace(submission, content=content))

    def _submit(self, asked: SubmissionEvent) -> Submitted:
        submission = Submission(
            organization_id=asked.organization_id,
            user_id=asked.user_id,
            content=b"",
            token=asked.token,
            protocol=Protocols(asked.protocol) if asked.protocol in set(Protocols) else Protocols.API,
            recipients=asked.recipients,
            send_as=asked.send_as,
            on_behalf_of=asked.on_behalf_of,
            source_ip=asked.source_ip,
            user_agent=asked.user_agent,
        )
        if asked.s3 is not None:
            reference = S3Reference(asked.s3.bucket, asked.s3.key, asked.s3.object_version or None)
            return self.submit_object(submission, reference)
        content = asked.decoded if asked.staged is None else self._staged(asked.staged)
        return self.submit(replace(submission, content=content))

    def _staged(self, location: RawLocation) -> bytes:
        """Return a message that a client has staged.

        Raises:
            InvalidQuestionError: it is another object: the function may read more than those who invoke it.
        """
        if location.bucket != self.bucket or not location.key.startswith(STAGED):
            raise InvalidQuestionError(f"a staged message is in the stack's bucket, under {STAGED}")
        return self.raw.read(location)
