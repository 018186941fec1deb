"""Bounce messages in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from postroom.model.bounces import Bounce


@dataclass(slots=True)
class MemoryBounceSender:
    """Implements ``BounceSender``.

    Attributes:
        answers: whether ``answer`` sends; else it returns ``None``.
        away: whether every call fails.
        answered: the bounces of ``answer``.
        sent: the bounces of ``send``, with their messages.
    """

    answers: bool = True
    away: bool = False
    answered: list[Bounce] = field(default_factory=list)
    sent: list[tuple[Bounce, bytes]] = field(default_factory=list)

    def answer(self, bounce: Bounce) -> str | None:
        if self.away:
            raise StoreUnavailableError("could not send a bounce message: SES does not answer")
        if not self.answers:
            return None
        self.answered.append(bounce)
        return f"answer-{len(self.answered)}"

    def send(self, bounce: Bounce, content: bytes) -> str:
        if self.away:
            raise StoreUnavailableError("could not send a bounce message: SES does not answer")
        self.sent.append((bounce, content))
        return f"raw-{len(self.sent)}"
