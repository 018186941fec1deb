"""The starters' template: what a customer would deploy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.decode import decode

from local.template.reading import Resolver, load
from postroom.model.audit_targets import Place
from postroom.model.content_buckets import lets_workmail_read

FOLDER: Final = Path(__file__).parents[3] / "functions" / "starters"
PRINCIPALS: Final = {
    "HouseStyleFunction": "workmail.${AWS::Region}.amazonaws.com",
    "CountSendersFunction": "workmail.${AWS::Region}.amazonaws.com",
    "PublishedCalendarsFunction": "availability.workmail.${AWS::Region}.amazonaws.com",
    "EwsServerFunction": "availability.workmail.${AWS::Region}.amazonaws.com",
}
"""Who may invoke each function. Source: guide, of rules and of custom availability providers."""

FOLDERS: Final = ("house_style", "count_senders", "availability/published_calendars", "availability/ews_server")


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    decoded, problems = decode(str(FOLDER / "template.yaml"))
    assert not problems
    found: dict[str, Any] = decoded["Resources"]
    return found


@pytest.mark.parametrize("function", PRINCIPALS)
def test_every_handler_is_there(resources: dict[str, Any], function: str) -> None:
    module, _, name = resources[function]["Properties"]["Handler"].rpartition(".")
    source = (FOLDER / "src" / Path(*module.split("."))).with_suffix(".py")
    assert f"def {name}(" in source.read_text("utf-8")


@pytest.mark.parametrize("function", PRINCIPALS)
def test_only_workmail_may_invoke_it(resources: dict[str, Any], function: str) -> None:
    permissions = [
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::Permission" and each["Properties"]["FunctionName"] == {"Ref": function}
    ]
    assert [each["Principal"] for each in permissions] == [{"Fn::Sub": PRINCIPALS[function]}]
    assert [each["SourceAccount"] for each in permissions] == [{"Ref": "AWS::AccountId"}]


@pytest.mark.parametrize(("function", "folder"), [*zip(PRINCIPALS, FOLDERS, strict=True)])
def test_every_variable_that_is_read_is_set_and_no_other(resources: dict[str, Any], function: str, folder: str) -> None:
    text = "".join(path.read_text("utf-8") for path in (FOLDER / "src" / folder).glob("*.py"))
    read = set(re.findall(r'environ(?:ment)?\.get\("(\w+)"', text)) - {"LOG_LEVEL"}
    variables = set(resources[function]["Properties"]["Environment"]["Variables"])
    assert {name for name in variables if not name.startswith("AWS_")} == read


def test_the_bucket_has_a_name_that_the_message_flow_api_takes(resources: dict[str, Any]) -> None:
    assert "BucketName" not in resources["UpdatedMessages"]["Properties"]  # CloudFormation's have no dots


@pytest.mark.parametrize(
    ("function", "parameter"),
    [("PublishedCalendarsFunction", "CalendarsSecret"), ("EwsServerFunction", "EwsSecret")],
)
def test_an_availability_function_reads_its_own_secret_only(
    resources: dict[str, Any], function: str, parameter: str
) -> None:
    (policy,) = resources[f"{function}Role"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    secrets = [each for each in statements if "secretsmanager" in str(each["Action"])]
    assert [each["Action"] for each in secrets] == ["secretsmanager:GetSecretValue"]
    assert secrets[0]["Resource"]["Fn::Sub"].endswith(f":secret:${{{parameter}}}-??????")
    assert resources[function]["Properties"]["Timeout"] < 25  # WorkMail waits no longer


def test_the_function_that_reads_messages_may_call_nothing_else_of_the_api() -> None:
    """ApiArn covers the WorkMail API as well; a rule's function is no administrator."""
    template = load(FOLDER / "template.yaml")
    api = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3"
    values = {"MessageFlowApiArn": f"{api}/v1/*", "MessageFlowEndpointUrl": "https://x", "OrganizationId": "*"}
    resolver = Resolver(template, values, "starters", lambda name, _attribute: f"arn:{name}")
    policies = resolver.resolve(template["Resources"]["HouseStyleFunctionRole"]["Properties"]["Policies"])
    statements = policies[0]["PolicyDocument"]["Statement"]
    invoking = [each["Resource"] for each in statements if each["Action"] == "execute-api:Invoke"]
    assert invoking == [[f"{api}/v1/GET/messages/*", f"{api}/v1/POST/messages/*"]]


@pytest.mark.parametrize(("organization", "others"), [("*", True), ("m-" + "a" * 32, False)])
def test_the_buckets_policy_is_its_consent_to_be_read_for_new_content(organization: str, *, others: bool) -> None:
    template = load(FOLDER / "template.yaml")
    values = {"OrganizationId": organization, "MessageFlowEndpointUrl": ""}
    resolver = Resolver(template, values, "starters", lambda name, attribute: "arn:aws:s3:::new" if attribute else name)
    policy = resolver.resolve(template["Resources"]["UpdatedMessagesPolicy"]["Properties"]["PolicyDocument"])
    place = Place("aws", "us-east-1", "123456789012")
    assert lets_workmail_read(policy, place, "m-" + "a" * 32, "new", "key")
    assert lets_workmail_read(policy, place, "m-" + "b" * 32, "new", "key") is others
