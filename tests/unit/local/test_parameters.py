"""Parameters: where their values come from, and which ones CloudFormation would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.errors import TemplateError
from local.template.parameters import MissingParametersError, Overrides, overrides, read_pairs, values

if TYPE_CHECKING:
    from pathlib import Path


def one(declared: dict[str, Any], text: str | None = None, *, stored: dict[str, str] | None = None) -> Any:
    """Return the value of a parameter P."""
    given = Overrides(default={} if text is None else {"P": text})
    return values({"Parameters": {"P": declared}}, given, (stored or {}).get)["P"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ('A="1" B="a b"', {"A": "1", "B": "a b"}),  # what `sam deploy --guided` writes
        ("A=1 B='x y'", {"A": "1", "B": "x y"}),
        (r'A="say \"hi\"" B=a\ b', {"A": 'say "hi"', "B": "a b"}),
        ("A=a=b,c D=x", {"A": "a=b,c", "D": "x"}),
        ('A="" B=1', {"A": "", "B": "1"}),
        ('ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue="x y"', {"A": "1", "B": "x y"}),
    ],
)
def test_overrides_are_read_as_sam_reads_them(text: str, expected: dict[str, str]) -> None:
    assert read_pairs(text, "x") == expected


@pytest.mark.parametrize("text", ["A", "A 1", "=1", 'A="' + "a" * 200_000])
def test_a_text_that_is_not_an_override_is_refused_and_read_in_linear_time(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^--parameter-overrides: .* is not of the form Key=Value$"):
        read_pairs(text, "--parameter-overrides")


def test_the_command_line_wins_over_local_and_local_over_default(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(
        "[default.deploy.parameters]\nparameter_overrides = \"A=1 B=1 C=1 D='x y'\"\n"
        '[local.deploy.parameters]\nparameter_overrides = ["B=2", "C=2", "E=a b", "F=1 G=2"]\n'
    )
    given = overrides(tmp_path, {"C": "3"})
    assert given.merged == {"A": "1", "B": "2", "C": "3", "D": "x y", "E": "a b", "F": "1", "G": "2"}
    assert set(given.local) == {"B", "C", "E", "F", "G"}


def test_a_value_for_all_commands_counts_if_deploy_has_none(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text('[default.global.parameters]\nparameter_overrides = "A=1"\n')
    assert overrides(tmp_path, {}).merged == {"A": "1"}
    path.write_text(path.read_text() + '[default.deploy.parameters]\nparameter_overrides = "B=2"\n')
    assert overrides(tmp_path, {}).merged == {"B": "2"}


@pytest.mark.parametrize("name", ["samconfig.yaml", "samconfig.yml", "samconfig.json"])
def test_samconfig_may_be_yaml_or_json(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"default": {"deploy": {"parameters": {"parameter_overrides": "A=1"}}}}')
    assert overrides(tmp_path, {}).merged == {"A": "1"}


def test_all_parameters_without_a_value_are_named_at_once_with_where_to_give_them() -> None:
    declared = {name: {"Type": "String"} for name in ("Domain", "Limit", "Given")}
    said = (
        "^parameters Domain, Limit have no default and no value: "
        r'give --parameter-overrides "Domain=… Limit=…", or parameter_overrides in samconfig\.toml$'
    )
    with pytest.raises(MissingParametersError, match=said):
        values({"Parameters": declared}, Overrides(default={"Given": "1"}))


def test_a_name_that_the_template_lacks_is_refused_from_us_and_left_out_from_sams_own_section() -> None:
    template = {"Parameters": {"A": {"Type": "String"}}}
    assert values(template, Overrides(default={"A": "1", "Old": "x"})) == {"A": "1"}
    with pytest.raises(TemplateError, match=r"^Typo is not a parameter of the template$"):
        values(template, Overrides(local={"A": "1", "Typo": "x"}))


@pytest.mark.parametrize(
    ("declared", "text", "expected"),
    [
        ({"Type": "String", "Default": True}, None, "true"),
        ({"Type": "String", "Default": ""}, None, ""),
        ({"Type": "Number", "Default": 1.5}, None, "1.5"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 10}, "10", "10"),
        ({"Type": "Number", "AllowedValues": [1, 2]}, "2", "2"),
        ({"Type": "String", "AllowedValues": [True, False]}, "true", "true"),
        ({"Type": "CommaDelimitedList"}, " a , b,c ", ["a", "b", "c"]),
        ({"Type": "CommaDelimitedList"}, "", [""]),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+", "AllowedValues": ["a", "b"]}, "a, b", ["a", "b"]),
        ({"Type": "List<Number>", "MinValue": 1}, "1, 2.5", ["1", "2.5"]),
        ({"Type": "AWS::EC2::VPC::Id"}, "vpc-1", "vpc-1"),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, "subnet-1,subnet-2", ["subnet-1", "subnet-2"]),
        ({"Type": "AWS::SSM::Parameter::Name"}, "/a/b", "/a/b"),
        ({"Type": "String", "MinLength": 1, "MaxLength": 3}, "abc", "abc"),
    ],
)
def test_a_value_is_converted_as_cloudformation_converts_it(
    declared: dict[str, Any], text: str | None, expected: Any
) -> None:
    assert one(declared, text) == expected


@pytest.mark.parametrize(
    ("declared", "text", "message"),
    [
        ({"Type": "Number"}, "x", "'x' fails its constraint: it is no number"),
        ({"Type": "Number"}, "nan", "it is no number"),
        ({"Type": "Number"}, "1_0", "it is no number"),
        ({"Type": "Number", "MinValue": 2}, "1", "MinValue is 2"),
        ({"Type": "Number", "MaxValue": 2}, "2.1", "MaxValue is 2"),
        ({"Type": "Number", "MinValue": 2, "Default": 1}, None, "MinValue is 2"),
        ({"Type": "List<Number>"}, "1,x", "'x' fails its constraint: it is no number"),
        ({"Type": "String", "MinLength": 1}, "", "MinLength is 1"),
        ({"Type": "String", "MaxLength": 2}, "abc", "MaxLength is 2"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "ab1", r"it does not match \[a-z\]\+"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+"}, "a,1", "'1' fails its constraint"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "'b' fails its constraint: it is not one of a"),
        (
            {"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "One letter a."},
            "b",
            r"'b' fails its constraint: One letter a\. \(it does not match a\)",
        ),
        ({"Type": "String", "NoEcho": True, "MinLength": 9}, "secret", "P: its value fails its constraint"),
        ({"Type": "String", "AllowedPattern": "["}, "x", "its AllowedPattern is not a regular expression"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused(
    declared: dict[str, Any], text: str | None, message: str
) -> None:
    with pytest.raises(TemplateError, match=message) as refused:
        one(declared, text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (None, "parameter P is not a mapping"),
        ({"Default": "x"}, "parameter P has no Type"),
        ({"Type": "Strng", "Default": "x"}, "Strng is not a type of a parameter"),
        ({"Type": "List<String>", "Default": "x"}, "List<String> is not a type of a parameter"),
        ({"Type": "String", "Defualt": "x", "allowedValues": []}, "has no property Defualt, allowedValues"),
        ({"Type": "CommaDelimitedList", "Default": ["a"]}, "its Default is not text"),
    ],
)
def test_a_parameter_that_is_declared_wrongly_is_refused(declared: Any, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        one(declared)


def test_a_value_of_systems_manager_is_looked_up() -> None:
    declared = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}
    assert one(declared, stored={"/a": "there"}) == "there"
    listed = {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/a"}
    assert one(listed, stored={"/a": "x, y"}) == ["x", "y"]


def test_a_value_that_systems_manager_lacks_is_named_and_may_be_given_in_its_place() -> None:
    template = {"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}}}
    with pytest.raises(TemplateError, match=r"Systems Manager has no parameter '/a' here; .*--parameter-overrides"):
        values(template, Overrides(default={"P": "/a"}))
    assert values(template, Overrides(local={"P": "itself"})) == {"P": "itself"}
