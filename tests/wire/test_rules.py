"""Operations of ours, through a stock boto3 client and the AWS CLI that know them from AWS_DATA_PATH."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import os
import shlex
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awscli  # type: ignore[import-untyped]  # has no stubs
import boto3
import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # has no stubs

from contracts import generate
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.bootstrap import admin_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.bootstrap.admin_api import AdminApiSettings

EVIL = {"SenderPatterns": ["*.evil.example"], "RecipientPatterns": ["*"], "Action": {"Type": "DROP"}}


@pytest.fixture
def workmail(taught_workmail: Any) -> Any:
    return taught_workmail


@pytest.fixture
def ingests(settings: AdminApiSettings, acme: str) -> Callable[[], dict[str, str]]:
    """The rules that ingest would find for its next message, by name."""
    directory = admin_api.context(settings).directory

    def read() -> dict[str, str]:
        domain = directory.domain_record("example.com")
        assert domain is not None
        stored = S3RuleSets(boto3.client("s3"), settings.inbound_bucket)
        return {rule.name: rule.action.type.value for rule in stored.inbound(acme, domain.rules_version).rules}

    return read


def test_a_rules_life(workmail: Any, acme: str, ingests: Callable[[], dict[str, str]]) -> None:
    named = {"OrganizationId": acme}
    made = workmail.create_inbound_mail_flow_rule(**named, Name="No evil", **EVIL)["RuleId"]
    assert ingests() == {"No evil": "DROP"}
    found = workmail.describe_inbound_mail_flow_rule(**named, RuleId=made)
    assert abs(found["DateCreated"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert {name: found[name] for name in EVIL} == EVIL
    bounce = {"Type": "BOUNCE", "BounceMessage": "No."}
    workmail.update_inbound_mail_flow_rule(**named, RuleId=made, Name="No evil", **EVIL | {"Action": bounce})
    assert ingests() == {"No evil": "BOUNCE"}
    request = {"From": "x@a.evil.example", "Recipients": ["ann@example.com"]}
    (result,) = workmail.test_inbound_mail_flow_rules(**named, **request)["Results"]
    assert (result["RuleId"], result["Action"]) == (made, bounce)
    workmail.delete_inbound_mail_flow_rule(**named, RuleId=made)
    assert ingests() == {}
    assert workmail.list_inbound_mail_flow_rules(**named)["Rules"] == []


def test_errors_are_the_modelled_classes(workmail: Any, acme: str) -> None:
    raised = workmail.exceptions
    named = {"OrganizationId": acme}
    workmail.create_inbound_mail_flow_rule(**named, Name="one", **EVIL)
    with pytest.raises(raised.NameAvailabilityException, match="the name ONE"):
        workmail.create_inbound_mail_flow_rule(**named, Name="ONE", **EVIL)
    with pytest.raises(raised.EntityNotFoundException, match="no inbound mail-flow rule"):
        workmail.describe_inbound_mail_flow_rule(**named, RuleId="r-404")
    with pytest.raises(raised.InvalidParameterException, match=r"SenderPatterns: 'a\+b@example.org' is no pattern"):
        workmail.create_inbound_mail_flow_rule(**named, Name="two", **EVIL | {"SenderPatterns": ["a+b@example.org"]})
    with pytest.raises(raised.InvalidParameterException, match="enum value set"):
        workmail.create_inbound_mail_flow_rule(**named, Name="two", **EVIL | {"Action": {"Type": "SMTP_GATEWAY"}})
    many = EVIL | {"SenderPatterns": [f"a{each}.example" for each in range(250)]}
    for number in range(3):
        workmail.create_inbound_mail_flow_rule(**named, Name=f"r{number}", **many)
    with pytest.raises(raised.LimitExceededException, match="1000 are allowed"):
        workmail.create_inbound_mail_flow_rule(**named, Name="r3", **many)
    with pytest.raises(raised.OrganizationNotFoundException):
        workmail.list_inbound_mail_flow_rules(OrganizationId="m-" + "0" * 32)


def test_paginators_walk_every_page(workmail: Any, acme: str) -> None:
    for number in range(5):
        workmail.create_inbound_mail_flow_rule(OrganizationId=acme, Name=f"r{number}", **EVIL)
    paginator = workmail.get_paginator("list_inbound_mail_flow_rules")
    pages = list(paginator.paginate(OrganizationId=acme, PaginationConfig={"PageSize": 2}))
    assert [len(page["Rules"]) for page in pages] == [2, 2, 1]
    assert {rule["Name"] for page in pages for rule in page["Rules"]} == {f"r{number}" for number in range(5)}


def test_of_many_rules_made_at_once_none_is_lost(
    workmail: Any, acme: str, ingests: Callable[[], dict[str, str]]
) -> None:
    names = [f"r{number}" for number in range(4)]
    start = threading.Barrier(len(names))

    def make(name: str) -> None:
        start.wait()
        workmail.create_inbound_mail_flow_rule(OrganizationId=acme, Name=name, **EVIL)

    threads = [threading.Thread(target=make, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ingests()) == names
    assert sorted(rule["Name"] for rule in workmail.list_inbound_mail_flow_rules(OrganizationId=acme)["Rules"]) == names


@pytest.fixture
def aws_cli(
    acme: str,
    route: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., Any]:
    """Run ``aws workmail`` about acme; return what it prints, of errors the text."""
    data = Path(awscli.__file__).parent / "data"
    monkeypatch.setenv("AWS_DATA_PATH", f"{generate.CLIENT}{os.pathsep}{data}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_CLI_HISTORY_FILE", str(tmp_path / "history"))
    driver = create_clidriver()
    driver.session.register("before-send.workmail", route)

    def run(command: str, *arguments: str, status: int = 0) -> Any:
        assert driver.main(["workmail", command, "--organization-id", acme, *arguments]) == status
        output = capsys.readouterr()
        return json.loads(output.out) if status == 0 and output.out else output.err

    return run


def test_the_aws_cli_has_them_all(aws_cli: Callable[..., Any], function: str) -> None:
    aws = aws_cli
    said = ("--sender-patterns", "*.evil.example", "bad@example.org", "--recipient-patterns", "*")
    made = aws("create-inbound-mail-flow-rule", "--name", "No evil", *said, "--action", "Type=DROP")["RuleId"]
    bounce = ("--action", "Type=BOUNCE,BounceMessage=Not here")
    aws("update-inbound-mail-flow-rule", "--rule-id", made, "--name", "No evil", *said, *bounce)
    found = aws("describe-inbound-mail-flow-rule", "--rule-id", made)
    assert found["Action"] == {"Type": "BOUNCE", "BounceMessage": "Not here"}
    assert aws("list-inbound-mail-flow-rules", "--query", "Rules[].Name") == ["No evil"]
    from_to = ("--from", "bad@example.org", "--recipients", "ann@example.com")
    assert aws("test-inbound-mail-flow-rules", *from_to, "--query", "Results[].RuleName") == ["No evil"]
    call = f"Lambda={{FunctionArn={function},Synchronous=true,FallbackAction=DEFAULT,RuleTimeoutMinutes=5}}"
    lambda_ = ("--rule-id", made, "--name", "No evil", *said, "--action", f"Type=RUN_LAMBDA,{call}")
    assert "--source-arn" in aws("update-inbound-mail-flow-rule", *lambda_, status=255)
    aws("delete-inbound-mail-flow-rule", "--rule-id", made)
    missing = aws("describe-inbound-mail-flow-rule", "--rule-id", made, status=255)
    assert "EntityNotFoundException" in missing
    aws("put-inbound-dmarc-settings", "--no-enforced")
    assert aws("describe-inbound-dmarc-settings") == {"Enforced": False}


@pytest.fixture
def function(settings: AdminApiSettings) -> str:
    """A function of the account that nobody may call yet."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass\n")
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "*"}}
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    made = boto3.client("lambda").create_function(
        FunctionName="tag-subjects",
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
    )
    return made["FunctionArn"]


