"""Grants: what callers may do, and that no change of grants locks its caller out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.role_arns import MemoryRoleArns
from postroom.admin.administrators import MAX_GRANTS
from postroom.errors import ConflictError
from postroom.model.administrators import AdministratorGrants
from postroom.model.principals import Principals
from postroom.model.records import Check, Replace
from tests.admin.conftest import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

CHIEF: Final = "arn:aws:iam::123456789012:user/chief"
SESSION: Final = "arn:aws:sts::123456789012:assumed-role/Mail/ada@example.com"
ROLE: Final = "arn:aws:iam::123456789012:role/team/Mail"
OTHER: Final = "arn:aws:iam::123456789012:user/other"
DENIED: Final = "AccessDeniedException"
NOWHERE: Final = "m-" + "0" * 32

EVERYWHERE: Final = "everywhere"
"""As the place of a grant: all organizations."""


@pytest.fixture
def bolt(caller: Any) -> str:
    """A second organization."""
    made: str = caller("CreateOrganization", Alias="bolt", Domains=[{"DomainName": "bolt.example"}])["OrganizationId"]
    return made


@pytest.fixture
def places(acme: str, bolt: str) -> dict[str, dict[str, str]]:
    return {
        EVERYWHERE: {},
        "acme": {"OrganizationId": acme},
        "bolt": {"OrganizationId": bolt},
        "nowhere": {"OrganizationId": NOWHERE},
        "malformed": {"OrganizationId": "-"},
    }


@pytest.fixture
def chief(caller: Any, places: Any) -> Any:
    """A caller with a grant of everything."""
    caller.arn = CHIEF
    grant(caller, CHIEF)
    return caller


@pytest.fixture
def calls_of(chief: Any) -> Callable[[str], Any]:
    """Returns the caller of an ARN."""

    def of(arn: str) -> Any:
        return replace(chief, arn=arn)

    return of


READ: Final = ("DescribeOrganization", "ListUsers")
CHANGE: Final = ("TestInboundMailFlowRules", "CreateGroup")
OF_THE_STACK: Final = ("ListOrganizations", "ListAdministratorGrants")
CHANGE_THE_STACK: Final = ("CreateOrganization", "PutAdministratorGrant", "DeleteAdministratorGrant")
NOT_BUILT: Final = ("PutRetentionPolicy",)

ALL: Final = frozenset(
    {f"{name} {where}" for name in (*READ, *CHANGE, *NOT_BUILT) for where in ("acme", "bolt", "nowhere", "malformed")}
    | set(OF_THE_STACK)
    | set(CHANGE_THE_STACK)
)
TABLE: Final[dict[str, tuple[tuple[tuple[str, str], ...], frozenset[str]]]] = {
    "no grant": ((), frozenset()),
    "all of everything": (((EVERYWHERE, "FULL_ACCESS"),), ALL),
    "reading everything": (
        ((EVERYWHERE, "READ_ONLY"),),
        frozenset({f"{name} {where}" for name in READ for where in ("acme", "bolt", "nowhere", "malformed")})
        | set(OF_THE_STACK),
    ),
    "all of acme": ((("acme", "FULL_ACCESS"),), frozenset(f"{name} acme" for name in (*READ, *CHANGE, *NOT_BUILT))),
    "reading acme": ((("acme", "READ_ONLY"),), frozenset(f"{name} acme" for name in READ)),
    "reading acme, all of bolt": (
        (("acme", "READ_ONLY"), ("bolt", "FULL_ACCESS")),
        frozenset(f"{name} acme" for name in READ) | {f"{name} bolt" for name in (*READ, *CHANGE, *NOT_BUILT)},
    ),
    "reading everything, all of bolt": (
        ((EVERYWHERE, "READ_ONLY"), ("bolt", "FULL_ACCESS")),
        frozenset({f"{name} {where}" for name in READ for where in ("acme", "bolt", "nowhere", "malformed")})
        | set(OF_THE_STACK)
        | {f"{name} bolt" for name in (*READ, *CHANGE, *NOT_BUILT)},
    ),
}


@pytest.mark.parametrize("principal", [OTHER, ROLE])
@pytest.mark.parametrize("case", TABLE)
def test_a_caller_may_do_what_its_grants_allow_and_nothing_else(
    calls_of: Any, places: Any, case: str, principal: str
) -> None:
    grants, may = TABLE[case]
    for where, access in grants:
        grant(calls_of(CHIEF), principal, access, **places[where])
    caller = calls_of(SESSION if principal == ROLE else principal)
    found = {
        f"{name} {where}"
        for name in (*READ, *CHANGE, *NOT_BUILT)
        for where in ("acme", "bolt", "nowhere", "malformed")
        if allowed(caller, name, **places[where])
    }
    found |= {name for name in (*OF_THE_STACK, *CHANGE_THE_STACK) if allowed(caller, name)}
    assert found == may
    assert {name for name in ALL if allowed(calls_of("arn:aws:iam::123456789012:user/third"), name.split()[0])} == set()


def test_an_organizations_administrator_may_not_change_or_list_its_grants(calls_of: Any, acme: str) -> None:
    """Its own OrganizationId in the request changes nothing."""
    grant(calls_of(CHIEF), OTHER, OrganizationId=acme)
    for name in ("PutAdministratorGrant", "DeleteAdministratorGrant", "ListAdministratorGrants"):
        assert not allowed(calls_of(OTHER), name, OrganizationId=acme, Principal=OTHER, Access="FULL_ACCESS")


def test_without_grants_every_caller_may_do_everything(caller: Any, acme: str) -> None:
    for arn in ("", OTHER, SESSION):
        caller.arn = arn
        assert caller("ListOrganizations")["OrganizationSummaries"]
        assert caller("CreateGroup", OrganizationId=acme, Name=f"g{len(arn)}")


def test_a_refusal_says_who_may_not_do_what_to_which_organization(calls_of: Any, acme: str) -> None:
    text = calls_of(OTHER).refused(DENIED, "CreateGroup", OrganizationId=acme, Name="g")
    assert text == (
        f"User: {OTHER} is not authorized to perform: workmail:CreateGroup on resource: "
        f"arn:aws:workmail:us-east-1:123456789012:organization/{acme}"
    )
    assert calls_of("").refused(DENIED, "ListOrganizations") == (
        "User: anonymous is not authorized to perform: workmail:ListOrganizations on resource: *"
    )


def test_the_stacks_administrators_may_do_everything_whatever_grants_say(calls_of: Any, acme: str) -> None:
    other = calls_of(OTHER)
    other.context = with_firsts(other.context, OTHER)
    assert other("CreateGroup", OrganizationId=acme, Name="g")
    other("DeleteAdministratorGrant", Principal=CHIEF)
    assert listed(other) == [("PARAMETER", OTHER, "FULL_ACCESS")]
    assert not allowed(calls_of(CHIEF), "ListOrganizations")


def test_the_stacks_parameter_alone_restricts_the_api(caller: Any) -> None:
    caller.context = with_firsts(caller.context, ROLE)
    caller.arn = SESSION
    assert caller("ListOrganizations") == {"OrganizationSummaries": []}
    caller.arn = OTHER
    caller.refused(DENIED, "ListOrganizations")


@pytest.mark.parametrize("others", [(), ((OTHER, "FULL_ACCESS"),), ((CHIEF, "READ_ONLY"),)])
def test_the_first_grant_is_the_callers_own(caller: Any, acme: str, others: Any) -> None:
    caller.arn = CHIEF
    for principal, access in (*others, (OTHER, "READ_ONLY")):
        request = {"Principal": principal, "Access": access}
        text = caller.refused("InvalidParameterException", "PutAdministratorGrant", **request)
        assert text.startswith(f"{CHIEF} would lose its own access")
        caller.refused("InvalidParameterException", "PutAdministratorGrant", OrganizationId=acme, **request)
    caller.arn = "arn:aws:iam::123456789012:user/anyone"
    assert caller("ListOrganizations")


def test_a_caller_does_not_take_its_own_access(chief: Any) -> None:
    grant(chief, OTHER)
    grant(chief, "arn:aws:iam::123456789012:user/*", "READ_ONLY")
    chief.refused("InvalidParameterException", "DeleteAdministratorGrant", Principal=CHIEF)
    chief.refused("InvalidParameterException", "PutAdministratorGrant", Principal=CHIEF, Access="READ_ONLY")
    grant(chief, "arn:aws:iam::123456789012:user/*")
    chief("DeleteAdministratorGrant", Principal=CHIEF)
    assert chief("ListOrganizations")


def test_two_who_delete_each_others_grants_do_not_both_succeed(chief: Any) -> None:
    grant(chief, OTHER)

    class Between:
        """The directory; the other's deletion comes between a read and the first commit."""

        def __init__(self, directory: Any) -> None:
            self.directory, self.done = directory, False

        def __getattr__(self, name: str) -> Any:
            return getattr(self.directory, name)

        def commit(self, changes: Any) -> None:
            if not self.done:
                self.done = True
                replace(chief, arn=OTHER)("DeleteAdministratorGrant", Principal=CHIEF)
            self.directory.commit(changes)

    loser = replace(chief, context=replace(chief.context, directory=Between(chief.context.directory)))
    loser.refused("InvalidParameterException", "DeleteAdministratorGrant", Principal=OTHER)
    assert listed(replace(chief, arn=OTHER)) == [("API", OTHER, "FULL_ACCESS")]


