"""Roles of functions, in memory and as Lambda tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from postroom.adapters.aws import clients
from postroom.adapters.aws.function_roles import AGAIN_S, CACHE_S, LambdaFunctionRoles
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.errors import StoreUnavailableError
from tests.support.local_lambda import local_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postroom.ports.function_roles import FunctionRoles

PREFIX = "arn:aws:lambda:us-east-1:123456789012:function:"
FUNCTION = f"{PREFIX}rule"
ROLE, OTHER = (f"arn:aws:iam::123456789012:role/{name}" for name in ("path/rule-role", "other-role"))


@pytest.fixture(params=["memory", "lambda"])
def roles(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FunctionRoles]:
    if request.param == "memory":
        yield MemoryRuleFunctions(roles={FUNCTION: ROLE})
        return
    with local_function("rule", "", tmp_path, request.getfixturevalue("monkeypatch")) as service:
        service.client.update_function_configuration(FunctionName="rule", Role=ROLE)
        yield LambdaFunctionRoles(clients.function_policies(), lambda: 0.0)


def test_a_function_tells_its_role(roles: FunctionRoles) -> None:
    assert roles.role(FUNCTION) == ROLE
    assert roles.role(FUNCTION, again=True) == ROLE
    assert roles.role(f"{PREFIX}gone") is None


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.forget()
    yield clients.function_policies()
    clients.forget()


def test_a_role_is_kept_for_minutes_and_read_again_after_seconds(client: Any) -> None:
    now = 0.0
    roles = LambdaFunctionRoles(client, lambda: now)
    wanted = {"FunctionName": FUNCTION}
    with Stubber(client) as stub:
        stub.add_response("get_function_configuration", {"Role": ROLE}, wanted)
        assert roles.role(FUNCTION) == ROLE
        now = AGAIN_S - 0.1
        assert roles.role(FUNCTION, again=True) == ROLE
        now = AGAIN_S
        stub.add_response("get_function_configuration", {"Role": OTHER}, wanted)
        assert (roles.role(FUNCTION), roles.role(FUNCTION, again=True)) == (ROLE, OTHER)
        now += CACHE_S - 0.1
        assert roles.role(FUNCTION) == OTHER
        now += 0.1
        stub.add_client_error("get_function_configuration", "ResourceNotFoundException", http_status_code=404)
        assert roles.role(FUNCTION) is None
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException", "AccessDeniedException"])
def test_lambda_that_does_not_tell_may_be_asked_again(client: Any, code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("get_function_configuration", code)
        with pytest.raises(StoreUnavailableError):
            LambdaFunctionRoles(client, lambda: 0.0).role(FUNCTION)


def test_a_role_that_cannot_be_read_again_is_still_known(client: Any) -> None:
    now = 0.0
    roles = LambdaFunctionRoles(client, lambda: now)
    with Stubber(client) as stub:
        stub.add_response("get_function_configuration", {"Role": ROLE}, {"FunctionName": FUNCTION})
        assert roles.role(FUNCTION) == ROLE
        now = AGAIN_S
        stub.add_client_error("get_function_configuration", "TooManyRequestsException")
        with pytest.raises(StoreUnavailableError):
            roles.role(FUNCTION, again=True)
        assert roles.role(FUNCTION) == ROLE
