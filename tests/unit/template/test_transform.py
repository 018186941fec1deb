"""The template that CloudFormation gets once SAM has expanded it."""

from typing import Any

import pytest

from .conftest import Template


@pytest.fixture
def expanded(stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the resources after the transform."""
    resources: dict[str, Any] = stacks["template.yaml"]["Resources"]
    return resources


def test_sam_adds_no_role_and_no_policy_of_its_own(template: Template, expanded: dict[str, Any]) -> None:
    roles = {name for name, each in expanded.items() if each["Type"].startswith("AWS::IAM::")}
    assert roles == {*template.of_type("AWS::IAM::Role"), *template.of_type("AWS::IAM::ManagedPolicy")}


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


def test_each_api_has_one_stage(expanded: dict[str, Any]) -> None:
    stages = [each["Properties"] for each in expanded.values() if each["Type"] == "AWS::ApiGateway::Stage"]
    assert [each["StageName"] for each in stages] == [{"Ref": "StageName"}] * 2
    assert {each["RestApiId"]["Ref"] for each in stages} == {"Api", "ClientApi"}


def test_the_authorizer_of_mail_clients_sees_the_header_and_may_be_called(expanded: dict[str, Any]) -> None:
    body = expanded["ClientApi"]["Properties"]["Body"]
    (scheme,) = body["components"]["securitySchemes"].values()
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert (authorizer["type"], authorizer["identitySource"]) == ("request", "method.request.header.Authorization")
    assert authorizer["authorizerResultTtlInSeconds"] == 0
    assert "AuthenticateFunction" in str(authorizer["authorizerUri"])
    methods = body["paths"]["/{service}/{file}"]
    assert methods["x-amazon-apigateway-any-method"]["security"] == [{"HttpBasic": []}]
    callers = [
        each["Properties"]["Principal"]
        for each in expanded.values()
        if each["Type"] == "AWS::Lambda::Permission"
        and "AuthenticateFunction" in str(each["Properties"]["FunctionName"])
    ]
    assert callers == ["apigateway.amazonaws.com"]


@pytest.mark.parametrize("kind", ["UNAUTHORIZED", "ACCESS_DENIED"])
def test_the_gateway_itself_challenges_mail_clients(expanded: dict[str, Any], kind: str) -> None:
    """API Gateway renames WWW-Authenticate of functions: docs/decisions/0030."""
    response = expanded["ClientApi"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"][kind]
    assert response["statusCode"] == "401"
    assert response["responseParameters"] == {
        "gatewayresponse.header.WWW-Authenticate": "'Basic realm=\"EWS\"'",
        "gatewayresponse.header.X-SOAP-Enabled": "'True'",
    }


def test_mappings_report_each_failed_message(expanded: dict[str, Any]) -> None:
    mappings = [each["Properties"] for each in expanded.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert len(mappings) > 9
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in mappings)
