"""What CloudFormation gets once SAM has expanded the template."""

import json
import os
import subprocess
from typing import Any, Final

import pytest

from .conftest import ROOT, Template

SAM_PYTHON: Final = ROOT / ".venv-sam/bin/python"
TRANSFORM: Final = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
body = json.load(sys.stdin)
parameters = {name: each["Default"] for name, each in body["Parameters"].items()}
json.dump(Translator({}, Parser()).translate(sam_template=body, parameter_values=parameters), sys.stdout)
"""

pytestmark = pytest.mark.skipif(not SAM_PYTHON.is_file(), reason="the SAM CLI is not set up; scripts/test does")


def with_code_in_s3(resource: Any) -> Any:
    """Return a resource as `sam package` leaves it: the transform takes no folders."""
    code = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}.get(resource["Type"])
    return {**resource, "Properties": {**resource["Properties"], code: "s3://bucket/key"}} if code else resource


@pytest.fixture(scope="module")
def expanded(template: Template) -> dict[str, Any]:
    """Return the resources after the transform, without a network."""
    resources = {name: with_code_in_s3(each) for name, each in template.resources.items()}
    done = subprocess.run(
        [str(SAM_PYTHON), "-c", TRANSFORM],
        input=json.dumps({**template.body, "Resources": resources}),
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)["Resources"]
    return result


def test_sam_adds_no_role_and_no_policy_of_its_own(template: Template, expanded: dict[str, Any]) -> None:
    roles = {name for name, each in expanded.items() if each["Type"].startswith("AWS::IAM::")}
    assert roles == set(template.of_type("AWS::IAM::Role"))


def test_a_call_is_signed_and_needs_nothing_on_the_function(expanded: dict[str, Any]) -> None:
    method = expanded["Api"]["Properties"]["Body"]["paths"]["/"]["post"]
    assert method["security"] == [{"AWS_IAM": []}]
    assert "credentials" not in method["x-amazon-apigateway-integration"]


def test_answers_of_the_message_flow_api_are_streamed(expanded: dict[str, Any]) -> None:
    for method in ("get", "post"):
        operation = expanded["Api"]["Properties"]["Body"]["paths"]["/messages/{messageId}"][method]
        integration = operation["x-amazon-apigateway-integration"]
        assert operation["security"] == [{"AWS_IAM": []}]
        assert integration["responseTransferMode"] == "STREAM"
        assert str(integration["uri"]).count("/response-streaming-invocations") == 1


def test_the_api_has_one_stage(expanded: dict[str, Any]) -> None:
    stages = [each["Properties"]["StageName"] for each in expanded.values() if each["Type"] == "AWS::ApiGateway::Stage"]
    assert stages == [{"Ref": "StageName"}]


def test_mappings_report_each_failed_message(expanded: dict[str, Any]) -> None:
    mappings = [each["Properties"] for each in expanded.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert len(mappings) > 9
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in mappings)
