"""The events of query_availability and its answers: between our own functions, and the command line. Ours.

The event is a ``Question``, the answer ``{"results": […]}`` with one result per mailbox in the order of the question,
or ``{"invalid": "…"}`` for a question outside its limits. Members are named as in ``model.free_busy``; unknown ones are
ignored, since caller and function may be of two versions.

The other event is ``{"test": {…}}`` with a ``ProviderTest``, its answer ``{"failure": "…"}``, empty for a passed test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from postroom.errors import InvalidQuestionError, StoreUnavailableError
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS
from postroom.model.availability import EwsProvider, LambdaProvider  # noqa: TC001 - pydantic reads annotations
from postroom.model.free_busy import MAX_MAILBOXES, MAX_WINDOW_MS, MailboxAvailability, MailboxFailure, Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ProviderTest:
    """A provider to be tested: one that is configured for a domain, or one that may be configured.

    Attributes:
        domain: of the configuration; empty if there is none yet.
        provider: as configured, or as it may be.
        password: of an EWS provider that is not configured; else the function reads it.
    """

    organization_id: str
    domain: str
    provider: LambdaProvider | EwsProvider
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    results: tuple[MailboxAvailability | MailboxFailure, ...] | None = None
    invalid: str = ""


@cache
def _questions() -> TypeAdapter[Question]:
    return TypeAdapter(Question)


@dataclass(frozen=True, slots=True)
class _Failure:
    failure: str


@cache
def _results() -> TypeAdapter[MailboxAvailability | MailboxFailure]:
    return TypeAdapter(MailboxAvailability | MailboxFailure)


@cache
def _tests() -> TypeAdapter[ProviderTest]:
    return TypeAdapter(ProviderTest)


@cache
def _failures() -> TypeAdapter[_Failure]:
    return TypeAdapter(_Failure)


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


def result_document(result: MailboxAvailability | MailboxFailure) -> dict[str, Any]:
    """Return one result of an answer, ready to be written as JSON."""
    document: dict[str, Any] = _results().dump_python(result, mode="json", exclude_none=True)
    return document


def answer_document(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an answer with the documents of its results, ready to be written as JSON."""
    return {"results": documents}


def read_answer(payload: bytes) -> tuple[MailboxAvailability | MailboxFailure, ...]:
    """Read an answer.

    Raises:
        InvalidQuestionError: the question was outside its limits.
        StoreUnavailableError: the answer has another form, so the two functions are not of versions that fit; after an
            update a retry may succeed.
    """
    try:
        answer = _answers().validate_json(payload)
    except ValidationError as error:
        raise StoreUnavailableError("query_availability answered in another form") from error
    if answer.invalid:
        raise InvalidQuestionError(answer.invalid)
    if answer.results is None:
        raise StoreUnavailableError("query_availability answered in another form")
    return answer.results


def is_test(document: object) -> bool:
    """Say whether an event, decoded from JSON, is a test of a provider."""
    return isinstance(document, dict) and "test" in document


def write_test(test: ProviderTest) -> bytes:
    """Return the event of a test as UTF-8 JSON. It may hold a password."""
    return b'{"test":' + _tests().dump_json(test, exclude_none=True) + b"}"


def read_test(document: Mapping[str, Any]) -> ProviderTest:
    """Read the event of a test, decoded from JSON.

    Raises:
        InvalidQuestionError: the event has another form; nothing of it is quoted, since it may hold a password.
    """
    try:
        return _tests().validate_python(document["test"])
    except ValidationError:
        raise InvalidQuestionError("the test is not of the documented form") from None


def read_failure(payload: bytes) -> str:
    """Read the answer to a test: why it failed; empty if it passed.

    Raises:
        StoreUnavailableError: the answer has another form.
    """
    try:
        return _failures().validate_json(payload).failure
    except ValidationError as error:
        raise StoreUnavailableError("query_availability answered in another form") from error
