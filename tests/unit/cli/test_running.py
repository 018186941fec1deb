"""How the commands find the running stack, and what they say where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli import running
from cli.errors import RefusedError
from cli.running import read_exports, refusals
from postroom.errors import KeyUnavailableError, StoreUnavailableError

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
