"""What the facts of a flow say about its bounces: failures, bounce messages, and one that has no end yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.outbound_orders import end_key
from postroom.effects.once import Effect
from postroom.errors import UnreadableFactError
from postroom.model.bounces import UNDEFINED_DELAY, UNDEFINED_STATUS, Failure
from postroom.model.facts import RECEIVED, SUBMITTED, EventName, Fact, OwnFact, arrived_ms
from postroom.model.verdicts import DmarcPolicy, Verdict
from postroom.routing.plan import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Sequence

COVERS: Final = "covers"
"""Member of a fact: the failures that it covers."""

TELLS: Final = "tells"
"""Member of an intent: the failures that its bounce message names, one per address."""

WAITING: Final = "waiting"
"""Member of facts of delays: address, status and diagnostic of each recipient that waits, and the server, if known."""

_BOUNCED: Final = f"{EventName.INCOMING_EMAIL_BOUNCED}:"


@dataclass(frozen=True, slots=True)
class BounceHistory:
    """A flow's bounces so far.

    Attributes:
        opened: the fact that opened the flow: the message was received, or submitted.
        failures: recipients that failed and that no decision covers yet, oldest first.
        delays: facts that recipients wait, and of which the sender is to be told, that no decision covers yet.
        claims: decisions: intents, and facts that suppress a bounce; their number is in the key of the next.
        unfinished: the bounce message that was begun and has no end yet.
    """

    opened: Fact
    failures: tuple[Fact, ...]
    delays: tuple[Fact, ...]
    claims: tuple[Fact, ...]
    unfinished: Effect | None
    _all: tuple[Fact, ...]

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> BounceHistory:
        """Read a flow's facts, as the ledger gives them: by time.

        Raises:
            UnreadableFactError: the flow has no beginning.
        """
        opened = next((fact for fact in facts if fact.key in {RECEIVED, SUBMITTED}), None)
        if opened is None:
            raise UnreadableFactError("a flow without the fact that opened it")
        claims = tuple(fact for fact in facts if COVERS in fact.data)
        covered = {name for claim in claims for name in claim.data[COVERS]}
        begun = (_effect(each).with_facts(facts) for each in claims if each.name is OwnFact.BOUNCE_INTENDED)
        return cls(
            opened=opened,
            failures=tuple(fact for fact in _bounced(facts) if _name(fact) not in covered),
            delays=tuple(fact for fact in facts if _is_told_delay(fact) and _name(fact) not in covered),
            claims=claims,
            unfinished=next((each for each in begun if not each.has_ended), None),
            _all=tuple(facts),
        )

    @property
    def arrived(self) -> int:
        """When SES received the message, or when it was submitted, in milliseconds since the epoch."""
        return self.opened.at if self.opened.key == SUBMITTED else arrived_ms(self.opened)

    @property
    def is_spam(self) -> bool:
        """Whether the message counts as spam: by its verdict, or by a DMARC policy that was applied."""
        policies = {fact.event["policy"] for fact in self._all if fact.name is EventName.DMARC_POLICY_APPLIED}
        return self.opened.event["spamVerdict"] == Verdict.FAIL or not policies <= {DmarcPolicy.NONE}

    @property
    def to_name(self) -> tuple[Fact, ...]:
        """The failures that a bounce message is to name: one per address, and no address that was named before.

        A group that reached one of its members has not failed (ours). A recipient that a rule's function added is a
        blind copy: a bounce names only recipients that the sender addressed.
        """
        named_all = (fact for fact in self._all if fact.name is self.opened.name)
        written_to = {name for fact in named_all for name in fact.event["recipients"]}
        reached = {_recipient(fact) for fact in self._all if fact.name is EventName.MAILBOX_EMAIL_DELIVERED}
        telling = [claim for claim in self.claims if TELLS in claim.data]
        named = {address for claim in telling for address in claim.data["recipients"]}
        new = written_to - reached - named
        found: dict[str, Fact] = {}
        for fact in self.failures:
            if (address := _recipient(fact)) in new:
                found.setdefault(address, fact)
        return tuple(found.values())

    @property
    def waiting(self) -> tuple[Failure, ...]:
        """The recipients of delays that still wait, each with the reason of its newest delay.

        What SES delays has been sent to SES, and still waits unless it was bounced.
        """
        ended = {fact.key for fact in self._all}
        bounced = {_recipient(fact) for fact in _bounced(self._all)}
        found: dict[str, Failure] = {}
        for fact in self.delays:
            by_ses = fact.name is OwnFact.DELIVERY_DELAYED
            for each in fact.data[WAITING]:
                address = str(each["address"])
                if address not in bounced and (by_ses or end_key(address) not in ended):
                    found[address] = Failure.elsewhere(
                        *(address, each["diagnostic"], each["status"], each.get("server", "")),
                        undefined=UNDEFINED_DELAY,
                    )
        return tuple(found.values())

    def named_by(self, intent: Fact) -> tuple[Failure, ...]:
        """Return the failures that an intent's bounce message names."""
        names = set(intent.data[TELLS])
        return tuple(failure_of(fact) for fact in _bounced(self._all) if _name(fact) in names)

    def message(self, failures: Sequence[Fact], now: int) -> Effect:
        """Return the bounce message that is to be sent; its intent covers every failure known so far."""
        return _effect(self.told(OwnFact.BOUNCE_INTENDED, failures, now))

    def told(self, name: OwnFact, failures: Sequence[Fact], now: int, **data: str) -> Fact:
        """Return the fact that a message names these failures; it covers every failure known so far."""
        return self._claim(name, failures, now, {TELLS: [_name(fact) for fact in failures], **data})

    def suppressed(self, reason: str, now: int) -> Fact:
        """Return the fact that no bounce is sent, and why; it covers every failure and delay known so far."""
        return self._claim(OwnFact.BOUNCE_SUPPRESSED, (*self.failures, *self.delays), now, {"reason": reason})

    def noticed(self, waiting: Sequence[Failure], now: int, **data: str) -> Fact:
        """Return the fact that a message tells that recipients wait; it covers every delay known so far."""
        recipients = [each.address for each in waiting]
        covers = [_name(fact) for fact in self.delays]
        return self._fact(OwnFact.DELAY_NOTICE_SENT, now, {"recipients": recipients, COVERS: covers, **data})

    def after(self, claim: Fact) -> BounceHistory:
        """Return the history with one more decision."""
        return BounceHistory.of((*self._all, claim))

    def _claim(self, name: OwnFact, about: Sequence[Fact], now: int, data: dict[str, Any]) -> Fact:
        recipients = list(dict.fromkeys(each for fact in about for each in _recipients(fact)))
        covered = self.failures if TELLS in data else (*self.failures, *self.delays)
        return self._fact(name, now, {"recipients": recipients, COVERS: [_name(fact) for fact in covered], **data})

    def _fact(self, name: OwnFact, now: int, data: dict[str, Any]) -> Fact:
        key = f"BOUNCE:{len(self.claims)}"
        return Fact(self.opened.trace, self.opened.organization_id, name, key, now, data=data)


