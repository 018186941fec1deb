"""What functions of customers do to us, in Python and in Node.js, as boto3's ``lambda.invoke`` sees it."""

from __future__ import annotations

import base64
import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.functions.function import Function
from tests.support.local_lambda import LocalLambda
from tests.support.sam_project import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = """
import decimal, os, pathlib, sys, time
import boto3

def handler(event, context):
    match event["do"]:
        case "nothing": return None
        case "list": return [1, {"a": "é"}]
        case "large": return "x" * 300_000
        case "nan": return {"x": float("nan")}
        case "decimal": return decimal.Decimal("1.5")
        case "invalid": return "\\udcff"
        case "raise": raise ValueError("no good")
        case "sleep": time.sleep(60)
        case "speak": print("before it hung"); time.sleep(60)
        case "exit": sys.exit(3)
        case "print":
            print("ordinary")
            print("to stderr", file=sys.stderr)
            os.write(1, b"\\xff\\xfe no text\\n")
            print("x" * 1_000_000)
        case "flaky":
            seen = pathlib.Path(event["seen"])
            with seen.open("a") as file: file.write(context.aws_request_id + "\\n")
            raise ValueError("every time")
        case "recurse":
            endpoint = event["endpoint"]
            inner = {**event, "do": "recurse" if event["depth"] > 1 else "nothing", "depth": event["depth"] - 1}
            client = boto3.client("lambda", endpoint_url=endpoint, region_name="us-east-1",
                aws_access_key_id="test", aws_secret_access_key="test")
            import json
            answer = client.invoke(FunctionName=context.function_name, Payload=json.dumps(inner).encode())
            return answer.get("FunctionError", "fine")
"""

NODE = """
const fs = require("fs");
exports.handler = async (event, context) => {
  switch (event.do) {
    case "nothing": return;
    case "list": return [1, {a: "é"}];
    case "large": return "x".repeat(300000);
    case "nan": return {x: NaN};
    case "invalid": return "\\udcff";
    case "raise": throw new TypeError("no good");
    case "sleep": await new Promise((resolve) => setTimeout(resolve, 60000)); break;
    case "speak": console.log("before it hung"); for (;;) ;
    case "spin": for (;;) ;
    case "exit": process.exit(3);
    case "circular": { const a = {}; a.a = a; return a; }
    case "text": throw "only text";
    case "uncaught":
      setTimeout(() => { throw new RangeError("later"); }, 10);
      await new Promise(() => setTimeout(() => {}, 5000));
      break;
    case "rejected":
      Promise.reject(new Error("nobody listens"));
      await new Promise(() => setTimeout(() => {}, 5000));
      break;
    case "never": await new Promise(() => {}); break;
    case "print":
      console.log("ordinary\\nsecond");
      console.error("to stderr %d", 1);
      fs.writeSync(1, Buffer.from([0xff, 0xfe, 0x0a]));
      process.stdout.write("x".repeat(1000000) + "\\n");
      return;
    case "flaky":
      fs.appendFileSync(event.seen, context.awsRequestId + "\\n");
      throw new Error("every time");
    case "environment": return process.env;
    case "context": return {...context, left: context.getRemainingTimeInMillis()};
  }
};
exports.callback = (event, context, callback) => {
  if (event.soon) context.callbackWaitsForEmptyEventLoop = false;
  if (event.error) return callback(event.error === "text" ? "only text" : new Error(event.error));
  const began = Date.now();
  setTimeout(() => {}, 300);
  callback(null, {said: event.say});
};
exports.silent = () => {};
exports.nested = {inner: async () => "inner"};
exports.number = 7;
"""

MODULES = {
    "esm.mjs": "export const handler = async (event) => ({esm: event.a});\n",
    "broken.js": 'require("nothing-of-that-name");\nexports.handler = async () => 1;\n',
    "syntax.js": "exports.handler = async ( => 1;\n",
    "thrower.js": 'throw new Error("at load");\n',
}

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on PATH")
each_runtime = pytest.mark.parametrize("name", ["python", pytest.param("node", marks=needs_node)])
RUNTIMES = {"python": "python3.13", "node": "nodejs22.x"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLambda]:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "app.py").write_text(PYTHON, "utf-8")
    (folder / "app.js").write_text(NODE, "utf-8")
    for name, text in MODULES.items():
        (folder / name).write_text(text, "utf-8")
    handlers = {
        "callback": "app.callback",
        "silent": "app.silent",
        "nested": "app.nested.inner",
        "esm": "esm.handler",
        "broken": "broken.handler",
        "syntax": "syntax.handler",
        "thrower": "thrower.handler",
        "missing": "app.nobody",
        "number": "app.number",
        "absent": "nowhere.handler",
        "malformed": "handler",
    }
    functions = [Function(name, name, "app.handler", folder, RUNTIMES[name], timeout_s=8) for name in RUNTIMES]
    functions += [
        Function(f"short-{name}", f"s-{name}", "app.handler", folder, RUNTIMES[name], timeout_s=1) for name in RUNTIMES
    ]
    functions += [
        Function(name, name, handler, folder, "nodejs22.x", timeout_s=5) for name, handler in handlers.items()
    ]
    functions.append(Function("hanging", "h", "app.handler", folder, "python3.13", timeout_s=120))
    service = LocalLambda(folder, functions)
    yield service
    service.close()