def test_grants_count_after_the_last_one_is_gone(chief: Any, acme: str) -> None:
    """Only the stack's parameter gives access then: a list that ends empty must not open the API."""
    chief.context = with_firsts(chief.context, OTHER)
    first = replace(chief, arn=OTHER)
    first("DeleteAdministratorGrant", Principal=CHIEF)
    first.context = with_firsts(first.context)
    first.refused(DENIED, "ListOrganizations")


def test_a_grant_for_one_organization_restricts_the_whole_api(caller: Any, acme: str, bolt: str) -> None:
    caller.context, caller.arn = with_firsts(caller.context, CHIEF), CHIEF
    grant(caller, OTHER, OrganizationId=acme)
    without = replace(caller, context=with_firsts(caller.context), arn=SESSION)
    without.refused(DENIED, "DescribeOrganization", OrganizationId=bolt)
    assert replace(without, arn=OTHER)("DescribeOrganization", OrganizationId=acme)["State"] == "Active"


def test_a_role_is_granted_by_its_path(calls_of: Any) -> None:
    session = calls_of(SESSION)
    grant(calls_of(CHIEF), "arn:aws:iam::123456789012:role/team/*")
    session.refused(DENIED, "ListOrganizations")
    session.context = replace(session.context, role_arns=MemoryRoleArns({"Mail": ROLE}))
    assert session("ListOrganizations")
    stranger = replace(session, arn=SESSION.replace("1234", "4321"))
    stranger.refused(DENIED, "ListOrganizations")


