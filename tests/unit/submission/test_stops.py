"""Submit stopped at each call that it makes, before it or after it; then the client tries again with its token."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.model.facts import SUBMITTED
from postroom.model.limits import DAY_MS
from postroom.submission.submission import Protocols, Submission
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

MAIL = b"From: ann@acme.test\r\nTo: carl@example.org\r\nSubject: x\r\n\r\nHello\r\n"
"""Without Message-ID and Date: each attempt adds its own Date."""

ASKED = Submission(ORG, "ann", MAIL, "t", Protocols.API, recipients=("carl@example.org", "dora@example.org"))
PORTS = ("owners", "directory", "records", "quota", "mailboxes", "sealed", "keys", "transit_keys", "raw", "transit")
MOST_CALLS = 40
"""More than a submission makes."""


class StoppedError(Exception):
    """The function is gone; nothing catches this."""


@dataclass
class Stops:
    """Stops at one call of all ports together."""

    at: int
    after: bool
    calls: int = 0

    def around(self, call: Any) -> Any:
        def made(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self.at and not self.after:
                raise StoppedError
            done = call(*args, **more)
            if self.calls == self.at:
                raise StoppedError
            return done

        return made


@dataclass
class Stopping:
    """A port with stops."""

    port: Any
    stops: Stops

    def __getattr__(self, name: str) -> Any:
        return self.stops.around(getattr(self.port, name))


def stopped(system: MemoryMailSystem, stops: Stops) -> bool:
    """Submit until the stop; say whether there was one."""
    ports: dict[str, Any] = {
        name: Stopping(getattr(system.submit, name), stops) for name in (*PORTS, "ledger", "queues")
    }
    assert ports.keys() <= {each.name for each in fields(system.submit)}
    try:
        replace(system.submit, **ports).submit(ASKED)
    except StoppedError:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
def test_wherever_it_stops_one_copy_and_one_flow_follow(after: bool) -> None:
    for at in range(1, MOST_CALLS):
        system = MemoryMailSystem()
        system.user("ann")
        was_stopped = stopped(system, Stops(at, after))
        system.later += 2000  # another Date
        done = system.submit.submit(ASKED)
        assert system.submit.submit(ASKED) == done
        [content] = system.contents("ann", "SENT_ITEMS")
        fact = system.ledger.fact(done.trace, SUBMITTED)
        assert fact is not None
        assert content.startswith(f"Message-ID: {done.message_id}\r\nDate: ".encode())
        [order] = system.transit.open_orders(done.trace)
        assert isinstance(order, TransmitOrder)
        assert system.raw.read(order.raw) == content
        assert order.message in system.queues.queues["transmit"]
        head = system.mailboxes.head("ann")
        assert head is not None
        assert head.outgoing.recipients == 2, "counted once in the mailbox"
        assert head.outgoing.reserved <= system.tables.allowances[f"recipients:{head.outgoing.day}"]
        assert system.now() // DAY_MS == head.outgoing.day
        assert len(system.sealed.under("")) <= 2, "at most the object of the stopped attempt is left over"
        if not was_stopped:
            assert at > len(PORTS)
            return
    pytest.fail("more calls than are walked")
