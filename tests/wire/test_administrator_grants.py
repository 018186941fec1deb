"""Grants through a stock client, and refusals as it raises them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import running
from cli.main import app
from cli.repository import repository_root
from tests.wire.conftest import Body, proxy_event

if TYPE_CHECKING:
    from collections.abc import Callable

CHIEF: Final = "arn:aws:iam::123456789012:user/chief"
SESSION: Final = "arn:aws:sts::123456789012:assumed-role/Mail/ada@example.com"


@pytest.fixture
def client_of(taught_workmail: Any, answer: Any) -> Callable[[str], Any]:
    """Makes taught_workmail the client of a caller."""
    caller: list[str] = []

    def signed(request: Any, **_: Any) -> AWSResponse:
        event = proxy_event(request)
        event["requestContext"]["identity"] = {"userArn": caller[-1]}
        response = answer(event, "")
        return AWSResponse(request.url, response["statusCode"], response["headers"], Body(response["body"].encode()))

    taught_workmail.meta.events.register_first("before-send.workmail", signed)

    def of(arn: str) -> Any:
        caller.append(arn)
        return taught_workmail

    return of


def test_a_role_that_is_granted_by_its_path_reads_one_organization(client_of: Any, acme: str) -> None:
    boto3.client("iam").create_role(
        RoleName="Mail", Path="/team/", AssumeRolePolicyDocument=json.dumps({"Statement": []})
    )
    client_of(CHIEF).put_administrator_grant(Principal=CHIEF, Access="FULL_ACCESS")
    role = {"Principal": "arn:aws:iam::123456789012:role/team/*", "OrganizationId": acme}
    client_of(CHIEF).put_administrator_grant(Access="READ_ONLY", **role)

    assert client_of(SESSION).describe_organization(OrganizationId=acme)["Alias"] == "acme"
    with pytest.raises(ClientError) as refused:
        client_of(SESSION).create_group(OrganizationId=acme, Name="team")
    assert refused.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": f"User: {SESSION} is not authorized to perform: workmail:CreateGroup on resource: "
        f"arn:aws:workmail:us-east-1:123456789012:organization/{acme}",
    }
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    (row,) = client_of(CHIEF).list_administrator_grants(OrganizationId=acme)["Grants"]
    assert {name: row[name] for name in role} == role
    client_of(CHIEF).delete_administrator_grant(**role)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client_of(SESSION).describe_organization(OrganizationId=acme)


def test_the_refusals_of_grants_are_modelled(client_of: Any, acme: str) -> None:
    client = client_of(CHIEF)
    put = {"Principal": CHIEF, "Access": "FULL_ACCESS"}
    with pytest.raises(client.exceptions.InvalidParameterException, match="would lose its own access"):
        client.put_administrator_grant(**put | {"Access": "READ_ONLY"})
    client.put_administrator_grant(**put)
    with pytest.raises(client.exceptions.InvalidParameterException, match="is no ARN"):
        client.put_administrator_grant(**put | {"Principal": "ada"})
    for call in (client.put_administrator_grant, client.delete_administrator_grant, client.list_administrator_grants):
        given = {} if call == client.list_administrator_grants else {"Principal": CHIEF}
        given |= {"Access": "FULL_ACCESS"} if call == client.put_administrator_grant else {}
        with pytest.raises(client.exceptions.OrganizationNotFoundException):
            call(OrganizationId="m-" + "0" * 32, **given)
    client.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
    with pytest.raises(client.exceptions.OrganizationStateException):
        client.put_administrator_grant(OrganizationId=acme, **put)


def test_grants_are_kept_by_the_command_line(client_of: Any, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "workmail", lambda: client_of(CHIEF))

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["grants", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run("list") == "no grants\n"
    assert run("put", CHIEF) == ""
    run("put", SESSION, "--organization", "acme", "--read-only")
    (all_,), (one,) = (json.loads(run("list", "--json", *more)) for more in ([], ["--organization", acme]))
    assert all_["created"] == all_["modified"]
    assert {name: all_[name] for name in ("principal", "organization", "access", "origin")} == {
        "principal": CHIEF,
        "organization": None,
        "access": "FULL_ACCESS",
        "origin": "API",
    }
    assert (one["principal"], one["organization"], one["access"]) == (SESSION, acme, "READ_ONLY")
    documented = (repository_root() / "docs" / "command-line.md").read_text("utf-8").partition("## grants list")[2]
    assert [name for name in one if f"| `{name}` |" not in documented.partition("\n## ")[0]] == []
    assert "READ_ONLY" in run("list", "--organization", "acme")
    run("delete", SESSION, "--organization", acme)
    assert run("list", "--organization", acme) == "no grants\n"
    locked_out = CliRunner().invoke(app, ["grants", "delete", CHIEF])
    assert "would lose its own access" in str(locked_out.exception)


def test_an_organizations_administrator_names_it_by_its_id(
    client_of: Any, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`postroom rules` then asks for nothing that needs all organizations."""
    client_of(CHIEF).put_administrator_grant(Principal=CHIEF, Access="FULL_ACCESS")
    client_of(CHIEF).put_administrator_grant(Principal=SESSION, Access="READ_ONLY", OrganizationId=acme)
    monkeypatch.setattr(running, "workmail", lambda: client_of(SESSION))
    listed = CliRunner().invoke(app, ["rules", "list", "--organization", acme, "--json"])
    assert (listed.exit_code, json.loads(listed.stdout)) == (0, [])
    refused = CliRunner().invoke(app, ["rules", "list", "--organization", "acme"])
    assert "not allowed: workmail:ListOrganizations" in str(refused.exception)