@each_runtime
@pytest.mark.parametrize(
    ("do", "payload"), [("nothing", None), ("list", [1, {"a": "é"}]), ("large", "x" * 300_000), ("print", None)]
)
def test_an_answer_comes_out_as_it_is(service: LocalLambda, name: str, do: str, payload: object) -> None:
    answered, answer = service.invoke({"do": do}, name)
    assert answered == payload
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer


def test_nan_passes_as_pythons_runtime_lets_it_and_nodes_makes_it_null(service: LocalLambda) -> None:
    raw = service.client.invoke(FunctionName="python", Payload=b'{"do": "nan"}')["Payload"].read()
    assert raw == b'{"x": NaN}'
    if shutil.which("node"):
        assert service.invoke({"do": "nan"}, "node")[0] == {"x": None}


def test_a_number_of_dynamodb_is_a_number(service: LocalLambda) -> None:
    assert service.invoke({"do": "decimal"}, "python")[0] == 1.5


def test_text_that_is_no_utf_8_is_an_error_in_python(service: LocalLambda) -> None:
    payload, answer = service.invoke({"do": "invalid"}, "python")
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Runtime.MarshalError")


@needs_node
def test_text_that_is_no_utf_8_is_escaped_by_node(service: LocalLambda) -> None:
    raw = service.client.invoke(FunctionName="node", Payload=b'{"do": "invalid"}')["Payload"].read()
    assert raw == b'"\\udcff"'


@each_runtime
def test_an_exception_is_shaped_as_its_runtime_does(service: LocalLambda, name: str) -> None:
    payload, answer = service.invoke({"do": "raise"}, name)
    assert (answer["FunctionError"], payload["errorMessage"]) == ("Unhandled", "no good")
    assert payload["errorType"] == {"python": "ValueError", "node": "TypeError"}[name]
    assert any("app." in line for line in payload.get("trace") or payload["stackTrace"])


@each_runtime
@pytest.mark.parametrize("do", ["sleep", pytest.param("spin", marks=needs_node)])
def test_an_invocation_over_its_timeout_is_killed_and_the_next_is_served(
    service: LocalLambda, name: str, do: str
) -> None:
    if do == "spin" and name == "python":
        pytest.skip("only Node.js has one thread for all")
    began = time.monotonic()
    payload, answer = service.invoke({"do": do}, f"short-{name}")
    assert time.monotonic() - began < 30
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]
    assert service.invoke({"do": "list"}, f"short-{name}")[0] == [1, {"a": "é"}]


@each_runtime
def test_output_before_a_kill_is_in_the_log(service: LocalLambda, name: str) -> None:
    """How else would one learn where it hangs?"""
    _, answer = service.invoke({"do": "speak"}, f"short-{name}")
    said = service.written(f"short-{name}").splitlines()
    start = said.index(f"START RequestId: {answer['ResponseMetadata']['RequestId']} Version: $LATEST")
    assert "before it hung" in said[start + 1]


@each_runtime
def test_a_process_that_ends_is_an_error_and_is_replaced(service: LocalLambda, name: str) -> None:
    payload, answer = service.invoke({"do": "exit"}, name)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "exit status 3" in payload["errorMessage"]
    assert service.invoke({"do": "nothing"}, name)[0] is None


@each_runtime
def test_output_is_in_the_log_and_never_in_the_answer(service: LocalLambda, name: str) -> None:
    payload, answer = service.invoke({"do": "print"}, name, LogType="Tail")
    assert payload is None
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) <= 4096
    assert tail.splitlines()[-1].startswith(b"REPORT RequestId: " + answer["ResponseMetadata"]["RequestId"].encode())
    assert "ordinary" in service.written(name)
    assert "to stderr" in service.written(name)


