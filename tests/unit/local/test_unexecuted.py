"""Customers' templates with what a laptop does not execute: it is named, and the rest runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.customers.projects import deploy_permissions
from local.errors import TemplateError
from local.template.custom_resources import CustomResources
from local.template.project import Project
from tests.support.local_lambda import LocalLambda

from .conftest import ONE, deploy, given, write

if TYPE_CHECKING:
    from pathlib import Path

    from local.aws import Aws

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"arn": "${Arn}"}, "End": True}}}


def notes(project: Project) -> list[str]:
    """Return what is noted beside the names of the functions."""
    return [note for note in project.notes if not note.startswith(("functions of", "One: there is no module"))]


@pytest.mark.parametrize(
    ("kind", "arn"),
    [
        ("AWS::Cognito::UserPool", "arn:aws:cognito:us-east-1:123456789012:a-Other"),
        ("AWS::Serverless::HttpApi", "arn:aws:serverless:us-east-1:123456789012:a-Other"),
        ("AWS::Lambda::Function", "arn:aws:lambda:us-east-1:123456789012:a-Other"),
        ("Odd", "arn:aws:local:us-east-1:123456789012:a-Other"),
    ],
)
def test_a_resource_of_another_type_is_named_with_its_file_and_may_be_referred_to(
    aws: Aws, tmp_path: Path, kind: str, arn: str
) -> None:
    variables = "Environment: {Variables: {REF: !Ref Other, ARN: !GetAtt Other.Arn, URL: !GetAtt Other.Url}}"
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", f"{given(variables)}  Other: {{Type: '{kind}'}}\n"))
    assert notes(project) == [f"{tmp_path}/a/template.yaml: Other ({kind}) is not made here"]
    assert project.functions[0].environment == {"REF": "a-Other", "ARN": arn, "URL": "a-Other"}


def test_in_our_own_template_a_resource_of_another_type_is_an_error(aws: Aws, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "Resources: {Other: {Type: 'AWS::Cognito::UserPool'}}")
    with pytest.raises(TemplateError, match="Other: AWS::Cognito::UserPool is not known to the local stack"):
        Project(folder, "postroom", aws, {})


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ("{Type: S3}", "One: its S3 event E is not executed here"),
        ("{Type: HttpApi}", "One: its HttpApi event E is not executed here"),
        (
            "{Type: EventBridgeRule, Properties: {Pattern: {source: [a]}}}",
            "its EventBridgeRule event E is not executed",
        ),
        ("{Type: Schedule, Properties: {Schedule: often}}", "its Schedule event E is not executed here: .*'often'"),
        ("{Type: ScheduleV2, Properties: {ScheduleExpression: 'at(2030-01-01T00:00:00)'}}", "is not executed here: "),
        ("{Type: Schedule}", "its Schedule event E is not executed here: KeyError"),
    ],
)
def test_an_event_of_another_type_is_named(aws: Aws, tmp_path: Path, event: str, note: str) -> None:
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", given(f"Events: {{E: {event}}}")))
    assert project.events == []
    (said,) = notes(project)
    assert re.search(note, said)


def test_properties_of_a_function_without_effect_are_named(aws: Aws, tmp_path: Path) -> None:
    template = given(
        "VpcConfig: {SubnetIds: [a]}, Tracing: Active, AutoPublishAlias: live, MemorySize: 256, Brandnew: 1"
    )
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert notes(project) == ["One: its AutoPublishAlias, Tracing, VpcConfig, Brandnew has no effect here"]


def test_variables_for_a_function_that_does_not_run_have_no_effect(aws: Aws, tmp_path: Path) -> None:
    template = ONE + (
        "  Other: {Type: 'AWS::Lambda::Function'}\n"
        "  Allow: {Type: 'AWS::Lambda::Permission', Properties: {FunctionName: !Ref Other, Action: a, Principal: b}}\n"
        "  Custom: {Type: 'Custom::Thing', Properties: {ServiceToken: !GetAtt Other.Arn}}\n"
    )
    projects = deploy(aws, tmp_path, write(tmp_path / "a", template))
    service = LocalLambda(tmp_path, projects[0].functions)
    try:
        deploy_permissions(projects, service.service)
        custom = CustomResources(service.service, service.invocations, "http://nowhere")
        for resource in projects[0].custom_resources:
            custom.create(resource, "a")
    finally:
        service.close()
    assert notes(projects[0])[1:] == [
        f"{name} ({kind}) has no effect here, for the function of it does not run"
        for name, kind in (("Allow", "AWS::Lambda::Permission"), ("Custom", "Custom::Thing"))
    ]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (
            "AWS::StepFunctions::StateMachine",
            {
                "StateMachineName": "m",
                "RoleArn": "arn:aws:iam::123456789012:role/r",
                "DefinitionString": json.dumps(PASS),
            },
        ),
        ("AWS::StepFunctions::StateMachine", {"StateMachineName": "m", "Definition": PASS}),
        ("AWS::Serverless::StateMachine", {"Name": "m", "DefinitionUri": "m.asl.json"}),
        ("AWS::Serverless::StateMachine", {"Name": "m", "DefinitionUri": "m.asl.yaml", "Type": "EXPRESS"}),
    ],
)
def test_a_state_machine_is_made_with_its_substitutions(
    aws: Aws, tmp_path: Path, kind: str, properties: dict[str, Any]
) -> None:
    machine = {"Type": kind, "Properties": {**properties, "DefinitionSubstitutions": {"Arn": 'say "hi"'}}}
    folder = write(tmp_path / "a", f"{given('Description: !Ref Machine')}  Machine: {json.dumps(machine)}\n")
    for name in ("m.asl.json", "m.asl.yaml"):
        (folder / name).write_text(json.dumps(PASS))
    (project,) = deploy(aws, tmp_path, folder)
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    assert (notes(project), project.functions[0].description) == ([], arn)
    made: Any = boto3.client("stepfunctions")
    definition = json.loads(made.describe_state_machine(stateMachineArn=arn)["definition"])
    assert definition["States"]["A"]["Result"] == {"arn": 'say "hi"'}


@pytest.mark.parametrize(
    ("properties", "cause"),
    [
        ("{DefinitionUri: nowhere.json}", "FileNotFoundError: "),
        ("{DefinitionUri: {Bucket: b, Key: k}}", "ValueError: its definition is in no file of the project"),
        ("{}", "KeyError: 'DefinitionS3Location'"),
    ],
)
def test_a_state_machine_that_cannot_be_made_is_named_and_ends_nothing(
    aws: Aws, tmp_path: Path, properties: str, cause: str
) -> None:
    machine = f"  M: {{Type: 'AWS::Serverless::StateMachine', Properties: {properties}}}\n"
    template = given("Description: !GetAtt M.Arn") + machine
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    (note,) = notes(project)
    assert note.startswith(f"{tmp_path}/a/template.yaml: M (AWS::Serverless::StateMachine) is not made here: {cause}")
    assert project.functions[0].description == "arn:aws:serverless:us-east-1:123456789012:a-M"


def test_events_of_a_state_machine_are_named(aws: Aws, tmp_path: Path) -> None:
    machine = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": {
            "Definition": PASS,
            "Events": {"E": {"Type": "Schedule"}},
            "Role": {"Fn::GetAtt": ["MRole", "Arn"]},
        },
    }
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", f"Resources:\n  M: {json.dumps(machine)}\n"))
    assert notes(project) == ["M: its Schedule event E is not executed here"]


RULE = """
  Queue: {Type: AWS::SQS::Queue}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [mine]}
      Targets: [{Id: a, Arn: !GetAtt Queue.Arn}, {Id: b, Arn: !GetAtt One.Arn}]
