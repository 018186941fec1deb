"""Customers' projects, deployed to moto in this process."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.errors import UsageError
from local.customers.projects import deploy_permissions, refuse_same_names
from local.errors import TemplateError
from local.functions.function import Function
from local.functions.invocations import Invocations
from local.functions.pool import FunctionLogSink
from local.functions.runtimes import lambda_environment, module_path
from local.template.project import Project
from tests.support import customers
from tests.support.local_lambda import LocalLambda

from .conftest import ONE, deploy, given, write

if TYPE_CHECKING:
    from pathlib import Path

    from local.aws import Aws

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm on PATH")


def ours(aws: Aws, tmp_path: Path) -> Project:
    """Return a project deployed as ours is, with one function."""
    project = Project(write(tmp_path / "ours", ONE), "postroom", aws, {})
    project.deploy()
    return project


def test_a_project_is_its_functions_and_everything_beside_them(aws: Aws, tmp_path: Path) -> None:
    (project,) = deploy(aws, tmp_path, customers.python_project(tmp_path / "WorkMail footer"))
    (function,) = project.functions
    assert (function.name, function.handler, function.timeout_s) == ("FooterFunction", "app.footer_handler", 10)
    assert function.most_workers == 3
    assert function.environment["FOOTER"] == "Sent with care"
    assert function.environment["UPDATED_EMAIL_BUCKET"] == "workmail-footer-updatedmessages"
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    assert buckets == ["workmail-footer-updatedmessages"]
    assert boto3.client("dynamodb").list_tables()["TableNames"] == ["workmail-footer-Seen"]
    assert boto3.client("iam").get_role(RoleName="workmail-footer-FooterFunctionRole")["Role"]["Arn"] == function.role
    policy = json.loads(boto3.client("s3").get_bucket_policy(Bucket=buckets[0])["Policy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "workmail.us-east-1.amazonaws.com"}


def test_resources_that_only_customers_have_are_made_too(aws: Aws, tmp_path: Path) -> None:
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
    said, note = project.notes
    assert said == f"functions of {tmp_path}/footer: FooterFunction"
    assert "without layer arn:aws:lambda:us-east-1:111122223333:layer:SomebodyElses:2" in note


def test_the_template_wins_over_variables_of_up_and_the_file_over_both(aws: Aws, tmp_path: Path) -> None:
    given = {"Parameters": {"LOG_LEVEL": "DEBUG"}, "FooterFunction": {"FOOTER": "other", "NEW": 1}, "Typo": {}}
    (project,) = deploy(aws, tmp_path, customers.python_project(tmp_path / "p"), env_vars=given)
    environment = lambda_environment(project.functions[0], "stream", {})
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
        refuse_same_names(projects, ours(aws, tmp_path))


def test_the_name_of_a_function_of_ours_is_taken(aws: Aws, tmp_path: Path) -> None:
    named = ONE.replace("Properties: {", "Properties: {FunctionName: postroom-One, ")
    with pytest.raises(UsageError, match="two functions are called postroom-One"):
        refuse_same_names(deploy(aws, tmp_path, write(tmp_path / "a", named)), ours(aws, tmp_path))


def test_a_name_that_is_anothers_logical_id_is_refused(aws: Aws, tmp_path: Path) -> None:
    named = ONE.replace("  One:", "  Two:").replace("Properties: {", "Properties: {FunctionName: One, ")
    projects = deploy(aws, tmp_path, write(tmp_path / "a", ONE), write(tmp_path / "b", named))
    with pytest.raises(UsageError, match="two functions are called One"):
        refuse_same_names(projects, ours(aws, tmp_path))


def test_a_function_may_be_called_as_one_of_ours(aws: Aws, tmp_path: Path) -> None:
    own = ours(aws, tmp_path)
    (guest,) = deploy(aws, tmp_path, write(tmp_path / "a", ONE))
    refuse_same_names([guest], own)
    invocations = Invocations([*own.functions, *guest.functions], {}, FunctionLogSink(), aws)
    assert invocations.pool("One").function.code == guest.functions[0].code
    assert invocations.pool("postroom-One").function.code == own.functions[0].code


def test_a_function_whose_name_is_its_logical_id_is_one(aws: Aws, tmp_path: Path) -> None:
    named = ONE.replace("Properties: {", "Properties: {FunctionName: One, ")
    refuse_same_names(deploy(aws, tmp_path, write(tmp_path / "a", named)), ours(aws, tmp_path))


def test_an_api_event_is_named_in_a_note_and_not_served(aws: Aws, tmp_path: Path) -> None:
    template = ONE.replace(
        "Properties: {", "Properties: {Events: {Web: {Type: Api, Properties: {Path: /, Method: get}}}, "
    )
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert (project.events, project.notes[-1]) == ([], "One: its Api event Web is not served here")


def test_code_that_the_template_holds_itself_runs(aws: Aws, tmp_path: Path) -> None:
    code = json.dumps("def handler(event, context):\n    return event['a'] + 1\n")
    template = ONE.replace('CodeUri: "."', f"InlineCode: {code}").replace("app.handler", "index.handler")
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", template))
    assert project.notes[1:] == []
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["template.yaml"]
    service = LocalLambda(tmp_path, project.functions)
    try:
        assert service.invoke({"a": 1}, "One")[0] == 2
    finally:
        service.close()


@pytest.mark.parametrize(
    ("handler", "is_there"),
    [
        ("app.handler", True),
        ("pkg.app.handler", True),
        ("pkg/app.handler", True),
        ("pkg.handler", True),
        ("typo.handler", False),
        ("pkg.typo.handler", False),
        ("handler", False),
        ("a[p]p.handler", False),
    ],
)
def test_a_handler_whose_module_is_missing_is_named(aws: Aws, tmp_path: Path, handler: str, is_there: bool) -> None:
    folder = write(tmp_path / "a", ONE.replace("app.handler", f"'{handler}'"), "app.py")
    write(folder / "pkg", "", "app.py")
    (project,) = deploy(aws, tmp_path, folder)
    assert project.notes[1:] == ([] if is_there else [f"One: there is no module for its handler {handler}"])


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


def needing(*names: str) -> str:
    """Return a template with parameters that have no default, each a variable of its function."""
    declared = ", ".join(f"{name}: {{Type: String}}" for name in names)
    variables = ", ".join(f"{name}: !Ref {name}" for name in names)
    return f"Parameters: {{{declared}}}" + given(f"Environment: {{Variables: {{{variables}}}}}")


def test_a_value_of_the_command_line_counts_for_every_template_with_the_parameter(aws: Aws, tmp_path: Path) -> None:
    folders = [write(tmp_path / "a", needing("X", "Y")), write(tmp_path / "b", needing("Y"))]
    projects = deploy(aws, tmp_path, *folders, overrides=["X=1 Y='2 3'"])
    assert [project.parameters for project in projects] == [{"X": "1", "Y": "2 3"}, {"Y": "2 3"}]


def test_missing_values_of_several_templates_are_named_at_once(aws: Aws, tmp_path: Path) -> None:
    folders = [write(tmp_path / name, needing(*parameters)) for name, parameters in (("a", "XY"), ("b", "Z"))]
    with pytest.raises(TemplateError, match=r"/a/template\.yaml: parameters X, Y .*; .*/b/template\.yaml: parameter Z"):
        deploy(aws, tmp_path, *folders)


def test_an_override_that_no_template_has_is_refused(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--parameter-overrides: no template has a parameter Typo$"):
        deploy(aws, tmp_path, write(tmp_path / "a", needing("Right")), overrides=["Typo=1"])


def test_an_override_that_sam_itself_leaves_out_is_a_note(aws: Aws, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", ONE)
    (folder / "samconfig.toml").write_text('[default.deploy.parameters]\nparameter_overrides = "Old=1"\n')
    assert deploy(aws, tmp_path, folder)[0].notes[1].startswith("samconfig gives Old, which ")


def test_values_of_variables_are_text_as_cloudformation_makes_it(aws: Aws, tmp_path: Path) -> None:
    template = given("Environment: {Variables: {A: 1, B: true, C: 1.5, D: 2026-01-01, E: ''}}")
    environment = deploy(aws, tmp_path, write(tmp_path / "a", template))[0].functions[0].environment
    assert [environment[name] for name in "ABCDE"] == ["1", "true", "1.5", "2026-01-01", ""]


def test_an_attribute_can_be_read_in_every_form(aws: Aws, tmp_path: Path) -> None:
    template = given(
        "Environment: {Variables: {A: !GetAtt One.Arn, B: {'Fn::GetAtt': One.Arn}, C: {'Fn::GetAtt': [One, Arn]}}}"
    )
    environment = deploy(aws, tmp_path, write(tmp_path / "a", template))[0].functions[0].environment
    assert (
        environment["A"] == environment["B"] == environment["C"] == "arn:aws:lambda:us-east-1:123456789012:function:One"
    )


def test_of_two_layers_the_last_one_is_looked_into_first(tmp_path: Path) -> None:
    layers = tuple(tmp_path / name for name in ("first", "last"))
    for layer in layers:
        (layer / "python").mkdir(parents=True)
    function = Function("one", "One", "app.handler", tmp_path, "python3.13", layers=layers)
    assert module_path(function) == [str(tmp_path), f"{tmp_path}/last/python", f"{tmp_path}/first/python"]