def test_a_role_that_is_granted_by_its_path_may_grant(calls_of: Any) -> None:
    grant(calls_of(CHIEF), "arn:aws:iam::123456789012:role/team/*")
    session = calls_of(SESSION)
    session.context = replace(session.context, role_arns=MemoryRoleArns({"Mail": ROLE}))
    session("DeleteAdministratorGrant", Principal=CHIEF)
    session.refused(
        "InvalidParameterException", "DeleteAdministratorGrant", Principal="arn:aws:iam::123456789012:role/team/*"
    )


def test_grants_are_listed_by_principal_page_by_page(chief: Any, acme: str) -> None:
    chief.context = with_firsts(chief.context, ROLE)
    grant(chief, OTHER, "READ_ONLY")
    grant(chief, OTHER, OrganizationId=acme)
    pages = [chief("ListAdministratorGrants", MaxResults=2)]
    pages.append(chief("ListAdministratorGrants", MaxResults=2, NextToken=pages[0]["NextToken"]))
    rows = [row for page in pages for row in page["Grants"]]
    assert [(row["Origin"], row["Principal"], row["Access"]) for row in rows] == [
        ("PARAMETER", ROLE, "FULL_ACCESS"),
        ("API", CHIEF, "FULL_ACCESS"),
        ("API", OTHER, "READ_ONLY"),
    ]
    assert "NextToken" not in pages[1]
    (row,) = chief("ListAdministratorGrants", OrganizationId=acme)["Grants"]
    assert (row["OrganizationId"], row["Principal"], row["Access"]) == (acme, OTHER, "FULL_ACCESS")


