"""SMTP gateways in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from postroom.ports.smtp_relays import SmtpRelays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.records import SmtpGateway

ACCEPTED: Final = RelayAnswer(
    result=RelayResult.ACCEPTED, stage=RelayStage.DATA, code=250, status="2.0.0", text="OK: queued"
)


@dataclass(frozen=True, slots=True)
class Relayed:
    """A message that a gateway has taken, for the recipients that it accepted."""

    gateway: SmtpGateway
    envelope_from: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(slots=True)
class MemorySmtpRelays(SmtpRelays):
    """Accepts every message, but for what ``answers`` says.

    Attributes:
        answers: by recipient, or by the id of a gateway for all of its recipients. A list has one answer per attempt;
            after the last one the recipient is accepted.
        relayed: oldest first.
    """

    answers: dict[str, list[RelayAnswer]] = field(default_factory=dict)
    relayed: list[Relayed] = field(default_factory=list)

    def relay(
        self, gateway: SmtpGateway, envelope_from: str, recipients: Sequence[str], content: bytes
    ) -> Mapping[str, RelayAnswer]:
        distinct = tuple(dict.fromkeys(recipients))
        of_all = self._next(gateway.id)
        answers = {each: of_all or self._next(each) or ACCEPTED for each in distinct}
        took = tuple(each for each in distinct if _has_it(answers[each]))
        if took:
            self.relayed.append(Relayed(gateway, envelope_from, took, content))
        return answers

    def _next(self, name: str) -> RelayAnswer | None:
        left = self.answers.get(name)
        return left.pop(0) if left else None


def _has_it(answer: RelayAnswer) -> bool:
    return answer.result is RelayResult.ACCEPTED or answer.may_have_arrived