def test_a_rule_calls_a_function_once_its_owner_lets_it(workmail: Any, acme: str, function: str) -> None:
    call = {"FunctionArn": function, "Synchronous": True, "FallbackAction": "DEFAULT", "RuleTimeoutMinutes": 240}
    everybody = {"SenderPatterns": ["*"], "RecipientPatterns": ["*"]}
    rule = {"OrganizationId": acme, "Name": "Tag", **everybody, "Action": {"Type": "RUN_LAMBDA", "Lambda": call}}
    with pytest.raises(workmail.exceptions.InvalidParameterException) as refused:
        workmail.create_inbound_mail_flow_rule(**rule)
    command = str(refused.value).partition("Missing: ")[2]
    words = shlex.split(command)
    options = dict(itertools.pairwise(words[words.index("add-permission") + 1 :]))
    boto3.client("lambda", region_name=words[words.index("--region") + 1]).add_permission(
        FunctionName=options["--function-name"],
        StatementId=options["--statement-id"],
        Action=options["--action"],
        Principal=options["--principal"],
        SourceArn=options["--source-arn"],
    )
    made = workmail.create_inbound_mail_flow_rule(**rule)["RuleId"]
    found = workmail.describe_inbound_mail_flow_rule(OrganizationId=acme, RuleId=made)
    assert found["Action"] == rule["Action"]
    request = {"From": "x@example.org", "Recipients": ["ann@example.com"]}
    (result,) = workmail.test_inbound_mail_flow_rules(OrganizationId=acme, **request)["Results"]
    assert result["Action"] == rule["Action"]
    gone = rule | {"Name": "Gone", "Action": {"Type": "RUN_LAMBDA", "Lambda": call | {"FunctionArn": f"{function}x"}}}
    with pytest.raises(workmail.exceptions.InvalidParameterException, match=f"there is no function {function}x"):
        workmail.create_inbound_mail_flow_rule(**gone)


