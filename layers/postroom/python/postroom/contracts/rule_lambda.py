"""The event for a rule's Lambda function, and the function's answer.

Source: guide, "Lambda event data" and "Synchronous Run Lambda response schema" (ZH:3990-4210). Answers are read
leniently where the rule functions that AWS published need it.
``schemas/rule-lambda-*.schema.json`` are generated from these models.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, FailFast, Field, ValidationError, WithJsonSchema

from postroom.contracts.base import Received, Sent
from postroom.errors import InvalidRuleAnswerError
from postroom.model.limits import MAX_EVENT_SUBJECT_CHARACTERS
from postroom.model.rules import ActionType, Direction

MAX_EVENT_BYTES: Final = 128 * 1024
"""Largest event, in bytes of UTF-8 JSON; a larger one is sent without some recipients. Source: guide, ZH:4069."""

MAX_ANSWER_BYTES: Final = 256 * 1024
"""Largest answer, in bytes of UTF-8 JSON. Source: guide, ZH:4149."""

MAX_ACTIONS: Final = 10
"""Most unique actions of an answer; recipients of further ones get the rule's fallback. Source: guide, ZH:4150."""

MAX_BOUNCE_MESSAGE_CHARACTERS: Final = 4096
"""Longest text for the sender, in characters; a longer one is cut. Ours."""

ANSWERS: Final = {
    Direction.INBOUND: frozenset(
        {
            ActionType.BOUNCE,
            ActionType.DROP,
            ActionType.DEFAULT,
            ActionType.BYPASS_SPAM_CHECK,
            ActionType.MOVE_TO_JUNK,
        }
    ),
    Direction.OUTBOUND: frozenset({ActionType.BOUNCE, ActionType.DROP, ActionType.DEFAULT}),
}
"""Actions that an answer may have. Source: guide, ZH:4108-4110."""


class AnsweredAction(StrEnum):
    """The action types of answers of both directions."""

    BOUNCE = "BOUNCE"
    DROP = "DROP"
    DEFAULT = "DEFAULT"
    BYPASS_SPAM_CHECK = "BYPASS_SPAM_CHECK"
    MOVE_TO_JUNK = "MOVE_TO_JUNK"


class EventAddress(Sent):
    """``{"address": …}``."""

    address: str


class EventEnvelope(Sent):
    """The author (From header, not the envelope sender), and the recipients for which the rule was chosen."""

    mail_from: EventAddress = Field(alias="mailFrom")
    recipients: tuple[EventAddress, ...]


class RuleEvent(Sent):
    """The event. ``sender`` is present only if the message was sent on behalf of ``mailFrom``."""

    summary_version: Literal["2018-10-10"] = Field(alias="summaryVersion", default="2018-10-10")
    envelope: EventEnvelope
    sender: EventAddress | None = None
    subject: str = Field(max_length=MAX_EVENT_SUBJECT_CHARACTERS)
    message_id: str = Field(alias="messageId", pattern=r"^[a-z0-9\-]{1,120}$")
    invocation_id: str = Field(alias="invocationId")
    flow_direction: Direction = Field(alias="flowDirection")
    truncated: bool = False

    def encode(self) -> bytes:
        """Return the event as UTF-8 JSON of at most ``MAX_EVENT_BYTES``.

        It names the first recipients, as many as fit; ``truncated`` says that some are missing.
        """
        whole = self._json(self.envelope.recipients, truncated=False)
        if len(whole) <= MAX_EVENT_BYTES:
            return whole
        recipients, room = [], MAX_EVENT_BYTES - len(self._json((), truncated=True))
        for recipient in self.envelope.recipients:
            room -= len(json.dumps({"address": recipient.address}, separators=(",", ":")).encode()) + 1
            if room < 0:
                break
            recipients.append(recipient)
        return self._json(tuple(recipients), truncated=True)

    def _json(self, recipients: tuple[EventAddress, ...], *, truncated: bool) -> bytes:
        envelope = self.envelope.model_copy(update={"recipients": recipients})
        event = self.model_copy(update={"envelope": envelope, "truncated": truncated})
        # json.dumps writes ASCII, so that a lone surrogate in a subject does not stop the message
        return json.dumps(
            event.model_dump(mode="python", by_alias=True, exclude_none=True), separators=(",", ":")
        ).encode()


def _flag(value: object) -> object:
    """Return the boolean of strings that published functions send for one."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return value


def _nothing(value: object) -> object:
    """Return an empty tuple for ``null``."""
    return () if value is None else value


Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    Field(strict=True),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"}]}
    ),
]
Names = Annotated[
    tuple[Annotated[str, Field(strict=True)], ...],
    FailFast(),
    BeforeValidator(_nothing),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
]


class ActionParameters(Received):
    """Parameters of an action; only a bounce has one, the text for the sender."""

    bounce_message: Annotated[str, Field(strict=True)] | None = Field(alias="bounceMessage", default=None)


class AnswerAction(Received):
    """An action with its parameters."""

    type: AnsweredAction
    parameters: ActionParameters | None = None


class ActionEntry(Received):
    """An action for the named recipients, for all recipients that no entry names, or for both."""

    action: AnswerAction
    recipients: Names = ()
    all_recipients: Flag | None = Field(alias="allRecipients", default=None)


class RuleAnswer(Received):
    """The answer of a synchronous rule function."""

    actions: Annotated[tuple[ActionEntry, ...], FailFast()]


def read_answer(payload: bytes, direction: Direction) -> RuleAnswer:
    """Read the answer of a function.

    Raises:
        InvalidRuleAnswerError: the answer is too large, not JSON (NaN and invalid UTF-8 are not JSON), not of the
            documented form, or has an action that the direction does not have. The error never quotes the answer.
    """
    if len(payload) > MAX_ANSWER_BYTES:
        raise InvalidRuleAnswerError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    try:
        document: Any = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRuleAnswerError("the answer is not JSON") from error
    try:
        answer = RuleAnswer.model_validate(document)
    except ValidationError as error:
        places = sorted({_place(item["loc"]) for item in error.errors(include_input=False)})
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        raise InvalidRuleAnswerError(
            f"the answer is not of the documented form: {', '.join(places[:3])}{more}"
        ) from error
    if unknown := {entry.action.type for entry in answer.actions} - {*ANSWERS[direction]}:
        names = ", ".join(sorted(unknown))
        raise InvalidRuleAnswerError(f"{direction.lower()} mail has no action {names}")
    return answer


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _place(location: tuple[int | str, ...]) -> str:
    """Return a place in the answer by documented keys and positions; keys of the function's own are not repeated."""
    return ".".join(str(part) for part in location) or "the document"
