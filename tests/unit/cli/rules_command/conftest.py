"""An organization whose rules the command line keeps, on template.yaml in this process."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli import running
from tests.support.in_process import InProcessStack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DROP = {"name": "No evil", "senders": ["*.evil.example"], "recipients": ["*"], "action": "DROP"}
SPARE = {
    "name": "Spare the boss",
    "description": "she knows them",
    "senders": ["x@a.evil.example"],
    "recipients": ["boss@acme.example"],
    "action": "DEFAULT",
}
BOUNCE = {
    "name": "Moved",
    "senders": ["*"],
    "recipients": ["old@acme.example"],
    "action": "BOUNCE",
    "bounceMessage": "Write to new@acme.example",
}


PREFIX = "arn:aws:lambda:us-east-1:123456789012:function:"
TAG = {
    "name": "Tag subjects",
    "senders": ["*"],
    "recipients": ["*"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": "tag-subjects", "synchronous": True, "fallback": "DEFAULT", "timeoutMinutes": 5},
}
COUNT = {
    "name": "Count lists",
    "senders": ["*.lists.example"],
    "recipients": ["acme.example"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": f"{PREFIX}count-senders", "synchronous": False},
}


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        stack.client("workmail").create_organization(Alias="acme")
        make_functions("tag-subjects", "count-senders", "private")
        yield stack


@pytest.fixture
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL_WORKMAIL", raising=False)
    monkeypatch.setattr(running, "find", lambda: stack)
    yield
    workmail = stack.client("workmail")
    for organization in workmail.list_organizations()["OrganizationSummaries"]:
        named = {"OrganizationId": organization["OrganizationId"]}
        if organization["Alias"] != "acme" and organization["State"] == "Active":
            workmail.delete_organization(**named, DeleteDirectory=True)
            assert "FunctionError" not in stack.functions.invoke("DeleteOrganizationsFunction", b"{}")
        elif organization["Alias"] == "acme":
            for rule in workmail.list_inbound_mail_flow_rules(**named)["Rules"]:
                workmail.delete_inbound_mail_flow_rule(**named, RuleId=rule["RuleId"])
            for rule in workmail.list_outbound_mail_flow_rules(**named)["Rules"]:
                workmail.delete_outbound_mail_flow_rule(**named, RuleId=rule["RuleId"])
            for gateway in workmail.list_smtp_gateways(**named)["SmtpGateways"]:
                workmail.delete_smtp_gateway(**named, SmtpGatewayId=gateway["SmtpGatewayId"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with three rules."""
    return written(tmp_path, DROP, SPARE, BOUNCE)


def written(folder: Path, *rules: dict[str, Any], **directions: Any) -> Path:
    """Write a file of inbound rules, or of the directions that are named."""
    path = folder / "rules.json"
    path.write_text(json.dumps(directions or {"inbound": rules}), "utf-8")
    return path


def rows(result: Any) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    read: list[dict[str, Any]] = json.loads(result.stdout)
    return read


def make_functions(*names: str) -> None:
    """Make functions that every organization's rules may call, but for ``private``."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass\n")
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "*"}}
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    client = boto3.client("lambda")
    for name in names:
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=role,
            Code={"ZipFile": code.getvalue()},
        )
        if name != "private":
            client.add_permission(
                FunctionName=name,
                StatementId="AllowWorkMail",
                Action="lambda:InvokeFunction",
                Principal="workmail.us-east-1.amazonaws.com",
                SourceArn="arn:aws:workmail:us-east-1:123456789012:organization/*",
            )
