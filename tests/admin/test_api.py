"""The table of operations; conflicts with other writers, and stores that do not answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts import extra_operations
from postroom.admin import api
from postroom.admin.operations import OPERATIONS
from postroom.contracts.admin import exceptions
from postroom.contracts.admin.models import shapes
from postroom.errors import ConflictError, PostroomError, StoreUnavailableError
from postroom.model.limits import CONFLICT_ATTEMPTS


class FailingDirectory:
    """A directory whose first commits fail."""

    def __init__(self, directory: Any, failures: int, error: PostroomError) -> None:
        self._directory = directory
        self._failures = failures
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    def commit(self, changes: Any) -> None:
        if self._failures:
            self._failures -= 1
            raise self._error
        self._directory.commit(changes)


def test_every_operation_in_the_table_is_one_of_the_models() -> None:
    assert set(OPERATIONS) <= set(shapes.OPERATIONS)
    assert len(OPERATIONS) >= 95  # none is lost where two changes meet
    assert set(extra_operations.OPERATIONS) <= set(OPERATIONS)  # a model promises what is built


def test_our_exceptions_are_the_models() -> None:
    modelled = {name for operation in shapes.OPERATIONS.values() for name in operation["errors"]}
    ours = {error.__name__ for error in exceptions.WorkMailError.__subclasses__()}
    assert ours == modelled


def test_an_overtaken_operation_is_decided_anew(caller: Any, context: Any, acme: str) -> None:
    caller.context = replace(
        context, directory=FailingDirectory(context.directory, CONFLICT_ATTEMPTS - 1, ConflictError("x"))
    )
    assert caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]


def test_one_that_is_always_overtaken_and_a_store_that_is_silent_ask_for_a_retry(
    caller: Any, context: Any, acme: str
) -> None:
    for error, failures in ((ConflictError("x"), CONFLICT_ATTEMPTS), (StoreUnavailableError("down"), 1)):
        caller.context = replace(context, directory=FailingDirectory(context.directory, failures, error))
        caller.refused("ServiceUnavailable", "CreateGroup", OrganizationId=acme, Name="team")


@pytest.mark.parametrize("operation", sorted(set(shapes.OPERATIONS) - set(OPERATIONS)))
def test_what_is_not_built_says_so(caller: Any, operation: str) -> None:
    assert "docs/parity.md" in caller.refused("UnknownOperationException", operation)


def test_a_request_is_held_to_the_model(caller: Any) -> None:
    text = caller.refused(
        "InvalidParameterException", "CreateUser", OrganizationId="m-1", Name="a b", Role="BOSS", Zzz=1
    )
    assert text.startswith("5 validation errors detected: ")
    assert "Value null at 'displayName' failed to satisfy constraint: Member must not be null" in text
    assert "Value 'm-1' at 'organizationId' failed to satisfy constraint: Member must have length greater" in text
    assert "Value 'BOSS' at 'role' failed to satisfy constraint: Member must satisfy enum value set: [USER, " in text
    text = caller.refused("InvalidParameterException", "ListOrganizations", MaxResults=101)
    assert text == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )
    domains = [{"DomainName": "ab"}] * 6
    text = caller.refused("InvalidParameterException", "CreateOrganization", Alias="d-x", Domains=domains)
    assert "at 'domains' failed to satisfy constraint: Member must have length less than or equal to 5" in text
    assert "at 'domains.1.member.domainName'" in text


def test_null_is_absent_and_other_types_are_no_serialization(caller: Any) -> None:
    assert caller("ListOrganizations", MaxResults=None, NextToken=None) == {"OrganizationSummaries": []}
    wrong: tuple[dict[str, Any], ...] = (
        {"MaxResults": "5"},
        {"MaxResults": True},
        {"NextToken": 5},
        {"MaxResults": 1.5},
        {"NextToken": {}},
    )
    for bad in wrong:
        caller.refused("SerializationException", "ListOrganizations", **bad)
    caller.refused("SerializationException", "CreateOrganization", Alias="acme", Domains={"DomainName": "x.org"})
    caller.refused("SerializationException", "CreateOrganization", Alias="\ud800")


def test_what_is_logged_holds_no_parameters(caller: Any, context: Any, acme: str) -> None:
    event = {
        "headers": {"x-amz-target": "WorkMailService.DescribeUser"},
        "body": f'{{"OrganizationId": "{acme}", "UserId": "secret-name"}}',
    }
    answered = api.answer(event, context, now=1, request_id="r-1")
    assert (answered.operation, answered.code, answered.organization_id) == (
        "DescribeUser",
        "EntityNotFoundException",
        acme,
    )
    assert answered.response["headers"]["x-amzn-RequestId"] == "r-1"
