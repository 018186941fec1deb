"""What an operator sees of mail that waits to leave, and that a retry has it tried once, now (docs/decisions/0064)."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.errors import ConflictError, StoreUnavailableError, UnreadableFactError
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer
from postroom.outbound.transmit import AGAIN_AFTER_MS
from postroom.outbound.waiting import BATCH, Retried, Waiting
from postroom.ports.open_transmissions import Attempt
from postroom.ports.transit import Commit, SettleIfThere
from tests.support.journals import ADMIN, JOURNAL, Archive
from tests.support.stops import StoppedError, Stopping, Stops
from tests.support.sweeps import memory_sweep
from tests.unit.outbound.conftest import BUSY, CARL, DORA, GATEWAY, made, relayed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.transmission_scans import OpenTransmission
    from tests.unit.outbound.conftest import Post

LOGIN: Final = relayed(RelayResult.TEMPORARY, "4.7.8", "The gateway refused the user name or the password.", code=535)
FULL: Final = relayed(RelayResult.TEMPORARY, "4.2.2", "mailbox full", code=452)
TAKEN: Final = Answer.accepted("ses-1")
MOST_CALLS: Final = 20
"""More than a retry makes."""


@dataclass
class Counted:
    """A port whose calls are counted."""

    port: Any
    calls: Counter[str]

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self.port, name)


def waiting(post: Post) -> list[Waiting]:
    return list(post.system.outgoing_queue.every())


def retried(post: Post, *chosen: Waiting) -> list[Retried]:
    queue = post.system.outgoing_queue
    return [became for _, became in queue.retry(chosen or queue.every())]


def refused_login(post: Post, attempts: int) -> Waiting:
    """Send by a gateway that refuses the login; return what waits after some attempts."""
    post.system.relays.answers[GATEWAY.id] = [LOGIN] * attempts
    post.send_by_gateway(CARL)
    post.system.go_out()
    for _ in range(attempts - 1):
        post.system.go_out_again()
    (found,) = waiting(post)
    return found


class TestWhatWaits:
    def test_the_last_answer_and_the_next_attempt_are_those_of_the_last_attempt(self, post: Post) -> None:
        began = post.system.now()
        found = refused_login(post, 3)
        assert (found.gateway_id, found.open.attempts, found.runs) == (GATEWAY.id, 3, False)
        assert found.last is not None
        assert found.last.data["reason"] == LOGIN.diagnostic
        assert found.open.due_ms == found.last.data["due"] > post.system.now()
        assert post.system.outgoing_queue.until(found) == began + 2 * DAY_MS
        assert found.recipients == (CARL,)

    def test_only_recipients_without_an_end_are_named(self, post: Post) -> None:
        post.system.ses.answers = {DORA: [BUSY] * 9}
        post.send(CARL, DORA)
        post.system.go_out()
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_SENT", "")}
        assert [each.recipients for each in waiting(post)] == [(DORA,)]

    def test_what_was_never_tried_has_no_answer(self, post: Post) -> None:
        post.send(CARL, DORA)
        (found,) = waiting(post)
        assert (found.open.attempts, found.last, found.runs) == (0, None, False)
        assert (found.recipients, found.gateway_id) == ((CARL, DORA), "")

    def test_what_has_left_is_not_there(self, post: Post) -> None:
        post.send(CARL)
        post.system.go_out()
        assert waiting(post) == []

    def test_an_attempt_that_runs_is_one_without_a_fact(self, post: Post) -> None:
        before = refused_login(post, 2)
        post.system.later += 3 * HOUR_MS
        assert post.system.transmit.open.begin(before.order, run="b", again_after_ms=AGAIN_AFTER_MS) == Attempt(3)
        (found,) = waiting(post)
        assert (found.runs, found.open.attempts, found.recipients) == (True, 3, (CARL,))
        assert found.last == before.last

    def test_one_that_stopped_runs_until_it_counts_as_stopped(self, post: Post) -> None:
        post.send(CARL)
        (found,) = waiting(post)
        post.system.transmit.open.begin(found.order, run="a", again_after_ms=AGAIN_AFTER_MS)
        assert [each.runs for each in waiting(post)] == [True]
        post.system.later += AGAIN_AFTER_MS
        assert [each.runs for each in waiting(post)] == [False]

    def test_of_one_that_runs_recipients_with_ends_are_left_out(self, post: Post) -> None:
        post.send(CARL, DORA)
        (found,) = waiting(post)
        transmit = post.system.transmit
        transmit.open.begin(found.order, run="a", again_after_ms=AGAIN_AFTER_MS)
        carried = transmit.read(found.order.message)
        post.system.transit.commit(Commit(facts=[carried.sent(CARL, TAKEN, post.system.now())]))
        assert [each.recipients for each in waiting(post)] == [(DORA,)]
        post.system.transit.commit(Commit(facts=[carried.sent(DORA, TAKEN, post.system.now())]))
        assert waiting(post) == []

    def test_journal_reports_and_their_notices_are_listed(self) -> None:
        archive = Archive()
        archive.ses.answers = {JOURNAL: [BUSY] * 99, ADMIN: [BUSY] * 99}
        trace = archive.mail("ben@acme.test")
        archive.go_out()
        (report,) = archive.outgoing_queue.of_flow(trace)
        assert (report.order.kind, report.recipients, report.open.attempts) == ("JOURNAL", (JOURNAL,), 1)
        archive.pass_on(49)
        (notice,) = archive.outgoing_queue.every()
        assert (notice.order.key, notice.recipients) == ("journal-notice", (ADMIN,))

    def test_the_oldest_is_first_and_a_flow_has_its_own(self, post: Post) -> None:
        traces = []
        for _ in range(4):
            post.send(CARL)
            traces.append(post.trace)
            post.system.later += 1000
        assert [each.order.trace for each in waiting(post)] == traces
        assert [each.order.trace for each in post.system.outgoing_queue.of_flow(traces[2])] == [traces[2]]

    def test_facts_are_read_for_a_hundred_orders_at_once_and_only_for_those_that_are_meant(self, post: Post) -> None:
        post.system.ses.answers = {CARL: [BUSY] * 999}
        for _ in range(BATCH + 1):
            post.send(CARL)
        post.system.go_out()
        calls: Counter[str] = Counter()
        queue = replace(post.system.outgoing_queue, ledger=Counted(post.system.ledger, calls))
        assert len(list(queue.every())) == BATCH + 1
        assert calls == {"facts_at": 2}
        assert list(queue.every(keep=lambda _: False)) == []
        assert next(queue.every()) is not None
        assert calls == {"facts_at": 3}

    def test_what_cannot_be_read_is_said_after_the_rest(self, post: Post) -> None:
        post.send(CARL)
        scans = post.system.outgoing_queue.scans

        def every(_: str) -> Iterator[OpenTransmission]:
            yield from scans.every()
            raise UnreadableFactError("1 orders")

        broken: Any = type("Scans", (), {"every": staticmethod(every)})
        rows = replace(post.system.outgoing_queue, scans=broken).every()
        assert next(rows).recipients == (CARL,)
        with pytest.raises(UnreadableFactError):
            next(rows)


class TestRetry:
    def test_a_corrected_gateway_gets_what_waits_at_once(self, post: Post) -> None:
        refused_login(post, 5)
        assert retried(post) == [Retried.SENT]
        assert post.is_clear() is False
        post.system.go_out()
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_SENT", "")}
        assert post.is_clear()

    def test_the_message_that_waits_in_the_queue_for_the_old_time_sends_nothing(self, post: Post) -> None:
        refused_login(post, 5)
        retried(post)
        post.system.go_out()
        assert post.waits()
        while post.waits():
            post.system.go_out_again()
        assert len(post.system.relays.relayed) == 1

    def test_an_attempt_that_fails_again_leaves_its_answer_and_its_own_next_time(self, post: Post) -> None:
        before = refused_login(post, 5)
        post.system.relays.answers[GATEWAY.id] = [FULL]
        retried(post)
        post.system.go_out()
        (found,) = waiting(post)
        assert found.last is not None
        assert (found.open.attempts, found.last.data["reason"]) == (6, FULL.diagnostic)
        assert found.open.due_ms > post.system.now()
        assert post.system.outgoing_queue.until(found) == post.system.outgoing_queue.until(before)

    def test_an_attempt_that_runs_is_left_alone(self, post: Post) -> None:
        post.send(CARL)
        (found,) = waiting(post)
        open_ = post.system.transmit.open
        open_.begin(found.order, run="a", again_after_ms=AGAIN_AFTER_MS)
        post.system.queues.queues["transmit"].clear()
        assert retried(post) == [Retried.LEFT]
        assert not post.system.queues.queues["transmit"]
        post.system.later += AGAIN_AFTER_MS
        assert retried(post) == [Retried.SENT]
        post.system.go_out()
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_SENT", "")}

    def test_so_is_one_that_begins_between_the_list_and_the_retry(self, post: Post) -> None:
        found = refused_login(post, 5)
        post.system.later = found.open.due_ms - post.system.now() + post.system.later
        post.system.transmit.open.begin(found.order, run="z", again_after_ms=AGAIN_AFTER_MS)
        post.system.later -= 1000  # the operator's clock is behind
        assert retried(post, found) == [Retried.LEFT]
        assert not post.system.queues.queues["transmit"]

    def test_what_has_ended_since_it_was_listed_does_not_come_back(self, post: Post) -> None:
        found = refused_login(post, 5)
        post.system.transit.commit(Commit([SettleIfThere(found.order)]))
        assert retried(post, found) == [Retried.LEFT]
        assert post.is_clear()

    def test_a_row_that_a_transaction_holds_is_left_to_it(self, post: Post) -> None:
        found = refused_login(post, 5)

        def held(*_: object) -> bool:
            raise ConflictError("a transaction held the row")

        scans: Any = type("Scans", (), {"make_due": staticmethod(held)})
        queue = replace(post.system.outgoing_queue, scans=scans)
        assert [became for _, became in queue.retry([found])] == [Retried.LEFT]

    def test_what_was_never_tried_is_left_to_its_station(self, post: Post) -> None:
        post.send(CARL)
        assert retried(post) == [Retried.FIRST]
        assert len(post.system.queues.queues["transmit"]) == 1

    def test_a_retry_after_a_queue_did_not_answer_sends_what_is_due_by_then(self, post: Post) -> None:
        refused_login(post, 5)
        post.system.queues.away = True
        with pytest.raises(StoreUnavailableError):
            retried(post)
        post.system.queues.away = False
        assert retried(post) == [Retried.SENT]
        post.system.go_out()
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_SENT", "")}

    @pytest.mark.parametrize("after", [False, True])
    def test_wherever_a_retry_stops_the_message_leaves_once(self, *, after: bool) -> None:
        """Between the row and the queue, the order is due and in no queue: the sweep sends it."""
        stops, swept = 0, Counter[int]()
        for at in range(1, MOST_CALLS):
            post = made()
            refused_login(post, 5)
            post.system.queues.later.clear()  # the message that would come at the old time is lost
            stop = Stops(at, after)
            ports = {name: Stopping(getattr(post.system.outgoing_queue, name), stop) for name in ("scans", "queues")}
            with suppress(StoppedError):
                queue = replace(post.system.outgoing_queue, **ports)  # type: ignore[arg-type]
                list(queue.retry(list(queue.every())))
            stops += stop.calls >= at
            post.system.go_out()
            for hours in (1, 4):  # an hour after the retry, and after the time at which the attempt was due before
                if CARL not in post.ends():
                    post.system.later += hours * HOUR_MS + 1000
                    swept[hours] += sweep(post)
                    post.system.go_out()
            assert post.ends() == {CARL: ("OUTGOING_EMAIL_SENT", "")}
            assert len(post.system.relays.relayed) == 1
        assert stops == 3, "the scan, the row, the queue"
        assert swept == ({1: 1, 4: 1} if after else {1: 1, 4: 2})


def sweep(post: Post) -> int:
    system = post.system
    return memory_sweep(system.tables, system.parking, system.queues, system.raw, system.now).run()["sent"]
