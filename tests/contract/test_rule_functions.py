"""Customers' functions and their policies, in memory and through Lambda's API, with a process per function."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from botocore.config import Config
from botocore.stub import Stubber

from local.functions.function import Function
from postroom.adapters.aws import clients
from postroom.adapters.aws.rule_functions import LambdaFunctionPolicies, LambdaRuleFunctions
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.errors import StoreUnavailableError
from postroom.model.function_policy import allows, principal
from postroom.ports.rule_functions import MAX_ERROR_CHARACTERS, Failure, Invocation
from tests.support.local_lambda import LocalLambda
from tests.support.sam_project import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mypy_boto3_lambda import LambdaClient

    from postroom.ports.rule_functions import FunctionPolicies, RuleFunctions

PREFIX = "arn:aws:lambda:us-east-1:123456789012:function:"
FUNCTION, BUSY, GONE = f"{PREFIX}rule", f"{PREFIX}busy", f"{PREFIX}gone"
ORGANIZATION = "arn:aws:workmail:us-east-1:123456789012:organization/m-1"
LARGE = 300 * 1024

CODE = """
import pathlib, sys, time

def handler(event, context):
    with pathlib.Path(event["runs"]).open("a") as file: file.write(event["do"] + "\\n")
    match event["do"]:
        case "answer": return {"actions": [], "said": event["say"]}
        case "nothing": return None
        case "large": return "x" * event["size"]
        case "raise": raise ValueError(event["say"])
        case "exit": sys.exit(3)
        case "sleep": time.sleep(60)
"""


def plainly(event: bytes) -> bytes:
    """Do what ``CODE`` does, as a callable in memory."""
    asked = json.loads(event)
    match asked["do"]:
        case "answer":
            return json.dumps({"actions": [], "said": asked["say"]}).encode()
        case "nothing":
            return b"null"
        case "large":
            return json.dumps("x" * asked["size"]).encode()
        case "raise":
            raise ValueError(asked["say"])
        case "exit":
            sys.exit(3)
        case _:
            raise TimeoutError


class Account(Protocol):
    """An account with the functions ``rule`` and ``busy``; the latter has no room for a call that is waited for."""

    @property
    def functions(self) -> RuleFunctions: ...

    @property
    def policies(self) -> FunctionPolicies: ...

    def event(self, do: str, **more: Any) -> bytes:
        """Return an event that makes a function do something."""

    def runs(self) -> list[str]:
        """Return what the functions did, in order."""

    def permit(self, function_arn: str) -> None:
        """Let WorkMail's rules call a function, as the guide says."""


class InMemory:
    def __init__(self) -> None:
        held = MemoryRuleFunctions(functions={FUNCTION: plainly, BUSY: plainly}, throttled={BUSY})
        self.functions = self.policies = self.held = held

    def event(self, do: str, **more: Any) -> bytes:
        return json.dumps({"do": do, **more}).encode()

    def runs(self) -> list[str]:
        return [json.loads(event)["do"] for _, event in self.held.calls]

    def permit(self, function_arn: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": principal("us-east-1")},
            "Action": "lambda:InvokeFunction",
            "Resource": function_arn,
            "Condition": {"ArnLike": {"AWS:SourceArn": ORGANIZATION}},
        }
        self.held.policies[function_arn] = {"Statement": [statement]}


