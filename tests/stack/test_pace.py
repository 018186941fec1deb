"""A thousand messages in a row keep their pace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

MESSAGES = 1_000
HUNDRED = 100


def test_a_thousand_messages_keep_their_pace(running: RunningStack) -> None:
    user = running.user(running.organization("pace"), "ann", "ann@pace.example")
    began = time.monotonic()
    with running.smtp() as smtp:
        for number in range(MESSAGES):
            message = f"Subject: {number}\r\n\r\n{number}\r\n".encode()
            assert smtp.sendmail("a@elsewhere.example", ["ann@pace.example"], message) == {}
    wait_for(lambda: running.copies_of(user) >= MESSAGES, 300, every=1)
    took = time.monotonic() - began
    assert running.copies_of(user) == MESSAGES
    created = sorted(item.created / 1000 for item in running.operator().mailboxes.items(user, "INBOX"))
    first, last = (HUNDRED / (times[-1] - times[0]) for times in (created[:HUNDRED], created[-HUNDRED:]))
    print(f"{MESSAGES / took:.1f} messages a second; first hundred {first:.1f}/s, last hundred {last:.1f}/s")  # noqa: T201  # figures
    assert MESSAGES / took >= 10
    assert last >= 0.7 * first