"""


def test_a_rule_passes_events_to_targets_that_moto_supports_and_names_the_rest(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", ONE + RULE))
    one = "arn:aws:lambda:us-east-1:123456789012:function:One"
    assert notes(project) == [f"Rule: no event is handed on to its target {one} here"]
    events: Any = boto3.client("events")
    events.put_events(Entries=[{"Source": "mine", "DetailType": "t", "Detail": '{"a": 1}'}])
    sqs: Any = boto3.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="a-Queue")["QueueUrl"])["Messages"]
    assert json.loads(message["Body"])["detail"] == {"a": 1}


@pytest.mark.parametrize(
    "properties",
    [
        "AWS::Events::Rule', Properties: {ScheduleExpression: rate(1 minute), Targets: "
        "[{Id: a, Arn: !GetAtt One.Arn, Input: '{}'}, {Id: b, Arn: 'arn:aws:sns:us-east-1:1:t'}]}}",
        "AWS::Scheduler::Schedule', Properties: {ScheduleExpression: rate(1 minute), "
        "FlexibleTimeWindow: {Mode: 'OFF'}, Target: {Arn: !GetAtt One.Arn, RoleArn: r, Input: '{}'}}}",
    ],
)
def test_a_schedule_of_the_template_invokes_its_function(aws: Aws, tmp_path: Path, properties: str) -> None:
    template = f"Resources:\n  Rule: {{Type: '{properties}\n" + ONE.replace("\nResources:\n", "")
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    (event,) = project.events
    assert (event.function.name, event.kind) == ("One", "Schedule")
    assert event.properties == {"ScheduleExpression": "rate(1 minute)", "Input": "{}"}
    sns = "Rule: no event is handed on to its target arn:aws:sns:us-east-1:1:t here"
    assert notes(project) == ([sns] if "sns" in properties else [])