def _effect(intent: Fact) -> Effect:
    return Effect(intent, about={"recipients": list(intent.data["recipients"])})


def _bounced(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts that a sender is told of. A complaint comes from a recipient that has the message."""
    return [fact for fact in facts if fact.name in REFUSALS and "complaint" not in fact.data]


def _is_told_delay(fact: Fact) -> bool:
    """Say whether the sender is to be told that recipients wait: SES reports of delays that are soon over, too."""
    return fact.name is OwnFact.TRANSMIT_DELAYED or (
        fact.name is OwnFact.DELIVERY_DELAYED and fact.data.get("isLate") is True
    )


def _name(fact: Fact) -> str:
    return fact.key.removeprefix(_BOUNCED)


def _recipient(fact: Fact) -> str:
    """Return the envelope recipient that a fact is about: the group, for a member of a group."""
    bounced = fact.event.get("bouncedRecipient", {})
    return str(fact.data.get("deliveredTo") or bounced.get("emailAddress") or fact.event.get("recipient", ""))


def _recipients(fact: Fact) -> list[str]:
    return [str(each["address"]) for each in fact.data[WAITING]] if _is_told_delay(fact) else [_recipient(fact)]


def failure_of(fact: Fact) -> Failure:
    """Return the failure that a fact is about."""
    bounced = fact.event["bouncedRecipient"]
    if fact.name is EventName.OUTGOING_EMAIL_BOUNCED:
        server = fact.data.get("server", "")
        return Failure.elsewhere(
            _recipient(fact), bounced["reason"], bounced["status"], server, undefined=UNDEFINED_STATUS
        )
    return Failure.of(_recipient(fact), str(bounced["reason"]), str(bounced["status"]))
