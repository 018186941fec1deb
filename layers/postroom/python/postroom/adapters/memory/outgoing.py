"""SES in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.transmissions import Outgoing


@dataclass(slots=True)
class MemorySesSender:
    """Implements ``SesSender``.

    Attributes:
        answers: by recipient, one for each attempt; once they are used up, or without any, a recipient is accepted.
        tried: every message, with the recipients that were tried.
        sent: recipient and content of what was accepted, or may have been.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    tried: list[Outgoing] = field(default_factory=list)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def send(self, outgoing: Outgoing) -> Mapping[str, Answer]:
        self.tried.append(outgoing)
        accepted = Answer.accepted(f"ses-{len(self.tried)}")
        found = {each: _next(self.answers, each) or accepted for each in outgoing.recipients}
        self.sent += [(each, outgoing.content) for each, answer in found.items() if _has_it(answer)]
        return found


def _next(answers: dict[str, list[Answer]], recipient: str) -> Answer | None:
    waiting = answers.get(recipient)
    return waiting.pop(0) if waiting else None


def _has_it(answer: Answer) -> bool:
    return answer.result is RelayResult.ACCEPTED or answer.may_have_arrived
