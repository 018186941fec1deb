"""How the commands find the running stack, and what they say where there is none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli import running
from cli.errors import RefusedError, UsageError
from cli.running import read_exports, refusals
from postroom.adapters.aws import clients
from postroom.errors import KeyUnavailableError, StoreUnavailableError
from tests.support.accounts import empty_account

from .conftest import Run

EXPORTS = (
    "# written by up\nexport AWS_ENDPOINT_URL=http://127.0.0.1:9\nexport POSTROOM_OUTBOX='/a b/c'\nexport EMPTY=\n"
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("AWS_ENDPOINT_URL", "POSTROOM_STACK"):
        os.environ.pop(name, None)
    running.session.cache_clear()  # a session keeps the environment it was made in
    yield
    running.session.cache_clear()


def test_exports_are_read_as_a_shell_reads_them() -> None:
    assert read_exports(EXPORTS) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "POSTROOM_OUTBOX": "/a b/c",
        "EMPTY": "",
    }


def test_the_file_that_up_wrote_is_used_where_the_environment_names_no_stack(tmp_path: Path) -> None:
    (tmp_path / ".postroom").mkdir()
    (tmp_path / ".postroom" / "env").write_text(EXPORTS)
    assert running.find(tmp_path).variables["POSTROOM_OUTBOX"] == "/a b/c"
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:10"
    (tmp_path / ".postroom").mkdir()
    (tmp_path / ".postroom" / "env").write_text(EXPORTS)
    assert running.find(tmp_path).variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:10"


def test_no_stack_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        RefusedError, match=r"^no stack is running here; start it with: \./scripts/postroom up, or name"
    ):
        running.find(tmp_path)


def test_a_stack_that_was_stopped_is_one_clear_line() -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.raises(RefusedError, match=r"does not answer \(http://127.0.0.1:9/\); start it"), refusals():
        running.find().settings()


@pytest.mark.parametrize("value", ["", "127.0.0.1", "host:port"])
def test_an_smtp_address_must_be_a_host_and_a_port(value: str) -> None:
    with pytest.raises(RefusedError, match="POSTROOM_SMTP"):
        _ = running.Stack({"POSTROOM_SMTP": value}).smtp


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert running.Stack({"POSTROOM_SMTP": "[::1]:25"}).smtp == ("::1", 25)


def raised(error: Exception) -> str:
    with pytest.raises(RefusedError) as refused, refusals():
        raise error
    return str(refused.value)


def test_the_refusal_of_a_station_is_shown_by_its_cause() -> None:
    assert raised(KeyUnavailableError("DisabledException")) == "KeyUnavailableError: DisabledException"


def test_a_store_that_is_unavailable_is_shown_as_a_stack_that_does_not_answer() -> None:
    error = StoreUnavailableError("no table")
    error.__cause__ = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    assert raised(error).startswith("the stack does not answer (http://127.0.0.1:9)")


def test_the_refusal_of_a_service_names_the_operation() -> None:
    answer: Any = {"Error": {"Code": "NotFound", "Message": "no such thing"}}
    assert raised(ClientError(answer, "GetThing")) == "GetThing: NotFound: no such thing"


def test_clients_have_our_operations_beside_models_that_the_caller_added(tmp_path: Path) -> None:
    (tmp_path / "mine" / "2020-01-01").mkdir(parents=True)
    (tmp_path / "mine" / "2020-01-01" / "service-2.json").write_text("{}")
    os.environ["AWS_DATA_PATH"] = str(tmp_path)
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    session = running.session()
    assert "ListInboundMailFlowRules" in session.create_client("workmail").meta.service_model.operation_names
    assert "mine" in session.get_available_services()


def denied(code: str, message: str, operation: str = "GetThing") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_a_denied_call_names_the_missing_right() -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/ops/ann is not authorized to perform: dynamodb:Query on "
        "resource: arn:aws:dynamodb:us-east-1:123456789012:table/mail-LedgerTable-1A because no identity-based policy "
        "allows the dynamodb:Query action"
    )
    store = StoreUnavailableError("could not read a table")
    store.__cause__ = denied("AccessDeniedException", said)
    assert raised(store) == (
        "not allowed: dynamodb:Query on arn:aws:dynamodb:us-east-1:123456789012:table/mail-LedgerTable-1A "
        "(because no identity-based policy allows the dynamodb:Query action)"
    )


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (denied("AccessDenied", "Access Denied", "GetObject"), "not allowed: s3:GetObject (Access Denied)"),
        (denied("403", "Forbidden", "HeadObject"), "not allowed: s3:GetObject (Forbidden)"),
        (denied("AccessDeniedException", "", "Odd"), "not allowed: the action of Odd"),
        (
            denied("AccessDenied", "User: u is not authorized to perform: sqs:sendmessage on resource: arn:q"),
            "not allowed: sqs:sendmessage on arn:q",
        ),
        (denied("ThrottlingException", "not now"), "GetThing: ThrottlingException: not now"),
    ],
)
def test_what_a_service_leaves_out_is_said_by_its_operation(error: ClientError, shown: str) -> None:
    assert raised(error) == shown


@pytest.fixture
def account() -> Iterator[None]:
    with empty_account():
        clients.forget()
        yield


def made_stack(name: str, outputs: dict[str, str]) -> None:
    """Make a stack in CloudFormation with these outputs."""
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {k: {"Value": v} for k, v in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.mark.usefixtures("account")
def test_a_deployed_stack_is_found_among_others_by_its_outputs() -> None:
    made_stack("postroom", {"LedgerTableName": "another"})
    made_stack("mail", {"LedgerTableName": "mail-LedgerTable-1A2B", "IngestFunctionName": "mail-IngestFunction-3C4D"})
    running.choose("mail", None, None)
    stack = running.find()
    assert stack.settings() == {"LEDGER_TABLE": "mail-LedgerTable-1A2B"}
    assert stack.function("IngestFunction") == "mail-IngestFunction-3C4D"
    with pytest.raises(RefusedError, match="the stack mail has no output WorkMailEndpointUrl: it was deployed from an"):
        stack.client("workmail")
    with (
        pytest.raises(RefusedError, match=r"ParkingSettings: not set: .*INGEST_QUEUE_URL.*: it was deployed"),
        refusals(),
    ):
        _ = stack.operator().parking


@pytest.mark.usefixtures("account")
def test_a_stack_that_is_not_there_or_not_ours_is_refused() -> None:
    made_stack("website", {"Url": "https://example.com"})
    for name, said in (("mail", "there is no stack mail in this"), ("website", "website is no stack of Postroom")):
        with pytest.raises(RefusedError, match=said):
            running.Stack({}, name).settings()


@pytest.mark.usefixtures("account")
def test_the_api_of_a_deployed_stack_is_called_at_its_url_and_signed_for_api_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made_stack(
        "mail", {"LedgerTableName": "l", "WorkMailEndpointUrl": "https://api1.execute-api.eu-west-1.amazonaws.com/v1"}
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_WORKMAIL", "https://another.example")
    running.choose("mail", None, None)
    sent: list[Any] = []

    class StopError(Exception): ...

    def keep(request: Any, **_: Any) -> None:
        sent.append(request)
        raise StopError

    client = running.workmail()
    client.meta.events.register("before-send.workmail.ListOrganizations", keep)
    with pytest.raises(StopError):
        client.list_organizations()
    assert sent[0].url == "https://api1.execute-api.eu-west-1.amazonaws.com/v1"
    assert "/us-east-1/execute-api/aws4_request" in sent[0].headers["Authorization"].decode()


def test_a_region_and_a_profile_are_those_of_the_command_line() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "other"}
    running.choose("mail", "eu-west-1", "prod")
    assert {name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")} == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PROFILE": "prod",
    }
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & os.environ.keys()


def test_the_region_is_also_read_from_the_variable_that_botocore_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    running.choose("mail", None, None)
    assert running.session().get_config_variable("region") == "eu-west-1"


def test_a_region_is_also_for_the_stack_that_the_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(running.STACK, "mail")
    running.choose(None, "eu-west-1", None)
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--region", "eu-west-1", "trace", "t"), "--region and --profile are for a deployed stack"),
        (("--profile", "prod", "trace", "t"), "--region and --profile are for a deployed stack"),
        (("--stack", "mail", "up"), "up is for the stack that runs here"),
        (("--stack", "mail", "send", "f", "--from", "a", "--to", "b"), "send is for the stack that runs here"),
    ],
)
def test_options_that_do_not_fit_are_used_wrongly(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(said)


def test_samples_are_not_run_on_a_deployed_stack(run: Run) -> None:
    said = str(run("--stack", "mail", "replay").exception)
    assert said.startswith("samples make an organization: give --function")


@pytest.mark.usefixtures("account")
def test_a_right_that_is_missing_from_the_first_call_is_named_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/mail/*"
    said = f"User: u is not authorized to perform: cloudformation:DescribeStacks on resource: {arn}"
    session: Any = running.session()
    answer = {"Error": {"Code": "AccessDenied", "Message": said}, "ResponseMetadata": {}}
    session.register(
        "before-call.cloudformation.DescribeStacks", lambda **_: (SimpleNamespace(status_code=403), answer)
    )
    result = run("--stack", "mail", "trace", "t")
    assert str(result.exception) == f"not allowed: cloudformation:DescribeStacks on {arn}"
