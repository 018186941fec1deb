"""Whatever a gateway replies and wherever its connection ends: what it has taken, and what is said of it, agree."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.adapters.aws.smtp_sessions import Deadlines, Envelope, Session
from postroom.adapters.aws.smtp_wire import Wire
from postroom.model.relay_answers import RelayResult
from postroom.ports.smtp_relays import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPIENTS = ("a@partner.test", "b@partner.test", "c@partner.test")
CONTENT = b"Subject: x\r\n\r\n" + b"y" * 100_000 + b"\r\n"
END = float("inf")
ENDS = (ConnectionResetError(), TimeoutError(), BrokenPipeError())


@dataclass
class Peer:
    """A gateway and the connection to it, which ends at a call of the client's.

    Attributes:
        replies: to MAIL, each RCPT, DATA and the content; then 250.
        ends_at: number of the call (send or receive, from 0) that fails; -1: none.
        error: of the call; an end of file where it is None.
        is_late: whether the gateway has read what the failed call sent.
    """

    replies: Iterator[str]
    ends_at: int = -1
    error: OSError | None = None
    is_late: bool = False
    calls: int = 0
    read: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    accepted: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    in_content: bool = False
    is_asked_only: bool = False

    def __post_init__(self) -> None:
        self._pair = socket.socketpair()

    def close(self) -> None:
        for each in self._pair:
            each.close()

    def fileno(self) -> int:
        return self._pair[0].fileno()

    def settimeout(self, seconds: float) -> None:
        self.is_asked_only = seconds == 0

    def sendall(self, data: bytes) -> None:
        fails = self._fails()
        if not fails or self.is_late:
            self._hear(data)
        if fails:
            raise self.error or ConnectionResetError

    def recv(self, size: int) -> bytes:
        if self._fails():
            if self.error is not None:
                raise self.error
            return b""
        if self.is_asked_only and not self.said:
            raise BlockingIOError
        part = bytes(self.said[:size])
        del self.said[:size]
        return part

    def _fails(self) -> bool:
        fails = self.ends_at >= 0 and self.calls >= self.ends_at
        self.calls += 1
        return fails

    def _hear(self, data: bytes) -> None:
        self.read += data
        if self.in_content:
            if self.read.endswith(b"\r\n.\r\n"):
                self._end_content()
            return
        command = self.read.decode().strip()
        self.read.clear()
        reply = self._reply()
        if command.startswith("RCPT") and reply[0] == "2":
            self.accepted.append(command.partition("<")[2].rstrip(">"))
        self.in_content = command == "DATA" and reply[:3] == "354"

    def _end_content(self) -> None:
        self.read.clear()
        self.in_content = False
        if self._reply()[0] == "2":
            self.taken += self.accepted

    def _reply(self) -> str:
        reply = next(self.replies, "250 OK")
        self.said += reply.encode() + b"\r\n"
        return reply


def hand_over(peer: Peer) -> Any:
    session = Session(Wire(cast("socket.socket", peer), END), {}, Deadlines(), ())
    return session.hand_over(Envelope("ann@acme.test", RECIPIENTS, CONTENT), 1e9)


GOOD = ("250 OK", "250 OK", "250 OK", "250 OK", "354 Go on", "250 Queued")
REPLIES = st.sampled_from(["250 OK", "354 Go on", "450 4.2.0 Busy", "550 5.1.1 None", "552 Many", "421 4.3.2 End", "x"])


@given(
    replies=st.tuples(*(st.one_of(st.just(good), REPLIES) for good in GOOD)),
    ends_at=st.integers(-1, 24),
    error=st.sampled_from([None, *ENDS]),
    is_late=st.booleans(),
)
def test_each_recipient_has_one_answer_and_accepted_means_taken(
    replies: tuple[str, ...], ends_at: int, error: OSError | None, *, is_late: bool
) -> None:
    peer = Peer(iter(replies), ends_at, error, is_late)
    answers = hand_over(peer)
    peer.close()
    assert tuple(answers) == RECIPIENTS
    for recipient, answer in answers.items():
        if answer.result is RelayResult.ACCEPTED:
            assert recipient in peer.taken
        elif recipient in peer.taken:
            assert (answer.result, answer.may_have_arrived) == (RelayResult.TEMPORARY, True)
        assert answer.status[0] == {"ACCEPTED": "2", "TEMPORARY": "4", "PERMANENT": "5"}[answer.result]


def calls_of(good: tuple[str, ...] = GOOD) -> int:
    peer = Peer(iter(good))
    hand_over(peer)
    peer.close()
    return peer.calls


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("error", [None, *ENDS])
def test_only_the_end_of_the_content_and_the_wait_for_its_answer_may_repeat_a_message(
    error: OSError | None, *, is_late: bool
) -> None:
    """The width of the window: two of the calls, the last ones."""
    count = calls_of()
    # MAIL, three RCPT and DATA: three calls each; three pieces and a look; the end of the content, its answer
    assert count == 21
    doubtful = []
    for ends_at in range(count):
        peer = Peer(iter(GOOD), ends_at, error, is_late)
        answers = hand_over(peer)
        peer.close()
        assert {answer.result for answer in answers.values()} == {RelayResult.TEMPORARY}
        doubtful += [ends_at] if any(answer.may_have_arrived for answer in answers.values()) else []
        assert not peer.taken or doubtful == list(range(count - 2, ends_at + 1))
    assert doubtful == [count - 2, count - 1]


def test_all_waits_together_are_shorter_than_the_port_promises() -> None:
    assert Deadlines().total_s < MAX_SECONDS
