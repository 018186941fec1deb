"""The event of query_availability and its answer: between our own functions, and the command line.

The event is a ``Question``, the answer ``{"results": […]}`` with one result per mailbox in the order of the question.
Members are named as in ``model.free_busy``; unknown ones are ignored, since caller and function may be of two versions.
Ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from pydantic import TypeAdapter, ValidationError

from postroom.errors import InvalidQuestionError, StoreUnavailableError
from postroom.model.free_busy import MAX_MAILBOXES, MAX_WINDOW_MS, MailboxAvailability, MailboxFailure, Question

MAX_ANSWER_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
"""Largest answer, in bytes of UTF-8 JSON. Source: Lambda's quotas: 6 MB for synchronous answers; 64 KB stay free."""

MAX_ADDRESS_CHARACTERS: Final = 320
"""Longest address of a question, in characters. Source: RFC 5321, 4.5.3.1: 64 and 255 octets with their ``@``."""


@dataclass(frozen=True, slots=True)
class _Answer:
    results: tuple[MailboxAvailability | MailboxFailure, ...]


@cache
def _questions() -> TypeAdapter[Question]:
    return TypeAdapter(Question)


@cache
def _answers() -> TypeAdapter[_Answer]:
    return TypeAdapter(_Answer)


def write_question(question: Question) -> bytes:
    """Return the event of a question as UTF-8 JSON."""
    return _questions().dump_json(question, exclude_none=True)


def read_question(document: object) -> Question:
    """Read an event, decoded from JSON, and check its limits.

    Raises:
        InvalidQuestionError: the event has another form, no mailbox or too many, or a window that is empty or too long.
    """
    try:
        question = _questions().validate_python(document)
    except ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
        raise InvalidQuestionError(f"the question is not of the documented form: {', '.join(places[:3])}") from error
    if not 1 <= len(question.mailboxes) <= MAX_MAILBOXES:
        raise InvalidQuestionError(f"a question has 1 to {MAX_MAILBOXES} mailboxes")
    if any(len(mailbox) > MAX_ADDRESS_CHARACTERS for mailbox in question.mailboxes):
        raise InvalidQuestionError(f"an address has at most {MAX_ADDRESS_CHARACTERS} characters")
    if not 0 < question.end_ms - question.start_ms <= MAX_WINDOW_MS:
        raise InvalidQuestionError(f"a window ends after it begins, by at most {MAX_WINDOW_MS} milliseconds")
    return question


def write_answer(results: tuple[MailboxAvailability | MailboxFailure, ...]) -> bytes:
    """Return an answer as UTF-8 JSON."""
    return _answers().dump_json(_Answer(results), exclude_none=True)


def read_answer(payload: bytes) -> tuple[MailboxAvailability | MailboxFailure, ...]:
    """Read an answer.

    Raises:
        StoreUnavailableError: the answer has another form, so the two functions are not of versions that fit; after an
            update a retry may succeed.
    """
    try:
        return _answers().validate_json(payload).results
    except ValidationError as error:
        raise StoreUnavailableError("query_availability answered in another form") from error
