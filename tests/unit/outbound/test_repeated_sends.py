"""What a run that stopped has recorded and not sent is sent when its message comes again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer
from postroom.outbound.transmit import AGAIN_AFTER_MS
from tests.support.journals import ADMIN, JOURNAL, Archive
from tests.support.stops import StoppedError, Stopping, Stops
from tests.unit.outbound.conftest import CARL, DORA, made, relayed

if TYPE_CHECKING:
    from postroom.outbound.transmit import Transmit

REFUSED = relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550)
BUSY = relayed(RelayResult.TEMPORARY, "4.2.1", "busy", code=450)
MOST_CALLS: Final = 20
"""More than a run makes."""


def stopped_at(station: Transmit, body: str, at: int, *, after: bool) -> bool:
    """Carry an order out with a stop at one call of its ports; say whether it came to that."""
    stops = Stops(at, after)
    ports: dict[str, Any] = {
        name: Stopping(getattr(station, name), stops)
        for name in ("owners", "gateways", "open", "ledger", "transit", "ses", "relays", "queues")
    }
    with suppress(StoppedError):
        replace(station, **ports).accept(body)
        return False
    return True


@pytest.mark.parametrize(
    "answers", [{CARL: [REFUSED] * 9}, {CARL: [REFUSED] * 9, DORA: [BUSY] * 2}], ids=["refused", "and waiting"]
)
@pytest.mark.parametrize("after", [False, True])
def test_the_sender_is_told_of_a_refusal_wherever_a_run_stops(answers: dict[str, list[Any]], *, after: bool) -> None:
    stops = 0
    for at in range(1, MOST_CALLS):
        post = made()
        post.system.relays.answers = {each: [*of] for each, of in answers.items()}
        post.send_by_gateway(*answers)
        body = post.system.queues.queues["transmit"].popleft()
        stops += stopped_at(post.system.transmit, body, at, after=after)
        post.system.transmit.accept(body, again=True)
        while post.waits():
            post.system.go_out_again()
        post.system.go_out()
        assert post.ends()[CARL] == ("OUTGOING_EMAIL_BOUNCED", "5.1.1")
        assert post.is_clear()
        assert len(post.system.contents("ann")) == 1
    assert 4 < stops < MOST_CALLS - 1, "the last runs are not stopped"


@pytest.mark.parametrize("after", [False, True])
def test_the_report_address_is_told_of_a_failed_report_wherever_a_run_stops(*, after: bool) -> None:
    stops = 0
    for at in range(1, MOST_CALLS):
        archive = Archive()
        archive.ses.answers[JOURNAL] = [Answer.permanent("5.1.1", "no such user")] * 9
        archive.mail("ben@acme.test")
        (body,) = archive.queues.queues["transmit"]
        archive.queues.queues["transmit"].clear()
        stops += stopped_at(archive.transmit, body, at, after=after)
        for _ in range(2):  # at once, and when the attempt counts as stopped
            archive.transmit.accept(body, again=True)
            archive.later += AGAIN_AFTER_MS
        archive.go_out()
        assert archive.orders() == []
        assert len(archive.sent_to(ADMIN)) == 1
    assert 4 < stops < MOST_CALLS - 1, "the last runs are not stopped"
