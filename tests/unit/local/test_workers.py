"""Real worker processes behind the real Lambda service, asked by stock boto3."""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.functions.function import Function
from tests.support.local_lambda import LocalLambda
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = """
import json, os, subprocess, sys, time
print("imported")
def handler(event, context):
    match event.get("do"):
        case "raise": raise ValueError("no good")
        case "sleep": time.sleep(event["seconds"])
        case "wait":
            open(event["began"], "w").close()
            while not os.path.exists(event["go on"]): time.sleep(0.01)
        case "exit": os._exit(3)
        case "kill": os.kill(os.getpid(), 9)
        case "big": return "x" * (7 * 2**20)
        case "odd": return object()
        case "env": return dict(os.environ)
        case "pid": return os.getpid()
        case "child": return subprocess.Popen(["sleep", "300"]).pid
        case "path": return sys.path[:2]
        case "context":
            return {name: getattr(context, name) for name in (
                "function_name", "aws_request_id", "memory_limit_in_mb", "invoked_function_arn", "function_version",
                "log_group_name", "client_context")} | {"left": context.get_remaining_time_in_millis()}
    print("worked")
    return event
"""


class Service(LocalLambda):
    def __init__(self, folder: Path) -> None:
        (folder / "app.py").write_text(SOURCE)
        (folder / "broken.py").write_text("import nothing_of_that_name\n")
        (folder / "layer" / "python").mkdir(parents=True)
        code = {"code": folder, "runtime": "python3.13", "log_group": "/aws/lambda/x"}
        functions = [
            Function("echo", "EchoFunction", "app.handler", timeout_s=1, layers=(folder / "layer",), **code),  # type: ignore[arg-type]
            Function("one", "OneFunction", "app.handler", timeout_s=120, reserved_concurrency=1, **code),  # type: ignore[arg-type]
            Function("broken", "BrokenFunction", "broken.handler", **code),  # type: ignore[arg-type]
            Function("missing", "MissingFunction", "app.nothing", **code),  # type: ignore[arg-type]
        ]
        super().__init__(folder, functions)

    def invoke(self, event: object, name: str = "echo", **more: Any) -> tuple[Any, Any]:
        return super().invoke(event, name, **more)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("functions"))
    yield service
    service.close()


@pytest.mark.parametrize(
    "name", ["echo", "EchoFunction", "arn:aws:lambda:us-east-1:123456789012:function:echo", "echo:$LATEST"]
)
def test_a_function_is_found_by_name_logical_id_and_arn(service: Service, name: str) -> None:
    payload, answer = service.invoke({"a": "é"}, name)
    assert payload == {"a": "é"}
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer


