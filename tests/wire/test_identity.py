"""Identity providers and personal access tokens by a stock boto3 client, with every error of the model."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awscli  # type: ignore[import-untyped]  # has no stubs
import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # has no stubs

from cli.repository import repository_root
from contracts import generate
from postroom.access.tokens import id_in

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "m-" + "0" * 32
INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
NO_APPLICATION = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-0000000000000000"
IDENTITY = "11111111-2222-3333-4444-555555555555"
SETTINGS = {
    "AuthenticationMode": "IDENTITY_PROVIDER_ONLY",
    "IdentityCenterConfiguration": {"InstanceArn": INSTANCE, "ApplicationArn": NO_APPLICATION},
    "PersonalAccessTokenConfiguration": {"Status": "ACTIVE", "LifetimeInDays": 30},
}
TOKEN_ID = {"PersonalAccessTokenId": "x"}
TOKEN = {"UserId": "ann", "Name": "phone"}
REQUESTS: dict[str, dict[str, Any]] = {
    "put_identity_provider_configuration": SETTINGS,
    "describe_identity_provider_configuration": {},
    "delete_identity_provider_configuration": {},
    "create_personal_access_token": TOKEN,
    "list_personal_access_tokens": {},
    "get_personal_access_token_metadata": TOKEN_ID,
    "delete_personal_access_token": TOKEN_ID,
}
INVALID: dict[str, dict[str, Any]] = {
    "put_identity_provider_configuration": {"AuthenticationMode": "DIRECTORY_ONLY"},
    "describe_identity_provider_configuration": {"OrganizationId": "m-" + "x" * 32},
    "delete_identity_provider_configuration": {"OrganizationId": "m-" + "x" * 32},
    "create_personal_access_token": {"LifetimeInDays": 3654},
    "list_personal_access_tokens": {"MaxResults": 101},
    "get_personal_access_token_metadata": {"PersonalAccessTokenId": "a b"},
    "delete_personal_access_token": {"PersonalAccessTokenId": "a b"},
}
MISSING = {
    "ResourceNotFoundException": (
        "put_identity_provider_configuration",
        "describe_identity_provider_configuration",
        "create_personal_access_token",
        "get_personal_access_token_metadata",
    )
}


@pytest.fixture
def workmail(taught_workmail: Any) -> Any:
    """The client that knows CreatePersonalAccessToken."""
    return taught_workmail


@pytest.fixture
def acme(workmail: Any, acme: str) -> str:
    """An organization with ann, enabled and associated."""
    ann = workmail.create_user(OrganizationId=acme, Name="ann", DisplayName="A", IdentityProviderUserId=IDENTITY)
    workmail.register_to_work_mail(OrganizationId=acme, EntityId=ann["UserId"], Email="ann@example.com")
    return acme


def configured(workmail: Any, acme: str, status: str = "ACTIVE") -> None:
    made = workmail.create_identity_center_application(Name="mail", InstanceArn=INSTANCE)["ApplicationArn"]
    center = {"InstanceArn": INSTANCE, "ApplicationArn": made}
    tokens = {"Status": status, "LifetimeInDays": 30}
    changed = {**SETTINGS, "IdentityCenterConfiguration": center, "PersonalAccessTokenConfiguration": tokens}
    workmail.put_identity_provider_configuration(OrganizationId=acme, **changed)


def test_every_error_of_the_model(workmail: Any, acme: str, refused: Callable[..., None]) -> None:
    for operation, request in REQUESTS.items():
        refused("OrganizationNotFoundException", operation, OrganizationId=UNKNOWN, **request)
        refused("InvalidParameterException", operation, **{"OrganizationId": acme, **request, **INVALID[operation]})
    refused("InvalidParameterException", "create_identity_center_application", Name="a b", InstanceArn=INSTANCE)
    refused("InvalidParameterException", "delete_identity_center_application", ApplicationArn="arn:aws:sso::1:a/b")
    for code, operations in MISSING.items():
        for operation in operations:
            refused(code, operation, OrganizationId=acme, **REQUESTS[operation])
    for operation in ("create_personal_access_token", "list_personal_access_tokens"):
        named = {**REQUESTS[operation], "UserId": "nobody"}
        refused("EntityNotFoundException", operation, OrganizationId=acme, **named)
    configured(workmail, acme, "INACTIVE")
    refused("OrganizationStateException", "create_personal_access_token", OrganizationId=acme, **TOKEN)
    configured(workmail, acme)
    ann = workmail.describe_user(OrganizationId=acme, UserId="ann")["UserId"]
    workmail.deregister_from_work_mail(OrganizationId=acme, EntityId=ann)
    refused("EntityStateException", "create_personal_access_token", OrganizationId=acme, **TOKEN)
    workmail.delete_user(OrganizationId=acme, UserId=ann)
    for operation in ("create_personal_access_token", "list_personal_access_tokens"):
        named = {**REQUESTS[operation], "UserId": ann}
        refused("EntityStateException", operation, OrganizationId=acme, **named)
    workmail.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
    for operation, request in REQUESTS.items():
        refused("OrganizationStateException", operation, OrganizationId=acme, **request)


def test_tokens_are_made_listed_by_a_paginator_and_deleted(workmail: Any, acme: str) -> None:
    configured(workmail, acme)
    named = {"OrganizationId": acme}
    made = [workmail.create_personal_access_token(**named, **TOKEN, Scopes=["EWS"]) for _ in range(3)]
    ids = sorted(each["PersonalAccessTokenId"] for each in made)
    pages = workmail.get_paginator("list_personal_access_tokens").paginate(
        **named, UserId="ann", PaginationConfig={"PageSize": 2}
    )
    assert [each["PersonalAccessTokenId"] for page in pages for each in page["PersonalAccessTokenSummaries"]] == ids
    found = workmail.get_personal_access_token_metadata(**named, PersonalAccessTokenId=ids[0])
    assert (found["Name"], found["Scopes"]) == ("phone", ["EWS"])
    assert (found["ExpiresTime"] - found["DateCreated"]).days == 30
    for token_id in ids:
        workmail.delete_personal_access_token(**named, PersonalAccessTokenId=token_id)
    assert workmail.list_personal_access_tokens(**named)["PersonalAccessTokenSummaries"] == []
    configuration = workmail.describe_identity_provider_configuration(**named)
    assert configuration["PersonalAccessTokenConfiguration"] == {"Status": "ACTIVE", "LifetimeInDays": 30}
    workmail.delete_identity_center_application(
        ApplicationArn=configuration["IdentityCenterConfiguration"]["ApplicationArn"]
    )
    workmail.delete_identity_provider_configuration(**named)


def test_the_documented_commands_make_a_token(
    workmail: Any,
    acme: str,
    route: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Those of docs/clients.md, by the AWS CLI, with this organization and its user."""
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (block,) = [each for each in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) if "create-personal-access" in each]
    data = Path(awscli.__file__).parent / "data"
    monkeypatch.setenv("AWS_DATA_PATH", f"{generate.CLIENT}{os.pathsep}{data}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_CLI_HISTORY_FILE", str(tmp_path / "history"))
    monkeypatch.setenv("ORGANIZATION", acme)
    driver = create_clidriver()
    driver.session.register("before-send.workmail", route)
    for line in block.replace("\\\n", "").replace("--user-id ada", "--user-id ann").strip().splitlines():
        variable, assigns, value = line.partition("=") if re.match("[A-Z_]+=", line) else ("", "", line)
        command = value.removeprefix("$(").removesuffix(")") if assigns else line
        if command.startswith("aws "):
            words = [os.path.expandvars(word) for word in shlex.split(command)]
            assert driver.main(words[1:]) == 0, words
            value = capsys.readouterr().out.strip()
        if variable:
            monkeypatch.setenv(variable, value)
    assert id_in(value), "the last command prints the token"
    (listed,) = workmail.list_personal_access_tokens(OrganizationId=acme)["PersonalAccessTokenSummaries"]
    assert (listed["Name"], listed["PersonalAccessTokenId"]) == ("phone", id_in(value))
