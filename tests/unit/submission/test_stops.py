"""Submit stopped at each call that it makes, before it or after it; then the client tries again with its token."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from postroom.contracts.outbound_orders import InsideOrder, TransmitOrder
from postroom.model.facts import SUBMITTED
from postroom.submission.submission import Protocols, Submission
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.stops import StoppedError, Stopping, Stops

MAIL = b"From: ann@acme.test\r\nTo: carl@example.org\r\nSubject: x\r\n\r\nHello\r\n"
"""Without Message-ID and Date: each attempt adds its own Date."""

OUTSIDE = ("carl@example.org", "dora@example.org")
PORTS = ("owners", "directory", "records", "rule_sets", "quota", "mailboxes", "raw", "transit", "ledger", "queues")
OF_COPIES = ("sealed", "keys", "transit_keys")
MOST_CALLS = 40
"""More than a submission makes."""


def stopped(system: MemoryMailSystem, stops: Stops, asked: Submission) -> bool:
    """Submit until the stop; say whether there was one."""
    ports: dict[str, Any] = {name: Stopping(getattr(system.submit, name), stops) for name in PORTS}
    copies = system.submit.copies
    of_copies: dict[str, Any] = {name: Stopping(getattr(copies, name), stops) for name in OF_COPIES}
    submit = replace(system.submit, copies=replace(copies, **of_copies), **ports)
    try:
        submit.submit(asked)
    except StoppedError:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("inside", [(), ("ben@acme.test",)])
def test_wherever_it_stops_one_copy_and_one_flow_follow(after: bool, inside: tuple[str, ...]) -> None:
    asked = Submission(ORG, "ann", MAIL, "t", Protocols.API, recipients=(*OUTSIDE, *inside))
    for at in range(1, MOST_CALLS):
        system = MemoryMailSystem()
        system.user("ann")
        system.user("ben")
        was_stopped = stopped(system, Stops(at, after), asked)
        system.later += 2000  # another Date
        done = system.submit.submit(asked)
        assert system.submit.submit(asked) == done
        [content] = system.contents("ann", "SENT_ITEMS")
        assert content.startswith(f"Message-ID: {done.message_id}\r\nDate: ".encode())
        assert system.ledger.fact(done.trace, SUBMITTED) is not None
        found = list(system.transit.open_orders(done.trace))
        assert [each.key for each in found] == [*(["inside:1"] if inside else []), "transmit:ses:1"]
        for order in found:
            assert isinstance(order, TransmitOrder | InsideOrder)
            assert system.raw.read(order.raw) == content, "what leaves is what is in Sent Items"
            assert order.message in system.queues.queues[order.station]
        head = system.mailboxes.head("ann")
        assert head is not None
        assert head.outgoing.recipients == len(OUTSIDE), "counted once in the mailbox"
        assert head.outgoing.reserved <= system.tables.allowances[f"recipients:{head.outgoing.day}"]
        assert len(system.sealed.under("")) <= 2, "at most the object of the stopped attempt is left over"
        if not was_stopped:
            assert at > len(PORTS)
            return
    pytest.fail("more calls than are walked")
