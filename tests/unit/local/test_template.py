from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.errors import TemplateError
from local.template.parameters import Overrides, values
from local.template.reading import NO_VALUE, Resolver, load

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Days: {Type: Number, Default: 30, AllowedPattern: "[0-9]+"}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
Mappings:
  Sizes: {dev: {memory: 128}, prod: {memory: 512}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
"""


@pytest.fixture
def template(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return load(tmp_path / "template.yaml")


@pytest.fixture
def resolver(template: dict[str, Any]) -> Resolver:
    return Resolver(template, values(template, Overrides()), "stack", lambda name, attribute: f"<{name}.{attribute}>")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Queue"}, "<Queue.None>"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "<Queue.Arn>"),
        ({"Fn::Sub": "${AWS::StackName}-${Queue.Arn}-${!Literal}"}, "stack-<Queue.Arn>-${Literal}"),
        ({"Fn::Sub": ["${a}${Stage}", {"a": {"Ref": "Days"}}]}, "30dev"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Stage"}]]}, "a/dev"),
        ({"Fn::If": ["IsProd", 1, 2]}, 2),
        ({"Fn::If": ["IsDev", 1, 2]}, 1),
        ({"Fn::And": [{"Condition": "IsDev"}, {"Fn::Or": [{"Condition": "IsProd"}, True]}]}, True),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 128),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", "none", "memory", {"DefaultValue": {"Ref": "Stage"}}]}, "dev"),
        ({"Fn::Length": {"Fn::Split": [",", "a,b"]}}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "us-east-1a"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        # A policy's own member of that name is no function.
        ({"Condition": {"Bool": {"x": "y"}}}, {"Condition": {"Bool": {"x": "y"}}}),
    ],
)
def test_intrinsic_functions_resolve(resolver: Resolver, value: Any, expected: Any) -> None:
    assert resolver.resolve(value) == expected


def test_no_value_stands_for_a_member_that_is_left_out(resolver: Resolver) -> None:
    assert resolver.resolve({"Ref": "AWS::NoValue"}) is NO_VALUE


def test_short_and_long_forms_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("Resources: {A: {V: !GetAtt B.C.D}, E: {V: {'Fn::GetAtt': [B, C.D]}}}")
    resources = load(path)["Resources"]
    assert resources["A"] == resources["E"]


def test_dates_stay_strings_as_cloudformation_reads_them(template: dict[str, Any]) -> None:
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"


@pytest.mark.parametrize("value", [{"Ref": "Nobody"}, {"Fn::Transform": {}}, {"Fn::If": ["No", 1, 2]}])
def test_a_reference_to_a_missing_resource_is_an_error(template: dict[str, Any], value: Any) -> None:
    def nothing(name: str, _attribute: str | None) -> str:
        raise TemplateError(f"there is no resource or parameter {name}")

    with pytest.raises(TemplateError):
        Resolver(template, {}, "stack", nothing).resolve(value)


@pytest.mark.parametrize("text", ["a: [", "a: 1", "- 1"])
def test_a_file_that_is_not_a_template_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(TemplateError):
        load(tmp_path / "t.yaml")