RELAY = {"Name": "Relay", "Host": "smtp.example.net", "Port": 587, "UserName": "acme"}
SECRET = "s3cret"


def test_a_gateways_life_and_that_of_a_rule_that_names_it(
    workmail: Any, acme: str, settings: AdminApiSettings, ingests: Callable[[], dict[str, str]]
) -> None:
    named = {"OrganizationId": acme}
    gateway = workmail.create_smtp_gateway(**named, **RELAY, Password=SECRET)["SmtpGatewayId"]
    (found,) = workmail.list_smtp_gateways(**named)["SmtpGateways"]
    assert found == {"SmtpGatewayId": gateway, **RELAY}
    through = {"Type": "SMTP_GATEWAY", "SmtpGatewayId": gateway}
    everybody = {"SenderPatterns": ["*"], "RecipientPatterns": ["*"]}
    rule = workmail.create_outbound_mail_flow_rule(**named, Name="Through", **everybody, Action=through)["RuleId"]
    assert workmail.describe_outbound_mail_flow_rule(**named, RuleId=rule)["Action"] == through
    request = {"From": "ann@example.com", "Recipients": ["x@example.org"]}
    (result,) = workmail.test_outbound_mail_flow_rules(**named, **request)["Results"]
    assert (result["RuleId"], result["Action"]) == (rule, through)
    assert ingests() == {}
    with pytest.raises(workmail.exceptions.EntityStateException, match="use SMTP gateway Relay: Through"):
        workmail.delete_smtp_gateway(**named, SmtpGatewayId=gateway)
    workmail.update_smtp_gateway(**named, SmtpGatewayId=gateway, **RELAY | {"Port": 465})
    assert workmail.describe_smtp_gateway(**named, SmtpGatewayId=gateway)["Port"] == 465
    drop = {"Type": "DROP"}
    workmail.update_outbound_mail_flow_rule(**named, RuleId=rule, Name="Through", **everybody, Action=drop)
    workmail.delete_smtp_gateway(**named, SmtpGatewayId=gateway)
    with pytest.raises(workmail.exceptions.EntityNotFoundException, match="no SMTP gateway"):
        workmail.describe_smtp_gateway(**named, SmtpGatewayId=gateway)
    workmail.delete_outbound_mail_flow_rule(**named, RuleId=rule)
    assert workmail.list_outbound_mail_flow_rules(**named)["Rules"] == []


