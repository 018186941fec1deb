"""The events of the function submit and its answers: between our own functions, and the command line. Ours.

The event is a ``SubmissionEvent``. Its answer is ``{"trace": …, "message_id": …}`` for a submission that is accepted,
``{"refusal": {"reason": …, "text": …}}`` for one that is not, and ``{"unavailable": …}`` where the same event may be
answered otherwise later. Unknown members are ignored, since caller and function may be of two versions.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, ValidationError

from postroom.contracts.base import Received
from postroom.contracts.stored import RawLocation
from postroom.errors import InvalidQuestionError, StoreUnavailableError, SubmissionRefusedError
from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INLINE_BYTES: Final = 4 * MB
"""Largest message within an event, in bytes: base64 makes 5.4 MB of it. Source: Lambda's quota of 6 MB."""

STAGED: Final = "transit/staged/"
"""Where a caller puts a larger message; S3 removes it after a day."""


class ObjectLocation(Received):
    """An object of a customer."""

    bucket: str
    key: str
    object_version: str = ""


class SubmissionEvent(Received):
    """A submission; the message is in exactly one of ``content``, ``staged`` and ``s3``."""

    organization_id: str
    user_id: str
    token: str = Field(min_length=1, max_length=160)
    protocol: str
    recipients: tuple[str, ...] = ()
    send_as: str = ""
    on_behalf_of: str = ""
    source_ip: str = ""
    user_agent: str = ""
    content: str = Field(default="", repr=False)
    """The message in base64."""
    staged: RawLocation | None = None
    s3: ObjectLocation | None = None

    @property
    def decoded(self) -> bytes:
        """The message of ``content``.

        Raises:
            InvalidQuestionError: it is no base64.
        """
        try:
            return base64.b64decode(self.content, validate=True)
        except ValueError:
            raise InvalidQuestionError("the message is not in base64") from None


class _Refusal(Received):
    reason: str
    text: str


class _Answer(Received):
    trace: str = ""
    message_id: str = ""
    refusal: _Refusal | None = None
    unavailable: str = ""


def write_event(event: SubmissionEvent) -> bytes:
    """Return an event as UTF-8 JSON."""
    return event.model_dump_json(exclude_defaults=True).encode()


def read_event(document: Mapping[str, Any]) -> SubmissionEvent:
    """Read an event, decoded from JSON.

    Raises:
        InvalidQuestionError: it has another form; nothing of it is quoted.
    """
    try:
        event = SubmissionEvent.model_validate(document)
    except ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
        raise InvalidQuestionError(f"the event is not of the documented form: {', '.join(places[:3])}") from None
    if sum(bool(each) for each in (event.content, event.staged, event.s3)) != 1:
        raise InvalidQuestionError("the message is in exactly one of content, staged and s3")
    return event


def accepted(trace: str, message_id: str) -> dict[str, Any]:
    """Return the answer to a submission that is accepted."""
    return {"trace": trace, "message_id": message_id}


def refused(error: SubmissionRefusedError) -> dict[str, Any]:
    """Return the answer to a submission that is refused."""
    return {"refusal": {"reason": str(error.reason), "text": str(error)}}


def unavailable(cause: str) -> dict[str, Any]:
    """Return the answer where another attempt may succeed."""
    return {"unavailable": cause}


def read_answer(payload: bytes) -> tuple[str, str]:
    """Return trace and Message-ID of an answer.

    Raises:
        SubmissionRefusedError: the submission is refused; the reason may be one that only a newer version knows.
        StoreUnavailableError: it may be accepted later; or the answer has another form, so that the two functions are
            not of versions that fit.
    """
    try:
        answer = _Answer.model_validate_json(payload)
    except ValidationError as error:
        raise StoreUnavailableError("submit answered in another form") from error
    if answer.refusal is not None:
        raise SubmissionRefusedError(answer.refusal.reason, answer.refusal.text)
    if not answer.trace:
        raise StoreUnavailableError(answer.unavailable or "submit answered in another form")
    return answer.trace, answer.message_id
