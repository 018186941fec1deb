"""UpdateFunctionConfiguration of the local Lambda service, asked by stock boto3."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.functions.configuration import WrongValueError, changed
from local.functions.function import Function
from tests.support.local_lambda import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
import os, pathlib, time
def handler(event, context):
    if "until" in event:
        pathlib.Path(event["begun"]).touch()
        while not pathlib.Path(event["until"]).exists():
            time.sleep(0.01)
    return {"name": "first", "pid": os.getpid(), "memory": context.memory_limit_in_mb, **os.environ}
def other(event, context):
    return {"name": "second"}
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalLambda]:
    (tmp_path / "app.py").write_text(SOURCE)
    exports = {"POSTROOM_SMTP": "127.0.0.1:25"}
    function = Function(
        "one", "OneFunction", "app.handler", tmp_path, "python3.13", environment={"A": "1", "B": "2"}, exports=exports
    )
    service = LocalLambda(tmp_path, [function])
    yield service
    service.close()


def test_an_update_has_effect_from_the_next_invocation_on_and_is_shown(service: LocalLambda) -> None:
    before, _ = service.invoke({}, "one")
    shown = service.client.update_function_configuration(
        FunctionName="one",
        Environment={"Variables": {"ORGANIZATION": "m-1"}},
        Timeout=7,
        MemorySize=256,
        Description="d",
    )
    service.client.get_waiter("function_updated").wait(FunctionName="one")
    service.client.get_waiter("function_updated_v2").wait(FunctionName="one")
    after, _ = service.invoke({}, "one")
    assert (before["A"], before["memory"]) == ("1", "128")
    assert ("A" in after, after["ORGANIZATION"], after["memory"]) == (False, "m-1", "256")
    assert after["POSTROOM_SMTP"] == "127.0.0.1:25", "what `up` exports is no variable of the function's, and stays"
    assert after["pid"] != before["pid"]
    found = service.client.get_function_configuration(FunctionName="OneFunction")
    assert {name: found[name] for name in ("Timeout", "MemorySize", "Description", "LastUpdateStatus")} == {
        "Timeout": 7,
        "MemorySize": 256,
        "Description": "d",
        "LastUpdateStatus": "Successful",
    }
    assert found["Environment"] == shown["Environment"] == {"Variables": {"ORGANIZATION": "m-1"}}


def test_another_handler_runs_and_members_that_are_not_named_stay(service: LocalLambda) -> None:
    service.client.update_function_configuration(FunctionName="one", Handler="app.other")
    assert service.invoke({}, "one")[0] == {"name": "second"}
    found = service.client.get_function_configuration(FunctionName="one")
    assert (found["Environment"]["Variables"], found["Timeout"]) == ({"A": "1", "B": "2"}, 3)


def test_an_invocation_under_way_ends_as_it_began(service: LocalLambda, tmp_path: Path) -> None:
    answers: list[Any] = []
    event = {"begun": str(tmp_path / "begun"), "until": str(tmp_path / "until")}
    thread = threading.Thread(target=lambda: answers.append(service.invoke(event, "one")[0]))
    thread.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    service.client.update_function_configuration(FunctionName="one", Environment={"Variables": {"A1": "new"}})
    assert service.invoke({}, "one")[0]["A1"] == "new"
    (tmp_path / "until").touch()
    thread.join(10)
    assert answers[0]["A"] == "1"
    pids = {service.invoke({}, "one")[0]["pid"] for _ in range(3)}
    assert answers[0]["pid"] not in pids, "a process of what the function was runs nothing more"
    until = time.monotonic() + 5  # a worker ends when the log has its last lines, at most a second after its answer
    while answers[0]["pid"] in service.invocations.pool("one").processes and time.monotonic() < until:
        time.sleep(0.01)
    assert answers[0]["pid"] not in service.invocations.pool("one").processes


def test_a_revision_that_is_no_longer_the_present_one_changes_nothing(service: LocalLambda) -> None:
    revision = service.client.get_function_configuration(FunctionName="one")["RevisionId"]
    service.client.update_function_configuration(FunctionName="one", Timeout=9, RevisionId=revision)
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        service.client.update_function_configuration(FunctionName="one", Timeout=10, RevisionId=revision)
    assert service.client.get_function_configuration(FunctionName="one")["Timeout"] == 9


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Timeout": 901}, "InvalidParameterValueException.*'Timeout'"),
        ({"MemorySize": 100_000}, "InvalidParameterValueException.*'MemorySize'"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys .*: AWS_REGION"),
        ({"Environment": {"Variables": {"1A": "x"}}}, "Variables '1A' failed"),
        ({"Environment": {"Variables": {"LONG": "é" * 2048}}}, "exceeded the 4KB limit"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:a:1"]}, "Layers is not changed by the local stack"),
        ({"Runtime": "nodejs20.x"}, "Runtime is not changed"),
    ],
)
def test_an_update_that_lambda_refuses_is_refused(service: LocalLambda, members: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        service.client.update_function_configuration(FunctionName="one", **members)


def test_a_function_that_is_not_there_is_not_found(service: LocalLambda) -> None:
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.client.update_function_configuration(FunctionName="two", Timeout=9)


@pytest.mark.parametrize(
    "asked", [{"Timeout": "9"}, {"Timeout": True}, {"Environment": 1}, {"Environment": {"Variables": {"AB": 1}}}]
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, asked: dict[str, Any]) -> None:
    function = Function("one", "One", "app.handler", tmp_path, "python3.13")
    with pytest.raises(WrongValueError):
        changed(function, asked)
    assert changed(
        function, {"Runtime": "python3.13", "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:r:1:q"}}
    ) == replace(function, dead_letter_arn="arn:aws:sqs:r:1:q")
