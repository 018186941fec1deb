"""What the facts of a flow say about its bounces: failures, bounce messages, and one that has no end yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.effects.once import Effect
from postroom.errors import UnreadableFactError
from postroom.model.bounces import Failure
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact, arrived_ms
from postroom.model.verdicts import DmarcPolicy, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

COVERS: Final = "covers"
"""Member of a fact: the failures that it covers."""

TELLS: Final = "tells"
"""Member of an intent: the failures that its bounce message names, one per address."""

_BOUNCED: Final = f"{EventName.INCOMING_EMAIL_BOUNCED}:"


@dataclass(frozen=True, slots=True)
class BounceHistory:
    """A flow's bounces so far.

    Attributes:
        received: the fact that opened the flow.
        failures: recipients that failed and that no decision covers yet, oldest first.
        claims: decisions: intents, and facts that suppress a bounce; their number is in the key of the next.
        unfinished: the bounce message that was begun and has no end yet.
    """

    received: Fact
    failures: tuple[Fact, ...]
    claims: tuple[Fact, ...]
    unfinished: Effect | None
    _all: tuple[Fact, ...]

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> BounceHistory:
        """Read a flow's facts, as the ledger gives them: by time.

        Raises:
            UnreadableFactError: the flow has no beginning.
        """
        received = next((fact for fact in facts if fact.key == RECEIVED), None)
        if received is None:
            raise UnreadableFactError("a flow without the fact that opened it")
        claims = tuple(fact for fact in facts if COVERS in fact.data)
        covered = {name for claim in claims for name in claim.data[COVERS]}
        begun = (_effect(each).with_facts(facts) for each in claims if each.name is OwnFact.BOUNCE_INTENDED)
        return cls(
            received=received,
            failures=tuple(fact for fact in _bounced(facts) if _name(fact) not in covered),
            claims=claims,
            unfinished=next((each for each in begun if not each.has_ended), None),
            _all=tuple(facts),
        )

    @property
    def arrived(self) -> int:
        """When SES received the message, in milliseconds since the epoch."""
        return arrived_ms(self.received)

    @property
    def is_spam(self) -> bool:
        """Whether the message counts as spam: by its verdict, or by a DMARC policy that was applied."""
        policies = {fact.event["policy"] for fact in self._all if fact.name is EventName.DMARC_POLICY_APPLIED}
        return self.received.event["spamVerdict"] == Verdict.FAIL or not policies <= {DmarcPolicy.NONE}

    @property
    def to_name(self) -> tuple[Fact, ...]:
        """The failures that a bounce message is to name: one per address, and no address that was named before.

        A group that reached one of its members has not failed (ours). A recipient that a rule's function added is a
        blind copy: a bounce names only recipients that the sender addressed.
        """
        received = (fact for fact in self._all if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED)
        written_to = {name for fact in received for name in fact.event["recipients"]}
        reached = {_recipient(fact) for fact in self._all if fact.name is EventName.MAILBOX_EMAIL_DELIVERED}
        named = {address for claim in self.claims for address in claim.data["recipients"] if TELLS in claim.data}
        new = written_to - reached - named
        found: dict[str, Fact] = {}
        for fact in self.failures:
            if (address := _recipient(fact)) in new:
                found.setdefault(address, fact)
        return tuple(found.values())

    def named_by(self, intent: Fact) -> tuple[Failure, ...]:
        """Return the failures that an intent's bounce message names."""
        names = set(intent.data[TELLS])
        return tuple(_failure(fact) for fact in _bounced(self._all) if _name(fact) in names)

    def message(self, failures: Sequence[Fact], now: int) -> Effect:
        """Return the bounce message that is to be sent; its intent covers every failure known so far."""
        tells = {TELLS: [_name(fact) for fact in failures]}
        return _effect(self._claim(OwnFact.BOUNCE_INTENDED, failures, now, tells))

    def suppressed(self, reason: str, now: int) -> Fact:
        """Return the fact that no bounce is sent, and why; it covers every failure known so far."""
        return self._claim(OwnFact.BOUNCE_SUPPRESSED, self.failures, now, {"reason": reason})

    def _claim(self, name: OwnFact, about: Sequence[Fact], now: int, data: dict[str, Any]) -> Fact:
        recipients = list(dict.fromkeys(map(_recipient, about)))
        data = {"recipients": recipients, COVERS: [_name(fact) for fact in self.failures], **data}
        key = f"BOUNCE:{len(self.claims)}"
        return Fact(self.received.trace, self.received.organization_id, name, key, now, data=data)


def _effect(intent: Fact) -> Effect:
    return Effect(intent, about={"recipients": list(intent.data["recipients"])})


def _bounced(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.name is EventName.INCOMING_EMAIL_BOUNCED]


def _name(fact: Fact) -> str:
    return fact.key.removeprefix(_BOUNCED)


def _recipient(fact: Fact) -> str:
    """Return the envelope recipient that a fact is about: the group, for a member of a group."""
    bounced = fact.event.get("bouncedRecipient", {})
    return str(fact.data.get("deliveredTo") or bounced.get("emailAddress") or fact.event.get("recipient", ""))


def _failure(fact: Fact) -> Failure:
    bounced = fact.event["bouncedRecipient"]
    return Failure.of(_recipient(fact), str(bounced["reason"]), str(bounced["status"]))
