"""The loop of a function that streams; tests/unit/local/test_runtime_worker.py runs it as a process."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest

from postroom.adapters.aws.lambda_runtime import Context, RuntimeApi, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


class OverError(Exception):
    """The test has no more events."""


class Api:
    """A Runtime API that gives out some events; a piece that says "cut" ends the connection."""

    def __init__(self, *events: object) -> None:
        self.events = [json.dumps(event).encode() for event in events]
        self.said: list[tuple[str, str]] = []

    def next(self) -> tuple[bytes, Context]:
        if not self.events:
            raise OverError
        return self.events.pop(0), Context("r", "arn", 0, "f", "$LATEST", "128", "", "")

    def stream(self, request_id: str, pieces: Iterator[bytes], first: bytes) -> None:
        for piece in (first, *pieces):
            if piece == b"cut":
                raise BrokenPipeError
            self.said.append(("piece", piece.decode()))

    def fail(self, request_id: str, error: BaseException) -> None:
        self.said.append(("error", str(error)))


def echo(event: Any, _context: object) -> Iterator[bytes]:
    return (str(word).encode() for word in event)


def served(*events: object) -> list[tuple[str, str]]:
    api = Api(*events)
    with pytest.raises(OverError):
        serve(cast("RuntimeApi", api), echo)
    return api.said


def test_events_are_answered_one_after_the_other() -> None:
    assert served(["a", "b"], ["c"]) == [("piece", "a"), ("piece", "b"), ("piece", "c")]


def test_a_caller_who_hangs_up_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert served(["a", "cut", "b"], ["c"]) == [("piece", "a"), ("piece", "c")]
    assert "was cut off: BrokenPipeError" in capsys.readouterr().err


def test_an_event_that_cannot_be_answered_stops_nothing() -> None:
    assert [kind for kind, _ in served(5, [], ["c"])] == ["error", "error", "piece"]


def test_an_answer_that_lambda_refuses_is_noticed() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            while self.rfile.readline() != b"\r\n":  # the last chunk and its trailer
                continue
            self.send_error(413)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.handle_request).start()
        api = RuntimeApi(f"127.0.0.1:{server.server_port}")
        with pytest.raises(OSError, match="413"):
            api.stream("r", iter([b"more"]), b"first")


def test_no_time_is_left_after_the_deadline() -> None:
    assert Context("r", "arn", 0, "f", "1", "128", "", "").get_remaining_time_in_millis() == 0
