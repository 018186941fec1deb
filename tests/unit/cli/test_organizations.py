"""Which organization a command means, where there are several."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from cli import running
from cli.errors import RefusedError, UsageError
from tests.support.in_process import InProcessStack, deployed

from .conftest import Run

ALIASES: Final = ("east", "west")
WEST: Final = "ada@west.example"
SECRET: Final = "Correct-Horse-9"


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        for alias in ALIASES:
            organization(stack.client("workmail"), alias)
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


def organization(workmail: Any, alias: str) -> None:
    """Make an organization with a domain and a user, of the same name in each."""
    named = {"OrganizationId": workmail.create_organization(Alias=alias)["OrganizationId"]}
    workmail.register_mail_domain(**named, DomainName=f"{alias}.example")
    ada = workmail.create_user(**named, Name="ada", DisplayName="Ada", Password=SECRET)["UserId"]
    workmail.register_to_work_mail(**named, EntityId=ada, Email=f"ada@{alias}.example")


def ids(stack: InProcessStack) -> dict[str, str]:
    found = stack.client("workmail").list_organizations()["OrganizationSummaries"]
    return {each["Alias"]: each["OrganizationId"] for each in found}


@pytest.mark.parametrize("by", ["address", "id"])
def test_a_users_address_or_id_says_which_organization(run: Run, stack: InProcessStack, by: str) -> None:
    workmail, west = stack.client("workmail"), ids(stack)["west"]
    user = WEST if by == "address" else workmail.describe_user(OrganizationId=west, UserId=WEST)["UserId"]
    assert run("away", "set", user, "Away").exit_code == 0
    (shown,) = json.loads(run("away", "show", user, "--json").output)
    assert shown["text"] == "Away"
    assert workmail.get_out_of_office(OrganizationId=west, UserId=WEST)["Text"] == "Away"
    assert run("away", "delete", user).exit_code == 0
    with pytest.raises(workmail.exceptions.ResourceNotFoundException):
        workmail.get_out_of_office(OrganizationId=west, UserId=WEST)


def test_a_name_does_not(run: Run) -> None:
    refused = run("away", "show", "ada").exception
    assert isinstance(refused, UsageError)
    assert str(refused) == "give an address of ada, or say which --organization: east, west"
    assert run("away", "set", "ada", "Away", "--organization", "east").exit_code == 0


def test_an_address_of_no_organization_is_refused(run: Run) -> None:
    refused = run("away", "show", "ada@north.example").exception
    assert isinstance(refused, RefusedError)
    assert str(refused) == "no organization here has the domain of ada@north.example"


@pytest.mark.parametrize("named", ["alias", "id"])
def test_rebuild_takes_an_alias_or_an_id(run: Run, stack: InProcessStack, named: str) -> None:
    said = run("rebuild", "West" if named == "alias" else ids(stack)["west"])
    assert said.output == "0 events were queued for the log\n"


def test_rebuild_refuses_an_alias_of_no_organization(run: Run) -> None:
    refused = run("rebuild", "north").exception
    assert isinstance(refused, RefusedError)
    assert str(refused) == "no organization north"
