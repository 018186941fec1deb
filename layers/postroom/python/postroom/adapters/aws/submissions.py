"""Submissions, made by the function submit through Lambda's API."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.rule_functions import LambdaRuleFunctions
from postroom.contracts.submission import (
    MAX_INLINE_BYTES,
    STAGED,
    ObjectLocation,
    SubmissionEvent,
    read_answer,
    write_event,
)
from postroom.errors import StoreUnavailableError, SubmissionRefusedError
from postroom.model.limits import MB
from postroom.submission.submission import Refusal, Submitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

    from postroom.contracts.message_flow import S3Reference
    from postroom.ports.raw_mail import RawMail
    from postroom.submission.submission import Submission


@dataclass(frozen=True, slots=True)
class Staging:
    """Where messages are kept for an event; ``new_id`` returns text that no other message has."""

    raw: RawMail
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class LambdaSubmits:
    """Implements ``ObjectSubmits``.

    Attributes:
        client: must not retry; a submission that is repeated with its token is the same one, but it takes time.
        function: name or ARN of submit.
        staging: keeps messages that are too large for an event; ``None``: they are refused.
    """

    client: LambdaClient
    function: str
    staging: Staging | None = None

    def submit(self, submission: Submission) -> Submitted:
        if len(submission.content) <= MAX_INLINE_BYTES:
            content = base64.b64encode(submission.content).decode("ascii")
            return self._invoke(_event(submission).model_copy(update={"content": content}))
        if self.staging is None:
            raise SubmissionRefusedError(
                Refusal.TOO_LARGE, f"message larger than {MAX_INLINE_BYTES // MB} MB in a call"
            )
        staged = self.staging.raw.keep(f"{STAGED}{self.staging.new_id()}", submission.content)
        return self._invoke(_event(submission).model_copy(update={"staged": staged}))

    def submit_object(self, submission: Submission, reference: S3Reference) -> Submitted:
        place = ObjectLocation(bucket=reference.bucket, key=reference.key, object_version=reference.version or "")
        return self._invoke(_event(submission).model_copy(update={"s3": place}))

    def _invoke(self, event: SubmissionEvent) -> Submitted:
        done = LambdaRuleFunctions(self.client).call(self.function, write_event(event))
        if done.payload is None:
            # the text may repeat the event, which has the message
            raise StoreUnavailableError(f"submit did not answer: {done.failure}")
        return Submitted(*read_answer(done.payload))


def _event(submission: Submission) -> SubmissionEvent:
    return SubmissionEvent(
        organization_id=submission.organization_id,
        user_id=submission.user_id,
        token=submission.token,
        protocol=submission.protocol.value,
        recipients=submission.recipients,
        send_as=submission.send_as,
        on_behalf_of=submission.on_behalf_of,
        source_ip=submission.source_ip,
        user_agent=submission.user_agent,
    )