@dataclass
class OnAws:
    """The clients are ours, with a shorter wait."""

    service: LocalLambda
    log: Path
    client: LambdaClient
    reader: LambdaClient

    @property
    def functions(self) -> RuleFunctions:
        return LambdaRuleFunctions(self.client)

    @property
    def policies(self) -> FunctionPolicies:
        return LambdaFunctionPolicies(self.reader, time.monotonic, cache_s=0)

    def event(self, do: str, **more: Any) -> bytes:
        return json.dumps({"do": do, "runs": str(self.log), **more}).encode()

    def runs(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def permit(self, function_arn: str) -> None:
        self.reader.add_permission(
            FunctionName=function_arn,
            StatementId="AllowWorkMail",
            Action="lambda:InvokeFunction",
            Principal=principal("us-east-1"),
            SourceArn=ORGANIZATION,
        )


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Where clients of Lambda are made for an endpoint that a test may set."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.forget()
    yield monkeypatch
    clients.forget()


@pytest.fixture
def on_aws(tmp_path: Path, endpoint: pytest.MonkeyPatch) -> Iterator[OnAws]:
    (tmp_path / "app.py").write_text(CODE, "utf-8")
    service = LocalLambda(
        tmp_path,
        [
            Function("rule", "Rule", "app.handler", tmp_path, "python3.13", timeout_s=60),
            Function("busy", "Busy", "app.handler", tmp_path, "python3.13", reserved_concurrency=0),
        ],
    )
    endpoint.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{service.server.port}")
    yield OnAws(service, tmp_path / "runs", _impatient(2), clients.function_policies())
    service.close()


def _impatient(seconds: float) -> LambdaClient:
    """Return the client that calls functions, with a shorter wait and nothing else changed."""
    make: Any = clients.session().create_client
    config = clients.rule_functions().meta.config.merge(Config(read_timeout=seconds))
    made: LambdaClient = make("lambda", config=config)
    return made


@pytest.fixture(params=["memory", "aws"])
def account(request: pytest.FixtureRequest) -> Account:
    if request.param == "memory":
        return InMemory()
    found: Account = request.getfixturevalue("on_aws")
    return found


class TestCall:
    def test_an_answer_comes_as_the_function_gave_it_with_what_ran(self, account: Account) -> None:
        done = account.functions.call(FUNCTION, account.event("answer", say="ä\u2028"))
        assert done.payload is not None
        assert json.loads(done.payload) == {"actions": [], "said": "ä\u2028"}
        assert (done.failure, done.error, done.version) == (None, "", "$LATEST")
        assert done.request_id

    def test_each_invocation_has_its_own_request_id(self, account: Account) -> None:
        found = [account.functions.call(FUNCTION, account.event("nothing")).request_id for _ in range(2)]
        assert len(set(found)) == 2

    def test_null_is_an_answer(self, account: Account) -> None:
        done = account.functions.call(FUNCTION, account.event("nothing"))
        assert (done.payload, done.failure) == (b"null", None)

    def test_an_answer_that_is_too_long_for_a_rule_comes_whole(self, account: Account) -> None:
        done = account.functions.call(FUNCTION, account.event("large", size=LARGE))
        assert done.payload == b'"' + b"x" * LARGE + b'"'

    def test_what_it_raises_is_a_failure_in_one_line(self, account: Account) -> None:
        done = account.functions.call(FUNCTION, account.event("raise", say="no good\n\x1b[31m" + "x" * 1000))
        assert (done.payload, done.failure, done.version) == (None, Failure.FUNCTION_ERROR, "$LATEST")
        assert done.error.startswith("ValueError: no good")
        assert done.error.isprintable()
        assert len(done.error) == MAX_ERROR_CHARACTERS
        assert done.request_id

    def test_a_process_that_ends_is_a_failure_and_the_next_call_is_served(self, account: Account) -> None:
        done = account.functions.call(FUNCTION, account.event("exit"))
        assert (done.payload, done.failure) == (None, Failure.FUNCTION_ERROR)
        assert "xit" in done.error  # Runtime.ExitError, SystemExit
        assert account.functions.call(FUNCTION, account.event("nothing")).failure is None

    def test_who_does_not_answer_in_time_was_called_exactly_once(self, account: Account) -> None:
        began = time.monotonic()
        done = account.functions.call(FUNCTION, account.event("sleep"))
        assert (done.payload, done.failure, done.error) == (None, Failure.TIMED_OUT, "no answer in time")
        assert time.monotonic() - began < 30
        assert account.runs() == ["sleep"]

    def test_a_function_without_room_is_not_run(self, account: Account) -> None:
        done = account.functions.call(BUSY, account.event("nothing"))
        assert (done.payload, done.failure) == (None, Failure.THROTTLED)
        assert done.error.startswith("TooManyRequestsException: Rate Exceeded")
        assert account.runs() == []

    def test_a_function_that_is_not_there_is_a_failure_that_names_it(self, account: Account) -> None:
        for invoke in (account.functions.call, account.functions.hand_over):
            done = invoke(GONE, account.event("nothing"))
            assert (done.payload, done.failure, done.version) == (None, Failure.NOT_FOUND, "")
            assert done.error == f"ResourceNotFoundException: Function not found: {GONE}"
        assert account.runs() == []


class TestHandOver:
    def test_the_function_runs_and_what_it_says_is_lost(self, account: Account) -> None:
        done = account.functions.hand_over(FUNCTION, account.event("answer", say="x"))
        assert done == Invocation(b"", request_id=done.request_id)
        assert done.request_id
        wait_for(lambda: account.runs() == ["answer"])

    @pytest.mark.parametrize("do", ["raise", "exit", "sleep"])
    def test_its_failures_are_its_own(self, account: Account, do: str) -> None:
        done = account.functions.hand_over(FUNCTION, account.event(do, say="no good"))
        assert (done.payload, done.failure) == (b"", None)
        assert done.request_id

    def test_a_function_without_room_takes_it_later(self, account: Account) -> None:
        done = account.functions.hand_over(BUSY, account.event("nothing"))
        assert (done.payload, done.failure) == (b"", None)


class TestPolicies:
    def test_a_function_that_nobody_was_allowed_to_call_has_an_empty_one(self, account: Account) -> None:
        assert account.policies.policy(FUNCTION) == {}

    def test_a_permission_is_found_as_it_was_given(self, account: Account) -> None:
        account.permit(FUNCTION)
        assert _allowed(account.policies.policy(FUNCTION))
        assert account.policies.policy(BUSY) == {}

    def test_a_function_that_is_not_there_has_none(self, account: Account) -> None:
        assert account.policies.policy(GONE) is None


def _allowed(policy: Mapping[str, Any] | None) -> bool:
    return policy is not None and allows(
        policy, organization_arn=ORGANIZATION, region="us-east-1", account="123456789012"
    )


class TestAwsAlone:
    """What only a service that is elsewhere can do."""

    def test_a_rule_waits_15_seconds_and_calls_once(self, endpoint: pytest.MonkeyPatch) -> None:
        config: Any = clients.rule_functions().meta.config
        assert (config.read_timeout, config.retries["total_max_attempts"]) == (15, 1)

    def test_where_nobody_listens_it_is_the_services_failure(self, endpoint: pytest.MonkeyPatch) -> None:
        endpoint.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
        for invoke in (LambdaRuleFunctions(_impatient(1)).call, LambdaRuleFunctions(_impatient(1)).hand_over):
            done = invoke(FUNCTION, b"{}")
            assert (done.payload, done.failure, done.error) == (None, Failure.UNAVAILABLE, "EndpointConnectionError")
        with pytest.raises(StoreUnavailableError):
            LambdaFunctionPolicies(clients.function_policies(), time.monotonic).policy(FUNCTION)

    @pytest.mark.parametrize(
        ("code", "status", "failure"),
        [
            ("TooManyRequestsException", 429, Failure.THROTTLED),
            ("EC2ThrottledException", 502, Failure.THROTTLED),
            ("AccessDeniedException", 403, Failure.NOT_PERMITTED),
            ("ServiceException", 500, Failure.UNAVAILABLE),
            ("ServiceUnavailable", 503, Failure.UNAVAILABLE),
            ("ResourceNotReadyException", 502, Failure.UNAVAILABLE),
            ("504", 504, Failure.UNAVAILABLE),
            ("KMSDisabledException", 502, Failure.UNAVAILABLE),
            ("InvalidRuntimeException", 502, Failure.UNAVAILABLE),
            ("RequestTooLargeException", 413, Failure.REFUSED),
            ("SnapStartNotReadyException", 409, Failure.REFUSED),
        ],
    )
    def test_every_refusal_of_lambda_is_a_failure(
        self, endpoint: pytest.MonkeyPatch, code: str, status: int, failure: Failure
    ) -> None:
        client = clients.rule_functions()
        with Stubber(client) as stubbed:
            stubbed.add_client_error("invoke", code, "in two\nlines", http_status_code=status)
            done = LambdaRuleFunctions(client).call(FUNCTION, b"{}")
        assert (done.payload, done.failure, done.error) == (None, failure, f"{code}: in two lines")

    @pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"\xff", b"[" * 100_000])
    def test_an_error_of_any_shape_is_a_failure(self, endpoint: pytest.MonkeyPatch, payload: bytes) -> None:
        class Body:
            def read(self, most: int) -> bytes:
                return payload[:most]

        class Client:
            def invoke(self, **_: object) -> dict[str, Any]:
                metadata = {"RequestId": "r"}
                return {"Payload": Body(), "FunctionError": "Unhandled", "ResponseMetadata": metadata}

        done = LambdaRuleFunctions(Client()).call(FUNCTION, b"{}")  # type: ignore[arg-type]
        assert (done.payload, done.failure, done.request_id) == (None, Failure.FUNCTION_ERROR, "r")

    def test_a_policy_is_read_once_a_minute(self, on_aws: OnAws) -> None:
        now = [0.0]
        policies = LambdaFunctionPolicies(on_aws.reader, lambda: now[0])
        assert (policies.policy(FUNCTION), policies.policy(GONE)) == ({}, None)
        on_aws.permit(FUNCTION)
        now[0] = 59
        assert (policies.policy(FUNCTION), policies.policy(GONE)) == ({}, None)
        now[0] = 60
        assert _allowed(policies.policy(FUNCTION))

    def test_a_policy_that_may_not_be_read_is_not_an_empty_one(self, endpoint: pytest.MonkeyPatch) -> None:
        client = clients.function_policies()
        policies = LambdaFunctionPolicies(client, time.monotonic)
        with Stubber(client) as stubbed:
            stubbed.add_client_error("get_policy", "AccessDeniedException")
            with pytest.raises(StoreUnavailableError):
                policies.policy(FUNCTION)