def test_an_exception_is_shaped_as_lambda_does(service: Service) -> None:
    payload, answer = service.invoke({"do": "raise"})
    assert answer["FunctionError"] == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no good")
    assert payload["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert 'raise ValueError("no good")' in payload["stackTrace"][0]


def test_a_worker_is_killed_at_the_timeout_and_replaced(service: Service) -> None:
    began = time.monotonic()
    payload, answer = service.invoke({"do": "sleep", "seconds": 30})
    assert time.monotonic() - began < 20
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert service.invoke({"a": 1})[0] == {"a": 1}


@pytest.mark.parametrize(("do", "how"), [("exit", "exit status 3"), ("kill", "signal: killed")])
def test_a_worker_that_dies_is_an_error_and_is_replaced(service: Service, do: str, how: str) -> None:
    payload, answer = service.invoke({"do": do})
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert how in payload["errorMessage"]
    assert service.invoke({"a": 1})[0] == {"a": 1}


def test_a_worker_killed_while_idle_is_replaced_unseen(service: Service) -> None:
    pid, _ = service.invoke({"do": "pid"})
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    after, answer = service.invoke({"do": "pid"})
    assert "FunctionError" not in answer
    assert after != pid


def test_answers_above_6_mb_are_an_error(service: Service) -> None:
    payload, answer = service.invoke({"do": "big"})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"


def test_answers_that_are_no_json_are_an_error(service: Service) -> None:
    assert service.invoke({"do": "odd"})[0]["errorType"] == "Runtime.MarshalError"


def test_events_of_nearly_6_mb_pass_and_larger_ones_are_refused(service: Service) -> None:
    payload, _ = service.invoke({"x": "y" * (6 * 2**20 - 100)})
    assert len(payload["x"]) == 6 * 2**20 - 100
    with pytest.raises(service.client.exceptions.RequestTooLargeException):
        service.invoke({"x": "y" * 6 * 2**20})


def test_asynchronous_events_have_a_limit_of_their_own(service: Service) -> None:
    with pytest.raises(service.client.exceptions.RequestTooLargeException):
        service.client.invoke(FunctionName="echo", InvocationType="Event", Payload=json.dumps("y" * 2**20).encode())


def test_the_environment_is_lambdas_and_nothing_of_ours_passes(service: Service) -> None:
    os.environ["OF_THE_SUPERVISOR"] = "1"
    environment, _ = service.invoke({"do": "env"}, "one")
    del os.environ["OF_THE_SUPERVISOR"]
    assert "OF_THE_SUPERVISOR" not in environment
    assert "VIRTUAL_ENV" not in environment
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "one"
    assert environment["AWS_ENDPOINT_URL"] == "http://x"


def test_the_function_then_its_layers_come_first_on_the_path(service: Service) -> None:
    path, _ = service.invoke({"do": "path"})
    assert [Path(part).name for part in path][1] == "python"
    assert (Path(path[0]) / "app.py").exists()


def test_the_context_is_complete(service: Service) -> None:
    sent = base64.b64encode(b'{"custom": 1}').decode()
    context, answer = service.invoke({"do": "context"}, ClientContext=sent)
    assert context["aws_request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert context["invoked_function_arn"] == "arn:aws:lambda:us-east-1:123456789012:function:echo"
    assert context["memory_limit_in_mb"] == "128"
    assert context["client_context"] == {"custom": 1}
    assert 0 < context["left"] <= 1000


def test_the_log_tail_has_the_invocation_from_start_to_report(service: Service) -> None:
    _, answer = service.invoke({}, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert "worked" in lines
    assert lines[-2].startswith("END RequestId: ")
    assert lines[-1].startswith("REPORT RequestId: ")
    assert "Max Memory Used: " in lines[-1]


@pytest.mark.parametrize(
    ("name", "kind"), [("broken", "Runtime.ImportModuleError"), ("missing", "Runtime.HandlerNotFound")]
)
def test_a_module_that_does_not_load_is_an_error(service: Service, name: str, kind: str) -> None:
    payload, answer = service.invoke({}, name)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", kind)


def test_reserved_concurrency_throttles(service: Service, tmp_path: Path) -> None:
    began, go_on = tmp_path / "began", tmp_path / "go on"
    event = {"do": "wait", "began": str(began), "go on": str(go_on)}
    slow = threading.Thread(target=service.invoke, args=(event, "one"))
    slow.start()
    try:
        wait_for(began.exists)
        with pytest.raises(service.client.exceptions.TooManyRequestsException):
            service.invoke({}, "one")
    finally:
        go_on.touch()
        slow.join()


def test_dry_run_and_bad_input_invoke_nothing(service: Service) -> None:
    assert service.client.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"] == 204
    with pytest.raises(service.client.exceptions.InvalidRequestContentException):
        service.client.invoke(FunctionName="echo", Payload=b"[" * 100_000)
    with pytest.raises(service.client.exceptions.InvalidRequestContentException):
        service.client.invoke(FunctionName="echo", Payload=b"{")
    with pytest.raises(
        service.client.exceptions.ResourceNotFoundException, match=r"Function not found: arn:aws:lambda"
    ):
        service.invoke({}, "nobody")


def test_functions_are_listed_and_described(service: Service) -> None:
    pages = service.client.get_paginator("list_functions").paginate()
    assert [one["FunctionName"] for page in pages for one in page["Functions"]] == ["broken", "echo", "missing", "one"]
    assert service.client.get_function(FunctionName="EchoFunction")["Configuration"]["FunctionName"] == "echo"
    assert service.client.get_function_configuration(FunctionName="echo")["Timeout"] == 1


def test_permissions_make_a_resource_policy(service: Service) -> None:
    client, arn = service.client, "arn:aws:workmail:us-east-1:123456789012:organization/m-1"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName="echo")
    asked = {"FunctionName": "echo", "StatementId": "s", "Action": "lambda:InvokeFunction"}
    client.add_permission(**asked, Principal="workmail.us-east-1.amazonaws.com", SourceArn=arn)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.add_permission(**asked, Principal="workmail.us-east-1.amazonaws.com")
    statement = json.loads(client.get_policy(FunctionName="echo")["Policy"])["Statement"][0]
    assert statement["Principal"] == {"Service": "workmail.us-east-1.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": arn}}
    client.remove_permission(FunctionName="echo", StatementId="s")
    with pytest.raises(ClientError, match="not found"):
        client.remove_permission(FunctionName="echo", StatementId="s")


def test_closing_leaves_no_process_not_even_a_functions_own_child(tmp_path: Path) -> None:
    service = Service(tmp_path)
    child, _ = service.invoke({"do": "child"})
    (worker,) = service.invocations.pool("echo").processes
    service.close()
    for pid in (worker, child):
        assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    for _ in range(40):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