def test_a_password_is_nowhere_to_be_read(workmail: Any, acme: str, settings: AdminApiSettings) -> None:
    made = workmail.create_smtp_gateway(OrganizationId=acme, **RELAY, Password=SECRET, ClientToken="t")
    assert SECRET not in json.dumps(workmail.list_smtp_gateways(OrganizationId=acme)["SmtpGateways"])
    rows = boto3.client("dynamodb").scan(TableName=settings.directory_table)["Items"]
    assert SECRET not in repr(rows)
    (sealed,) = [row["sealed_password"]["B"] for row in rows if "sealed_password" in row]
    context = {"postroom:organization": acme, "postroom:smtp-gateway": made["SmtpGatewayId"]}
    assert boto3.client("kms").decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == SECRET.encode()


def test_paginators_return_every_page_of_outbound_rules_and_gateways(workmail: Any, acme: str) -> None:
    for number in range(3):
        workmail.create_smtp_gateway(OrganizationId=acme, **RELAY | {"Name": f"g{number}"}, Password=SECRET)
        workmail.create_outbound_mail_flow_rule(OrganizationId=acme, Name=f"r{number}", **EVIL)
    for operation, member in (("list_smtp_gateways", "SmtpGateways"), ("list_outbound_mail_flow_rules", "Rules")):
        pages = workmail.get_paginator(operation).paginate(OrganizationId=acme, PaginationConfig={"PageSize": 2})
        assert [len(page[member]) for page in pages] == [2, 1]


def test_the_aws_cli_has_the_outbound_operations(aws_cli: Callable[..., Any], function: str) -> None:
    relay = ("--name", "Relay", "--host", "smtp.example.net", "--port", "587", "--user-name", "acme")
    gateway = aws_cli("create-smtp-gateway", *relay, "--password", SECRET)["SmtpGatewayId"]
    aws_cli("update-smtp-gateway", "--smtp-gateway-id", gateway, *relay)
    assert aws_cli("list-smtp-gateways", "--query", "SmtpGateways[].Host") == ["smtp.example.net"]
    boto3.client("lambda").add_permission(
        FunctionName=function,
        StatementId="AllowWorkMail",
        Action="lambda:InvokeFunction",
        Principal="workmail.us-east-1.amazonaws.com",
        SourceArn="arn:aws:workmail:us-east-1:123456789012:organization/*",
    )
    call = f"Lambda={{FunctionArn={function},Synchronous=true,FallbackAction=SMTP_GATEWAY,RuleTimeoutMinutes=5}}"
    said = ("--name", "Tag", "--sender-patterns", "*", "--recipient-patterns", "*")
    action = ("--action", f"Type=RUN_LAMBDA,{call},ThenSmtpGatewayId={gateway}")
    rule = aws_cli("create-outbound-mail-flow-rule", *said, *action)["RuleId"]
    aws_cli("update-outbound-mail-flow-rule", "--rule-id", rule, *said, *action)
    from_to = ("--from", "ann@example.com", "--recipients", "x@example.org")
    query = ("--query", "Results[].Action.ThenSmtpGatewayId")
    assert aws_cli("test-outbound-mail-flow-rules", *from_to, *query) == [gateway]
    assert "EntityStateException" in aws_cli("delete-smtp-gateway", "--smtp-gateway-id", gateway, status=255)
    assert aws_cli("describe-outbound-mail-flow-rule", "--rule-id", rule)["Name"] == "Tag"
    aws_cli("delete-outbound-mail-flow-rule", "--rule-id", rule)
    assert aws_cli("list-outbound-mail-flow-rules") == {"Rules": []}
    aws_cli("delete-smtp-gateway", "--smtp-gateway-id", gateway)
    gone = aws_cli("describe-smtp-gateway", "--smtp-gateway-id", gateway, status=255)
    assert "EntityNotFoundException" in gone