def test_a_grant_that_is_put_again_keeps_its_date(chief: Any) -> None:
    grant(chief, OTHER, "READ_ONLY")
    first = chief("ListAdministratorGrants")["Grants"][1]
    grant(chief, OTHER)
    again = chief("ListAdministratorGrants")["Grants"][1]
    assert (again["Access"], again["DateCreated"]) == ("FULL_ACCESS", first["DateCreated"])
    assert again["DateModified"] > first["DateModified"] == first["DateCreated"]


def test_a_grant_that_does_not_exist_is_deleted_without_an_error(chief: Any, acme: str) -> None:
    chief("DeleteAdministratorGrant", Principal=OTHER)
    chief("DeleteAdministratorGrant", Principal=OTHER, OrganizationId=acme)
    assert listed(chief) == [("API", CHIEF, "FULL_ACCESS")]


def test_bad_grants_are_refused(chief: Any, acme: str) -> None:
    put = "PutAdministratorGrant"
    for principal in ("ada", "arn:aws:iam::123456789012:group/g", "arn:aws:iam::*:user/ada"):
        text = chief.refused("InvalidParameterException", put, Principal=principal, Access="READ_ONLY")
        assert "is no ARN of an IAM user or role" in text
    chief.refused("InvalidParameterException", put, Principal=OTHER, Access="ALL")
    for name in (put, "DeleteAdministratorGrant", "ListAdministratorGrants"):
        request = {"Principal": OTHER, "Access": "READ_ONLY", "OrganizationId": NOWHERE}
        chief.refused("OrganizationNotFoundException", name, **request)
    chief("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    chief.refused("OrganizationStateException", put, Principal=OTHER, Access="READ_ONLY", OrganizationId=acme)


def test_there_are_at_most_a_hundred_grants(chief: Any, acme: str) -> None:
    for number in range(MAX_GRANTS):
        grant(chief, f"{OTHER}{number}", "READ_ONLY", OrganizationId=acme)
    request = {"Principal": OTHER, "Access": "READ_ONLY"}
    chief.refused("LimitExceededException", "PutAdministratorGrant", OrganizationId=acme, **request)
    grant(chief, f"{OTHER}0", OrganizationId=acme)
    chief("PutAdministratorGrant", **request)


def test_grants_end_with_their_organization(chief: Any, acme: str) -> None:
    grant(chief, OTHER, OrganizationId=acme)
    chief("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    chief.settle()
    assert chief("DescribeOrganization", OrganizationId=acme)["State"] == "Deleted"
    assert [
        row.organization_id for row in chief.context.directory.records() if isinstance(row, AdministratorGrants)
    ] == ["-"]
    replace(chief, arn=OTHER).refused(DENIED, "DescribeOrganization", OrganizationId=acme)


def test_a_grant_for_an_organization_needs_its_row_and_the_stacks_unchanged(chief: Any, acme: str) -> None:
    commits: list[Any] = []

    class Watched:
        def __init__(self, directory: Any) -> None:
            self.directory = directory

        def __getattr__(self, name: str) -> Any:
            return getattr(self.directory, name)

        def commit(self, changes: Any) -> None:
            commits.append(list(changes))
            if len(commits) == 1:
                raise ConflictError("the organization has changed")
            self.directory.commit(changes)

    grant(chief, OTHER, "READ_ONLY", OrganizationId=acme)
    chief.context = replace(chief.context, directory=Watched(chief.context.directory))
    grant(chief, OTHER, OrganizationId=acme)
    assert [type(change) for change in commits[-1]] == [Check, Check, Replace]


def with_firsts(context: Any, *principals: str) -> Any:
    return replace(context, settings=replace(context.settings, first_administrators=Principals(principals)))


def listed(caller: Any) -> list[tuple[str, str, str]]:
    rows = caller("ListAdministratorGrants")["Grants"]
    return [(row["Origin"], row["Principal"], row["Access"]) for row in rows]


def grant(caller: Any, principal: str, access: str = "FULL_ACCESS", **organization: str) -> None:
    caller("PutAdministratorGrant", Principal=principal, Access=access, **organization)


def allowed(caller: Any, operation: str, **request: Any) -> bool:
    """Make a call; say whether the caller may make it, whatever the operation then answers."""
    try:
        caller(operation, **request)
    except ApiError as error:
        return error.code != DENIED
    return True
