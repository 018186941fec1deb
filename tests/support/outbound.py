"""Submissions on memory ports: where each recipient's message is, and how each recipient ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.contracts.outbound_orders import TransmitOrder, end_key
from postroom.model.facts import SUBMITTED, EventName, inside_trace
from postroom.model.rules import ActionType, Direction, LambdaCall
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.model.facts import Fact
    from postroom.model.rules import Rule

MAIL = (
    b"From: Ann <ann@acme.test>\r\nTo: list@example.org\r\nBcc: dora@example.org\r\nSubject: plums\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@acme.test>\r\n\r\nten of them\r\n"
)
PLAIN = MAIL.replace(b"Bcc: dora@example.org\r\n", b"")


class Office(MemoryMailSystem):
    """Ann sends; Ben and Cleo are in her organization."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("ann", "ben", "cleo"):
            self.user(name)

    def mail(self, *recipients: str, content: bytes = MAIL, **more: Any) -> str:
        """Submit a message of Ann's, let everything be done but transmissions, and return its trace."""
        trace = self.send("ann", content, *recipients, **more).trace
        self.pump()
        return trace

    def asks(
        self, answer: Callable[[Any], Any], *, name: str = "ask", recipients: str = "*", waits: bool = True, **more: Any
    ) -> Rule:
        """Make an outbound rule with a function of its own; ``then`` is its gateway."""
        fallback, timeout = more.pop("fallback", ActionType.DROP), more.pop("timeout", 0)
        call = LambdaCall(self.function(name, answer), waits, fallback if waits else None, timeout if waits else 0)
        gateway = more.pop("then", None)
        return outbound(
            ActionType.RUN_LAMBDA, recipients=recipients, id=f"r-{name}", name=name, call=call, gateway=gateway, **more
        )

    def ways(self) -> dict[str, tuple[str, ...]]:
        """Return the open transmissions: recipients by the order's name."""
        found = [entry for row in list(self.tables.transit.values()) if isinstance(entry := row.entry, TransmitOrder)]
        return {order.name: order.recipients for order in found}

    def transmissions(self) -> list[TransmitOrder]:
        """Return the orders that transmit has got, in order."""
        return [TransmitOrder.read(body) for body in self.queues.queues["transmit"]]

    def ends(self, trace: str) -> dict[str, str]:
        """Return the event that ended each recipient that has ended."""
        facts = self.ledger.facts(trace)
        ended = {str(fact.key): fact.name.value for fact in facts if fact.key.startswith(end_key(""))}
        return {key.removeprefix(end_key("")): name for key, name in ended.items()}

    def applied(self, trace: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what rules did: name and actions."""
        return [
            (str(fact.event["ruleName"]), {each["action"]: each["recipients"] for each in fact.event["ruleActions"]})
            for fact in self.ledger.facts(trace)
            if fact.name is EventName.RULE_APPLIED
        ]

    def opened(self, trace: str) -> Fact:
        """Return the fact that a message was submitted."""
        fact = self.ledger.fact(trace, SUBMITTED)
        assert fact is not None
        return fact

    def inside(self, trace: str) -> list[Fact]:
        """Return the facts of the inbound flow of a submission."""
        return list(self.ledger.facts(inside_trace(trace)))


def outbound(action: ActionType, senders: str = "*", recipients: str = "*", **changes: Any) -> Rule:
    """Make an outbound rule."""
    return rule(action, senders, recipients, direction=Direction.OUTBOUND, **changes)


def said(action: str, *recipients: str, bounce: str = "") -> dict[str, Any]:
    """Return an entry of a function's answer; without recipients it is for all."""
    made: dict[str, Any] = {"type": action}
    if bounce:
        made["parameters"] = {"bounceMessage": bounce}
    return {"action": made, "recipients": list(recipients)} if recipients else {"action": made, "allRecipients": True}
