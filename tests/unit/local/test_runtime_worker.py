"""A function that brings a runtime of its own: our streaming runtime against the local Runtime API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local.api.routes import DELIMITER
from local.functions.function import Function
from local.functions.pool import FunctionLogSink, WorkerPool
from tests.support.running_stack import ROOT, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RUNTIME = (ROOT / "functions/message_flow_api/runtime").read_text()
APP = """
import os, sys, time

print("imported", flush=True)

def handler(event, context):
    print("asked", context.aws_request_id, context.get_remaining_time_in_millis() > 0, flush=True)
    return globals()[event["do"]](event)

def whole(event):
    yield b'{"statusCode": 200}' + bytes(8)
    yield b""
    for _ in range(event.get("pieces", 1)):
        yield b"x" * event.get("size", 1)

def listed(event):
    return [b"a", b"b"]

def raising(event):
    raise LookupError("nothing")

def nothing(event):
    return iter(())

def breaking(event):
    yield b"begun"
    raise LookupError("on the way")

def dying(event):
    os._exit(7)

def sleeping(event):
    time.sleep(60)
    yield b""

def where(event):
    yield repr((os.getcwd(), __file__, os.environ["MINE"], "AWS_LAMBDA_RUNTIME_API" in os.environ)).encode()
"""


class Lines(FunctionLogSink):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, function: Function, stream: str, line: bytes) -> None:
        self.lines.append(line.decode())

    def tail(self, stream: str, request_id: str) -> bytes:
        return "\n".join(self.lines).encode()


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def made(tmp_path: Path, lines: Lines) -> Iterator[Callable[..., WorkerPool]]:
    """Makes a function's workers."""
    pools = []

    def make(app: str = APP, *, timeout: int = 20) -> WorkerPool:
        (tmp_path / "app.py").write_text(app)
        (tmp_path / "runtime").write_text(RUNTIME)
        (tmp_path / "runtime").chmod(0o755)
        function = Function(
            "f",
            "F",
            "app.handler",
            tmp_path,
            "python3.13",
            layers=(ROOT / "layers/postroom",),
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/runtime", "MINE": "mine"},
            timeout_s=timeout,
        )
        pools.append(WorkerPool(function, {}, lines))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def asked(pool: WorkerPool, do: str, *, streamed: bool = True, **event: object) -> tuple[str, bytes]:
    answer = pool.invoke(json.dumps({"do": do, **event}).encode(), streamed=streamed)
    return answer.error, answer.payload


def test_an_answer_comes_as_it_was_written_however_many_pieces(made: Callable[..., WorkerPool]) -> None:
    pool = made()
    assert asked(pool, "whole", pieces=3, size=5) == ("", b'{"statusCode": 200}' + DELIMITER + b"x" * 15)
    assert asked(pool, "listed") == ("", b"ab")


def test_forty_megabytes_come_streamed_and_six_at_once(made: Callable[..., WorkerPool]) -> None:
    pool = made()
    error, payload = asked(pool, "whole", pieces=40, size=1 << 20)
    assert (error, len(payload)) == ("", (40 << 20) + 27)
    error, payload = asked(pool, "whole", pieces=7, size=1 << 20, streamed=False)
    assert (error, json.loads(payload)["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


@pytest.mark.parametrize(
    ("do", "kind", "message"),
    [
        ("raising", "LookupError", "nothing"),
        ("breaking", "LookupError", "on the way"),
        ("nothing", "StopIteration", ""),
        ("missing", "KeyError", "'missing'"),
    ],
)
def test_an_error_is_an_answer_and_the_next_event_is_answered(
    made: Callable[..., WorkerPool], do: str, kind: str, message: str
) -> None:
    pool = made()
    error, payload = asked(pool, do)
    said = json.loads(payload)
    assert (error, said["errorType"], said["errorMessage"]) == ("Unhandled", kind, message)
    assert asked(pool, "listed") == ("", b"ab")
    assert len(pool.processes) == 1


def test_a_runtime_that_dies_or_takes_too_long_is_replaced(made: Callable[..., WorkerPool]) -> None:
    pool = made(timeout=3)
    error, payload = asked(pool, "dying")
    assert (error, json.loads(payload)["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "exit status 7" in payload.decode()
    error, payload = asked(pool, "sleeping")
    assert (error, json.loads(payload)["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert asked(pool, "listed") == ("", b"ab")


def test_a_module_that_cannot_be_imported_is_named(made: Callable[..., WorkerPool]) -> None:
    error, payload = asked(made("raise RuntimeError('no settings')"), "whole")
    assert (error, json.loads(payload)["errorType"]) == ("Unhandled", "RuntimeError")


def test_the_function_finds_its_folder_and_variables(made: Callable[..., WorkerPool], tmp_path: Path) -> None:
    _, payload = asked(made(), "where")
    assert payload.decode() == repr((str(tmp_path), str(tmp_path / "app.py"), "mine", True))


def test_the_log_is_lambdas(made: Callable[..., WorkerPool], lines: Lines) -> None:
    answer = made().invoke(b'{"do": "listed"}', streamed=True)
    wait_for(lambda: any(line.startswith("REPORT") for line in lines.lines))
    assert lines.lines[:2] == ["imported", f"START RequestId: {answer.request_id} Version: $LATEST"]
    assert lines.lines[2] == f"asked {answer.request_id} True"
    assert lines.lines[3] == f"END RequestId: {answer.request_id}"


def test_a_wrapper_of_a_layer_is_left_out(tmp_path: Path) -> None:
    for wrapper in ("/opt/otel-handler", "/var/task/not-there", "", "runtime"):
        function = Function("f", "F", "a.h", tmp_path, "python3.13", environment={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        assert function.own_runtime is None
