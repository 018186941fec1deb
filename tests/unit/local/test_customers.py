"""Customers' projects, deployed to moto in this process."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import boto3
import moto
import pytest

from local.aws import Aws
from local.custom_resources import CustomResources
from local.customers import Customers, deploy_permissions, refuse_same_names
from local.errors import UsageError
from local.invocations import Invocations
from local.mappings import sources
from local.project import Project
from local.template import TemplateError
from local.workers import FunctionLogSink
from tests.support import customers
from tests.support.local_lambda import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm on PATH")
EXPORTS = {"AWS_ENDPOINT_URL": "http://emulator", "AWS_DATA_PATH": "/data", "SHARED": "no"}
ONE = """
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: "."}
"""
CONDITIONAL = ONE.replace("    Properties", "    Condition: A\n    Properties")


def given(properties: str) -> str:
    """Return the one function with more properties."""
    return ONE.replace("Properties: {", f"Properties: {{{properties}, ")


class InProcess(Aws):
    """moto's own clients, which need no endpoint."""

    def client(self, service: str) -> Any:
        made: Any = boto3.client
        return made(service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        yield InProcess({"AWS_ENDPOINT_URL": "http://emulator"})


def write(folder: Path, template: str, *more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(template, "utf-8")
    for name in more:
        (folder / name).write_text("", "utf-8")
    return folder


def deploy(aws: Aws, tmp_path: Path, *folders: Path, env_vars: object = None) -> list[Project]:
    path = None
    if env_vars is not None:
        path = tmp_path / "env.json"
        path.write_text(json.dumps(env_vars))
    return Customers(folders, path).deploy(aws, tmp_path / "packages", EXPORTS)


def test_a_project_is_its_functions_and_everything_beside_them(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, customers.python_project(tmp_path / "WorkMail footer"))
    (function,) = project.functions
    assert (function.name, function.handler, function.timeout) == ("FooterFunction", "app.footer_handler", 10)
    assert function.most_workers == 3
    assert function.environment["FOOTER"] == "Sent with care"
    assert function.environment["UPDATED_EMAIL_BUCKET"] == "workmail-footer-updatedmessages"
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    assert buckets == ["workmail-footer-updatedmessages"]
    assert boto3.client("dynamodb").list_tables()["TableNames"] == ["workmail-footer-Seen"]
    assert boto3.client("iam").get_role(RoleName="workmail-footer-FooterFunctionRole")["Role"]["Arn"] == function.role
    policy = json.loads(boto3.client("s3").get_bucket_policy(Bucket=buckets[0])["Policy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "workmail.us-east-1.amazonaws.com"}


def test_what_only_customers_have_is_made_too(aws: Aws, tmp_path: Path) -> None:
    template = """
Resources:
  Simple: {Type: 'AWS::Serverless::SimpleTable'}
  Keyed: {Type: 'AWS::Serverless::SimpleTable', Properties: {PrimaryKey: {Name: n, Type: Number}}}
  Word: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !Ref Simple, Name: /words/one}}
  WithALogicalIdThatIsAsLongAsTheyMayBecomeInSomeTemplatesOfOurs: {Type: 'AWS::S3::Bucket'}
"""
    deploy(aws, tmp_path, write(tmp_path / "a", template))
    tables = [boto3.client("dynamodb").describe_table(TableName=f"a-{name}")["Table"] for name in ("Simple", "Keyed")]
    assert [table["AttributeDefinitions"] for table in tables] == [
        [{"AttributeName": "id", "AttributeType": "S"}],
        [{"AttributeName": "n", "AttributeType": "N"}],
    ]
    ssm: Any = boto3.client("ssm")
    assert ssm.get_parameter(Name="/words/one")["Parameter"]["Value"] == "a-Simple"
    (bucket,) = boto3.client("s3").list_buckets()["Buckets"]
    assert len(bucket["Name"]) == 63


def test_layers_of_the_template_are_built_and_others_are_named_in_a_note(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, customers.python_project(tmp_path / "footer"))
    (layer,) = project.functions[0].layers
    assert (layer / "python" / "more_words.py").is_file()
    (note,) = project.notes
    assert "without layer arn:aws:lambda:us-east-1:111122223333:layer:SomebodyElses:2" in note


def test_the_template_wins_over_what_up_exports_and_the_file_over_both(aws: Aws, tmp_path: Path) -> None:
    given = {"Parameters": {"LOG_LEVEL": "DEBUG"}, "FooterFunction": {"FOOTER": "other", "NEW": 1}, "Typo": {}}
    (project,) = deploy(aws, tmp_path, customers.python_project(tmp_path / "p"), env_vars=given)
    environment = project.functions[0].environment
    assert (environment["SHARED"], environment["AWS_DATA_PATH"]) == ("yes", "/data")
    assert (environment["LOG_LEVEL"], environment["FOOTER"], environment["NEW"]) == ("DEBUG", "other", "1")
    assert project.notes[-1] == "--env-vars names Typo, and there is no such function"


def test_permissions_of_the_template_are_the_functions_policy(aws: Aws, tmp_path: Path) -> None:
    projects = deploy(aws, tmp_path, customers.python_project(tmp_path / "p"))
    service = LocalLambda(tmp_path, [function for project in projects for function in project.functions])
    try:
        deploy_permissions(projects, service.service)
        (statement,) = json.loads(service.client.get_policy(FunctionName="FooterFunction")["Policy"])["Statement"]
    finally:
        service.close()
    assert statement == {
        "Sid": "p-WorkMailPermissionToInvokeLambda",
        "Effect": "Allow",
        "Principal": {"Service": "workmail.us-east-1.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:FooterFunction",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:workmail:us-east-1:123456789012:organization/*"}},
    }


@needs_npm
def test_a_node_project_has_a_name_of_its_own(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, customers.node_project(tmp_path / "storm"))
    (function,) = project.functions
    assert (function.name, function.logical_id) == ("stop-storm", "StopStormFunction")
    assert (function.code / "node_modules" / "greeting").is_dir()


def test_folders_of_one_name_are_two_stacks(aws: Aws, tmp_path: Path) -> None:
    template = "Resources: {Bucket: {Type: 'AWS::S3::Bucket'}}"
    projects = deploy(aws, tmp_path, write(tmp_path / "a" / "src", template), write(tmp_path / "b" / "src", template))
    assert [project.name for project in projects] == ["src", "src-2"]
    assert len(boto3.client("s3").list_buckets()["Buckets"]) == 2


def test_a_folder_called_as_our_stack_is_another_stack(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, write(tmp_path / "postroom", ONE))
    assert project.name == "postroom-2"


def test_the_same_function_name_in_two_folders_is_refused(aws: Aws, tmp_path: Path) -> None:
    projects = deploy(aws, tmp_path, write(tmp_path / "a", ONE), write(tmp_path / "b", ONE))
    with pytest.raises(
        UsageError, match=r"two functions are called One: in .*/a/template.yaml and in .*/b/template.yaml"
    ):
        refuse_same_names(projects)


def test_a_name_that_is_anothers_logical_id_is_refused(aws: Aws, tmp_path: Path) -> None:
    named = ONE.replace("  One:", "  Two:").replace("Properties: {", "Properties: {FunctionName: One, ")
    projects = deploy(aws, tmp_path, write(tmp_path / "a", ONE), write(tmp_path / "b", named))
    with pytest.raises(UsageError, match="two functions are called One"):
        refuse_same_names(projects)


def test_a_function_may_be_called_as_one_of_ours(aws: Aws, tmp_path: Path) -> None:
    write(tmp_path / "ours", ONE)
    ours = Project(tmp_path / "ours", "postroom", aws, {})
    ours.deploy()
    (guest,) = deploy(aws, tmp_path, write(tmp_path / "a", ONE))
    invocations = Invocations([*ours.functions, *guest.functions], {}, FunctionLogSink(), aws)
    assert invocations.pool("One").function.code == guest.functions[0].code
    assert invocations.pool("postroom-One").function.code == ours.functions[0].code


def test_a_function_whose_name_is_its_logical_id_is_one(aws: Aws, tmp_path: Path) -> None:
    named = ONE.replace("Properties: {", "Properties: {FunctionName: One, ")
    refuse_same_names(deploy(aws, tmp_path, write(tmp_path / "a", named)))


def test_an_api_event_is_named_in_a_note_and_not_served(aws: Aws, tmp_path: Path) -> None:
    template = ONE.replace(
        "Properties: {", "Properties: {Events: {Web: {Type: Api, Properties: {Path: /, Method: get}}}, "
    )
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert (project.events, project.notes) == ([], ["One: its Api event Web is not served here"])


@pytest.mark.parametrize("name", ["template.yml", "template.json"])
def test_a_template_may_have_sams_other_names(aws: Aws, tmp_path: Path, name: str) -> None:
    write(tmp_path / "a", ONE)
    (tmp_path / "a" / "template.yaml").rename(tmp_path / "a" / name)
    (project,) = deploy(aws, tmp_path, tmp_path / "a")
    assert project.functions[0].name == "One"


def test_a_parameter_without_default_takes_samconfigs_local_value(aws: Aws, tmp_path: Path) -> None:
    template = ONE.replace("Resources:", "Parameters: {Limit: {Type: Number}}\nResources:")
    template = template.replace("Properties: {", "Properties: {Environment: {Variables: {LIMIT: !Ref Limit}}, ")
    folder = write(tmp_path / "a", template)
    with pytest.raises(TemplateError, match="parameter Limit has no default and no value"):
        deploy(aws, tmp_path, folder)
    (folder / "samconfig.toml").write_text('[local.deploy.parameters]\nparameter_overrides = "Limit=7"\n')
    assert deploy(aws, tmp_path, folder)[0].functions[0].environment["LIMIT"] == "7"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: [", "template.yaml: while parsing"),
        ("Resources: {}\nParameters: [1]", "Parameters is no mapping"),
        ("Resources: {A: 1}", "A has no Type"),
        ("Resources: {A: {Type: 'AWS::Nobody::Knows'}}", "AWS::Nobody::Knows is not known"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: []}}", "Properties are no mapping"),
        ("Resources: {A: {Type: 'AWS::S3::BucketPolicy'}}", r"A \(AWS::S3::BucketPolicy\): KeyError"),
        (ONE.replace("python3.13", "ruby3.3"), "One: runtime ruby3.3 is not executed here"),
        (ONE.replace("python3.13", "!Ref Nobody"), "no resource or parameter Nobody"),
        (ONE.replace("Handler: app.handler, ", ""), "One: a function without Handler"),
        (ONE.replace('CodeUri: "."', "InlineCode: x"), "One: a function without CodeUri"),
        (ONE.replace('CodeUri: "."', "CodeUri: nowhere/"), "One: there is no folder .*/nowhere"),
        (ONE.replace("Properties: {", "Properties: {Timeout: soon, "), "One cannot be read: ValueError"),
        (ONE.replace("Properties: {", "Properties: {Environment: 1, "), "One cannot be read: AttributeError"),
        (ONE.replace("Properties: {", "Properties: {Layers: [x], "), "One cannot be read: IndexError"),
        (given("Timeout: -1"), "Timeout is not from 1 to 900"),
        (given("Timeout: 901"), "Timeout is not from 1 to 900"),
        (given("MemorySize: 64"), "MemorySize is not from 128 to 10240"),
        (given("ReservedConcurrentExecutions: -1"), "ReservedConcurrentExecutions is not from 0 to"),
        (given("FunctionName: a/b"), "One: a/b cannot be a function's name"),
        (given("EventInvokeConfig: 1"), "One cannot be read: TypeError"),
        (given('Environment: {Variables: {A: "x\\0"}}'), "One: A cannot be an environment variable"),
        (given('Environment: {Variables: {"A=B": x}}'), "One: A=B cannot be an environment variable"),
        (given("Environment: {Variables: {A: null}}"), "One: A cannot be an environment variable"),
        (given("Environment: {Variables: {A: [x], B: {x: y}}}"), "One: A, B cannot be an environment variable"),
        (ONE.replace("app.handler", "5"), "One: a function whose Handler is no text"),
        (ONE.replace("python3.13", "null"), "One: a function whose Runtime is no text"),
        (ONE.replace('CodeUri: "."', "CodeUri: {Bucket: a, Key: b}"), "One: a function whose CodeUri is no text"),
        (
            f"Conditions: {{A: !Condition B, B: !Condition A}}{CONDITIONAL}",
            "Condition of One cannot be read: Recursion",
        ),
        (f"Conditions: {{A: !Equals [1]}}{CONDITIONAL}", "Condition of One cannot be read: IndexError"),
        (
            ONE.replace("    Properties", "    Condition: [A]\n    Properties"),
            "Condition of One cannot be read: TypeError",
        ),
        ("Resources: {}\nParameters: {P: }", "Parameters cannot be read: TypeError"),
        ("Resources: {}\nParameters: {P: {Default: x, AllowedPattern: '['}}", "Parameters cannot be read: "),
        ("Resources: " + "[" * 3000, "template.yaml: RecursionError"),
        (
            ONE.replace("    Properties:", "    Metadata: {BuildMethod: esbuild}\n    Properties:"),
            "One: BuildMethod esbuild is not executed here",
        ),
    ],
)
def test_a_template_that_cannot_be_deployed_is_one_clear_line(
    aws: Aws, tmp_path: Path, template: str, message: str
) -> None:
    with pytest.raises(TemplateError, match=message) as refused:
        deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert "\n" not in str(refused.value)


def test_a_template_that_is_no_text_is_refused(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(TemplateError, match=r"template\.yaml: UnicodeDecodeError"):
        deploy(aws, tmp_path, tmp_path)


def test_a_refusal_says_in_which_template(aws: Aws, tmp_path: Path) -> None:
    for template in ("Resources: {}\nParameters: {P: {Type: String}}", CONDITIONAL):
        with pytest.raises(TemplateError, match=r"/a/template\.yaml: "):
            deploy(aws, tmp_path, write(tmp_path / "a", template))


def test_values_of_variables_are_text_as_cloudformation_makes_it(aws: Aws, tmp_path: Path) -> None:
    template = given("Environment: {Variables: {A: 1, B: true, C: 1.5, D: 2026-01-01, E: ''}}")
    environment = deploy(aws, tmp_path, write(tmp_path / "a", template))[0].functions[0].environment
    assert [environment[name] for name in "ABCDE"] == ["1", "true", "1.5", "2026-01-01", ""]


def test_an_attribute_may_be_asked_for_in_every_form(aws: Aws, tmp_path: Path) -> None:
    template = given(
        "Environment: {Variables: {A: !GetAtt One.Arn, B: {'Fn::GetAtt': One.Arn}, C: {'Fn::GetAtt': [One, Arn]}}}"
    )
    environment = deploy(aws, tmp_path, write(tmp_path / "a", template))[0].functions[0].environment
    assert (
        environment["A"] == environment["B"] == environment["C"] == "arn:aws:lambda:us-east-1:123456789012:function:One"
    )


def test_a_missing_template_is_refused(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml: No such file"):
        deploy(aws, tmp_path, tmp_path)


def test_node_functions_are_refused_where_there_is_no_node(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from local import runtimes

    runtimes._node_version.cache_clear()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(TemplateError, match=r"One: functions of runtime nodejs\* need node on PATH"):
        deploy(aws, tmp_path, write(tmp_path / "a", ONE.replace("python3.13", "nodejs20.x")))


def test_a_maker_that_refuses_in_several_lines_is_one(aws: Aws, tmp_path: Path) -> None:
    template = "Resources: {A: {Type: 'AWS::SSM::Parameter', Properties: {Type: [x], Value: [y]}}}"
    with pytest.raises(
        TemplateError, match=r"A \(AWS::SSM::Parameter\): ParamValidationError: .*failed: Invalid type"
    ) as refused:
        deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("{Type: S3}", "One: events of type S3 are not executed here"),
        ("{Type: SQS}", "One: its event E cannot be read: KeyError: 'Queue'"),
        ("{Type: SQS, Properties: {Queue: 'arn:aws:sqs:us-east-1:1:q', BatchSize: x}}", "its event E cannot be read"),
        ("{Type: Schedule, Properties: {Schedule: often}}", "schedule 'often' is neither"),
    ],
)
def test_an_event_that_is_not_executed_is_refused(aws: Aws, tmp_path: Path, event: str, message: str) -> None:
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", given(f"Events: {{E: {event}}}")))
    with pytest.raises(TemplateError, match=message):
        sources(project.events, Invocations(project.functions, {}, FunctionLogSink(), aws), aws, 1)


@pytest.mark.parametrize("properties", ["{}", "{ServiceToken: 'arn:aws:lambda:us-east-1:1:function:Nobody'}"])
def test_a_custom_resource_of_nobodys_is_refused(aws: Aws, tmp_path: Path, properties: str) -> None:
    template = f"Resources: {{C: {{Type: 'Custom::Thing', Properties: {properties}}}}}"
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    service = LocalLambda(tmp_path, [])
    try:
        custom = CustomResources(service.service, service.invocations, "http://nowhere")
        with pytest.raises(TemplateError, match=r"C: no function \w+ here"):
            custom.create(project.custom_resources[0], "a")
    finally:
        service.close()


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("FunctionName: Nobody, Principal: x, Action: y", "no function Nobody here"),
        ("FunctionName: One, Action: y", "no Principal"),
    ],
)
def test_a_permission_for_nobody_is_refused(aws: Aws, tmp_path: Path, properties: str, message: str) -> None:
    template = f"{ONE}  P: {{Type: 'AWS::Lambda::Permission', Properties: {{{properties}}}}}\n"
    projects = deploy(aws, tmp_path, write(tmp_path / "a", template))
    service = LocalLambda(tmp_path, projects[0].functions)
    try:
        with pytest.raises(TemplateError, match=f"a-P: {message}"):
            deploy_permissions(projects, service.service)
    finally:
        service.close()


def test_what_is_asked_wrongly_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        Customers([tmp_path / "nowhere"], None)
    with pytest.raises(UsageError, match="given twice"):
        Customers([tmp_path, tmp_path / "."], None)
    with pytest.raises(UsageError, match="there are none"):
        Customers([], tmp_path / "env.json")