@each_runtime
def test_an_event_that_fails_is_tried_three_times_under_one_request_id(
    service: LocalLambda, name: str, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    event = json.dumps({"do": "flaky", "seen": str(seen)}).encode()
    answer = service.client.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert "FunctionError" not in answer
    wait_for(lambda: seen.exists() and len(seen.read_text().splitlines()) == 3)
    time.sleep(0.5)
    assert seen.read_text().splitlines() == [answer["ResponseMetadata"]["RequestId"]] * 3


def test_a_function_that_hangs_keeps_the_events_of_no_other_waiting(service: LocalLambda, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    for _ in range(30):
        service.client.invoke(FunctionName="hanging", InvocationType="Event", Payload=b'{"do": "sleep"}')
    event = json.dumps({"do": "flaky", "seen": str(seen)}).encode()
    service.client.invoke(FunctionName="short-python", InvocationType="Event", Payload=event)
    wait_for(seen.exists, 60)


def test_a_function_that_calls_itself_comes_back(service: LocalLambda) -> None:
    endpoint = service.client.meta.endpoint_url
    assert service.invoke({"do": "recurse", "depth": 1, "endpoint": endpoint}, "python")[0] == "fine"


def test_a_function_that_calls_itself_without_end_is_stopped_and_served_again(service: LocalLambda) -> None:
    endpoint = service.client.meta.endpoint_url
    payload, answer = service.invoke({"do": "recurse", "depth": 100, "endpoint": endpoint}, "short-python")
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    wait_for(lambda: service.invoke({"do": "list"}, "short-python")[0] == [1, {"a": "é"}])


@needs_node
class TestNode:
    def test_events_of_nearly_6_mb_pass(self, service: LocalLambda) -> None:
        event = {"say": "é" * 900_000}
        assert service.invoke(event, "callback")[0] == {"said": event["say"]}

    @pytest.mark.parametrize(
        ("event", "kind", "message"),
        [
            ({"do": "circular"}, "Error", "Unable to stringify response body"),
            ({"do": "text"}, "string", "only text"),
            ({"do": "uncaught"}, "RangeError", "later"),
            ({"do": "rejected"}, "Runtime.UnhandledPromiseRejection", "nobody listens"),
        ],
    )
    def test_every_way_to_fail_is_an_error_and_the_next_is_served(
        self, service: LocalLambda, event: dict[str, str], kind: str, message: str
    ) -> None:
        payload, answer = service.invoke(event, "node")
        assert answer["FunctionError"] == "Unhandled"
        assert (payload["errorType"], payload["errorMessage"]) == (kind, message)
        assert service.invoke({"do": "nothing"}, "node")[0] is None

    def test_a_promise_that_nothing_will_settle_is_null(self, service: LocalLambda) -> None:
        assert service.invoke({"do": "never"}, "node")[0] is None
        assert service.invoke({"do": "list"}, "node")[0] == [1, {"a": "é"}]

    def test_a_callback_counts_when_nothing_is_left_to_do(self, service: LocalLambda) -> None:
        began = time.monotonic()
        assert service.invoke({"say": "x"}, "callback")[0] == {"said": "x"}
        assert time.monotonic() - began >= 0.3

    def test_a_callback_that_does_not_wait_counts_at_once(self, service: LocalLambda) -> None:
        service.invoke({"say": "warm"}, "callback")
        _, answer = service.invoke({"say": "x", "soon": True}, "callback", LogType="Tail")
        report = base64.b64decode(answer["LogResult"]).decode().splitlines()[-1]
        assert float(report.partition("Duration: ")[2].split()[0]) < 300

    def test_a_callbacks_error_is_the_answer(self, service: LocalLambda) -> None:
        payload, answer = service.invoke({"error": "no good"}, "callback")
        assert (answer["FunctionError"], payload["errorType"], payload["errorMessage"]) == (
            "Unhandled",
            "Error",
            "no good",
        )
        assert service.invoke({"error": "text"}, "callback")[0]["errorType"] == "string"

    def test_a_handler_that_never_calls_back_is_null(self, service: LocalLambda) -> None:
        payload, answer = service.invoke({}, "silent")
        assert payload is None
        assert "FunctionError" not in answer

    def test_modules_and_members_are_found_as_on_aws(self, service: LocalLambda) -> None:
        assert service.invoke({"a": 1}, "esm")[0] == {"esm": 1}
        assert service.invoke({}, "nested")[0] == "inner"

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("broken", "Runtime.ImportModuleError"),
            ("absent", "Runtime.ImportModuleError"),
            ("syntax", "Runtime.UserCodeSyntaxError"),
            ("missing", "Runtime.HandlerNotFound"),
            ("number", "Runtime.HandlerNotFound"),
            ("malformed", "Runtime.MalformedHandlerName"),
            ("thrower", "Error"),
        ],
    )
    def test_a_module_that_does_not_load_is_an_error(self, service: LocalLambda, name: str, kind: str) -> None:
        payload, answer = service.invoke({}, name)
        assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", kind)

    def test_the_environment_is_lambdas(self, service: LocalLambda) -> None:
        environment: dict[str, Any] = service.invoke({"do": "environment"}, "node")[0]
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "node"
        assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs22.x"
        assert environment["AWS_ENDPOINT_URL"] == "http://x"
        assert not {"HOME", "PYTHONPATH", "VIRTUAL_ENV"} & set(environment)

    def test_the_context_is_complete(self, service: LocalLambda) -> None:
        sent = base64.b64encode(b'{"custom": 1}').decode()
        context, answer = service.invoke({"do": "context"}, "node", ClientContext=sent)
        assert context["awsRequestId"] == answer["ResponseMetadata"]["RequestId"]
        assert context["invokedFunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:node"
        assert (context["functionName"], context["memoryLimitInMB"]) == ("node", "128")
        assert context["clientContext"] == {"custom": 1}
        assert 0 < context["left"] <= 8000

    def test_its_log_has_lambdas_form(self, service: LocalLambda) -> None:
        _, answer = service.invoke({"do": "print"}, "node", LogType="Tail")  # which waits for the log
        request = answer["ResponseMetadata"]["RequestId"]
        assert f"\t{request}\tINFO\tordinary\rsecond\n" in service.written("node")
        assert f"\t{request}\tERROR\tto stderr 1\n" in service.written("node")
