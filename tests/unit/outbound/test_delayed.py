"""Which recipients an attempt that fails after hours says are delayed: an alarm counts them (docs/decisions/0060)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.ledger.bus import bus_event
from postroom.ledger.counting import count
from postroom.model.facts import OwnFact
from postroom.model.limits import HOUR_MS
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer
from postroom.ports.metrics import OUTGOING_EMAIL_DELAYED
from tests.unit.outbound.conftest import BUSY, CARL, DORA, GATEWAY, relayed

if TYPE_CHECKING:
    from tests.unit.outbound.conftest import Post

FULL = relayed(RelayResult.TEMPORARY, "4.2.2", "mailbox full", code=452)
REFUSED_LOGIN = relayed(RelayResult.TEMPORARY, "4.7.8", "The gateway refused the user name or the password.", code=535)


def delayed(post: Post) -> list[tuple[bool, int]]:
    """Carry everything out; return of each attempt that failed whether it is late, and what it adds to the metric."""
    began = post.system.now()
    post.system.go_out()
    while post.waits():
        post.system.go_out_again()
    found = []
    for fact in sorted(post.facts(OwnFact.TRANSMIT_DEFERRED), key=lambda fact: fact.at):
        metrics = MemoryMetrics()
        count([fact], metrics)
        found.append((fact.at >= began + 4 * HOUR_MS, metrics.totals.get(OUTGOING_EMAIL_DELAYED, 0)))
    return found


def test_what_ses_refuses_for_hours_is_delayed_at_each_attempt_from_the_fourth_hour_on(post: Post) -> None:
    post.system.ses.answers = {CARL: [BUSY] * 15, DORA: [BUSY] * 15}
    post.send()
    assert delayed(post) == [(False, 0)] * 9 + [(True, 2)] * 6


def test_so_is_what_a_gateway_does_not_take(post: Post) -> None:
    post.system.relays.answers[GATEWAY.id] = [REFUSED_LOGIN] * 15
    post.send_by_gateway(CARL)
    assert delayed(post) == [(False, 0)] * 9 + [(True, 1)] * 6
    said = json.loads(bus_event(post.facts(OwnFact.TRANSMIT_DEFERRED)[-1]).detail)["data"]
    assert (said["delayed"], said["gatewayId"], said["server"]) == (1, GATEWAY.id, GATEWAY.host)
    assert said["reason"] == REFUSED_LOGIN.diagnostic


def test_a_delay_by_a_gateway_names_the_gateway(post: Post) -> None:
    post.system.relays.answers[GATEWAY.id] = [REFUSED_LOGIN] * 15
    post.send_by_gateway(CARL)
    delayed(post)
    (fact,) = post.facts(OwnFact.TRANSMIT_DELAYED)
    said = "535 4.7.8 The gateway refused the user name or the password."
    assert fact.data["waiting"] == [{"address": CARL, "status": "4.7.8", "diagnostic": said, "server": GATEWAY.host}]


def test_a_recipient_whose_own_mailbox_is_the_reason_is_not_delayed(post: Post) -> None:
    post.system.relays.answers = {CARL: [FULL] * 15, DORA: [REFUSED_LOGIN] * 12}
    post.send_by_gateway()
    assert delayed(post) == [(False, 0)] * 9 + [(True, 1)] * 3 + [(True, 0)] * 3


@pytest.mark.parametrize(
    ("status", "own"),
    [
        ("4.1.1", True),
        ("4.1.2", True),
        ("4.1.10", True),
        ("4.2.0", True),
        ("4.2.2", True),
        ("4.1.7", False),  # about the sender's address
        ("4.1.8", False),
        ("4.0.0", False),  # a reply without a status
        ("4.3.2", False),
        ("4.4.1", False),
        ("4.7.1", False),
        ("", False),
    ],
)
def test_the_status_says_whether_the_reason_is_the_recipients_own(status: str, *, own: bool) -> None:
    assert Answer.temporary(status, "later").is_of_recipient is own
