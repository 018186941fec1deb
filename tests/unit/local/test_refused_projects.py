"""Customers' projects that cannot be deployed: each is one clear line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.errors import UsageError
from local.customers.projects import Customers, deploy_permissions
from local.errors import TemplateError
from local.functions.invocations import Invocations
from local.functions.pool import FunctionLogSink
from local.settings import UpSettings
from local.sources.mappings import sources
from local.template.custom_resources import CustomResources
from tests.support import ews_servers
from tests.support.local_lambda import LocalLambda

from .conftest import ONE, deploy, given, write

if TYPE_CHECKING:
    from pathlib import Path

    from local.aws import Aws

CONDITIONAL = ONE.replace("    Properties", "    Condition: A\n    Properties")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: [", "template.yaml: while parsing"),
        ("Resources: {}\nParameters: [1]", "Parameters is not a mapping"),
        ("Sources: {}", "no Resources"),
        ("Resources: {A: 1}", "A has no Type"),
        (given("Description: !ImportValue other-table"), "Fn::ImportValue: there is no other stack here that exports"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: []}}", "Properties are no mapping"),
        ("Resources: {A: {Type: 'AWS::S3::BucketPolicy'}}", r"A \(AWS::S3::BucketPolicy\): KeyError"),
        (ONE.replace("python3.13", "ruby3.3"), "One: runtime ruby3.3 is not executed here"),
        (ONE.replace("python3.13", "!Ref Nobody"), "no resource or parameter Nobody"),
        (ONE.replace("Handler: app.handler, ", ""), "One: a function without Handler"),
        (ONE.replace("Handler: app", "Handlr: app"), "One: a function has no property Handlr; is Handler meant"),
        (given("Timeot: 9"), r"One: a function has no property Timeot; is Timeout meant\?"),
        (ONE.replace('CodeUri: "."', "ImageUri: x"), "One: a function without CodeUri"),
        (ONE.replace('CodeUri: "."', "InlineCode: [x]"), "One: a function without CodeUri"),
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
        (ONE.replace("app.handler", "5"), "One: a function whose Handler is not text"),
        (ONE.replace("python3.13", "null"), "One: a function whose Runtime is not text"),
        (ONE.replace('CodeUri: "."', "CodeUri: {Bucket: a, Key: b}"), "One: a function whose CodeUri is not text"),
        (
            f"Conditions: {{A: !Condition B, B: !Condition A}}{CONDITIONAL}",
            "Condition of One cannot be read: Recursion",
        ),
        (f"Conditions: {{A: !Equals [1]}}{CONDITIONAL}", "Condition of One cannot be read: IndexError"),
        (
            ONE.replace("    Properties", "    Condition: [A]\n    Properties"),
            "Condition of One cannot be read: TypeError",
        ),
        ("Resources: {}\nParameters: {P: }", "parameter P is not a mapping"),
        ("Resources: {}\nParameters: {P: {Type: String, Default: x, MaxLength: x}}", "Parameters cannot be read: "),
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


def test_a_refusal_names_the_template(aws: Aws, tmp_path: Path) -> None:
    for template in ("Resources: {}\nParameters: {P: {Type: String}}", CONDITIONAL):
        with pytest.raises(TemplateError, match=r"/a/template\.yaml: "):
            deploy(aws, tmp_path, write(tmp_path / "a", template))


@pytest.mark.parametrize("text", ["local = 1", "[local.deploy]\nparameters = []", "\xff"])
def test_a_samconfig_of_another_form_is_refused(aws: Aws, tmp_path: Path, text: str) -> None:
    (write(tmp_path / "a", ONE) / "samconfig.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(TemplateError, match=r"the samconfig beside it cannot be read"):
        deploy(aws, tmp_path, tmp_path / "a")


def test_a_layer_that_cannot_be_copied_is_refused(aws: Aws, tmp_path: Path) -> None:
    layer = (
        "  L: {Type: 'AWS::Serverless::LayerVersion', Metadata: {BuildMethod: python3.13}, Properties: {ContentUri: l}}"
    )
    folder = write(tmp_path / "a", f"{given('Layers: [!Ref L]')}{layer}\n")
    (folder / "l").mkdir()
    (folder / "l" / "broken").symlink_to("nowhere")
    with pytest.raises(TemplateError, match=r"One cannot be read: Error: .*broken"):
        deploy(aws, tmp_path, folder)


def test_a_missing_template_is_refused(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"is not a SAM project: it has no template\.yaml$"):
        deploy(aws, tmp_path, tmp_path)


def test_node_functions_are_refused_where_there_is_no_node(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from local.functions import runtimes

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
        ("{Type: SQS}", "One: its event E cannot be read: KeyError: 'Queue'"),
        ("{Type: SQS, Properties: {Queue: 'arn:aws:sqs:us-east-1:1:q', BatchSize: x}}", "its event E cannot be read"),
    ],
)
def test_an_event_that_is_not_executed_is_refused(aws: Aws, tmp_path: Path, event: str, message: str) -> None:
    (project,) = deploy(aws, tmp_path, write(tmp_path / "a", given(f"Events: {{E: {event}}}")))
    with pytest.raises(TemplateError, match=message):
        sources(project.events, Invocations(project.functions, {}, FunctionLogSink(), aws), aws, 1)


@pytest.mark.parametrize("properties", ["{}", "{ServiceToken: 'arn:aws:lambda:us-east-1:1:function:Nobody'}"])
def test_a_custom_resource_of_an_unknown_function_is_refused(aws: Aws, tmp_path: Path, properties: str) -> None:
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
def test_a_permission_without_a_function_or_principal_is_refused(
    aws: Aws, tmp_path: Path, properties: str, message: str
) -> None:
    template = f"{ONE}  P: {{Type: 'AWS::Lambda::Permission', Properties: {{{properties}}}}}\n"
    projects = deploy(aws, tmp_path, write(tmp_path / "a", template))
    service = LocalLambda(tmp_path, projects[0].functions)
    try:
        with pytest.raises(TemplateError, match=f"a-P: {message}"):
            deploy_permissions(projects, service.service)
    finally:
        service.close()


def test_wrong_options_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        Customers([tmp_path / "nowhere"], None)
    (tmp_path / "template.yaml").touch()
    with pytest.raises(UsageError, match="not a folder; name the one that"):
        Customers([tmp_path / "template.yaml"], None)
    with pytest.raises(UsageError, match="given twice"):
        Customers([tmp_path, tmp_path / "."], None)
    with pytest.raises(UsageError, match="there are none"):
        Customers([], tmp_path / "env.json")
    with pytest.raises(UsageError, match="there are none"):
        Customers([], None, ["A=1"])
    with pytest.raises(UsageError, match="not of the form Key=Value"):
        Customers([tmp_path], None, ["A"])


@pytest.mark.parametrize("text", ["x", "m-1", "m-" + "A" * 32, "m-" + "0" * 33, "m-" + "0" * 32 + "\n"])
def test_an_organizations_id_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--organization-id"):
        UpSettings(organization_id=text)
    taken = UpSettings(organization_id="m-" + "0" * 32).variables("http://127.0.0.1:4568")
    assert taken["POSTROOM_FIRST_ORGANIZATION_ID"]


@pytest.mark.parametrize("text", ["x", "https://a.b/path", "ftp://a.b", "https://a.b,", ""])
def test_an_ews_server_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--private-ews-server: an origin is like"):
        UpSettings(private_ews_servers=(text,))


@pytest.mark.parametrize("text", ["x", "a.b:0", "a.b:65536", "smtp://a.b:587", "a.b:587,", "[::1]:587", ""])
def test_an_smtp_gateway_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--private-smtp-gateway: a gateway is like HOST:PORT"):
        UpSettings(private_smtp_gateways=(text,))


def test_the_gateways_that_are_named_may_be_private(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    with pytest.raises(UsageError, match=r"--private-smtp-certificates: .* is no file"):
        UpSettings(private_smtp_certificates=authority)
    authority.write_text(ews_servers.authority().pem)
    named = ("localhost:2526", "relay.corp.internal:587")
    settings = UpSettings(private_smtp_gateways=named, private_smtp_certificates=authority)
    variables = settings.variables("http://127.0.0.1:4568")
    assert variables["PRIVATE_SMTP_GATEWAYS"] == "localhost:2526,relay.corp.internal:587"
    assert variables["PRIVATE_SMTP_CERTIFICATES"] == ews_servers.authority().pem
    assert not {"PRIVATE_SMTP_GATEWAYS", "PRIVATE_SMTP_CERTIFICATES"} & UpSettings().variables("http://x").keys()


def test_the_stacks_own_front_and_the_servers_that_are_named_may_be_providers(tmp_path: Path) -> None:
    authority, pem = tmp_path / "authority.pem", ews_servers.authority().pem.encode()
    with pytest.raises(UsageError, match=r"--private-ews-certificates: .* is no file"):
        UpSettings(private_ews_certificates=authority)
    for wrong in (b"Licence", "-----BEGIN CERTIFICATE-----\n…".encode(), b"-----BEGIN CERTIFICATE-----", pem + b"Ours"):
        authority.write_bytes(wrong)
        with pytest.raises(UsageError, match=r"--private-ews-certificates: .* is not PEM of certificates alone"):
            UpSettings(private_ews_certificates=authority)
    authority.write_bytes(pem)
    settings = UpSettings(private_ews_servers=("https://127.0.0.1:8443",), private_ews_certificates=authority)
    variables = settings.variables("http://127.0.0.1:4568")
    assert variables["PRIVATE_EWS_SERVERS"] == "http://127.0.0.1:4568,https://127.0.0.1:8443"
    assert variables["PRIVATE_EWS_CERTIFICATES"] == pem.decode()
    assert "PRIVATE_EWS_CERTIFICATES" not in UpSettings().variables("http://127.0.0.1:4568")
