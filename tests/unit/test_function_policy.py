"""Whether a function's resource policy lets an organization's rules invoke it."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.model.function_policy import allows, permission_command

ORGANIZATION = "arn:aws:workmail:us-east-1:123456789012:organization/m-0123456789abcdef0123456789abcdef"


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Sid": "AllowWorkMail",
        "Effect": "Allow",
        "Principal": {"Service": "workmail.us-east-1.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "Condition": {"ArnLike": {"AWS:SourceArn": ORGANIZATION}},
    } | changes


def allowed(*statements: dict[str, Any]) -> bool:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return allows(policy, organization_arn=ORGANIZATION, region="us-east-1", account="123456789012")


def test_what_add_permission_writes_is_enough() -> None:
    assert allowed(statement())


@pytest.mark.parametrize(
    "changes",
    [
        {"Condition": {}},
        {"Action": ["lambda:GetFunction", "lambda:InvokeFunction"]},
        {"Action": "lambda:*"},
        {"Principal": {"Service": ["events.amazonaws.com", "workmail.us-east-1.amazonaws.com"]}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:workmail:us-east-1:123456789012:organization/*"}}},
        {"Condition": {"arnlike": {"AWS:SOURCEARN": ORGANIZATION.replace("m-0123", "?-01?3")}}},
        {"Condition": {"ArnEquals": {"aws:sourcearn": ORGANIZATION}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": ["999999999999", "123456789012"]}}},
        {
            "Condition": {
                "ArnLike": {"aws:SourceArn": ORGANIZATION},
                "StringEquals": {"aws:SourceAccount": "123456789012"},
            }
        },
        {"Condition": {"StringLike": {"aws:SourceArn": ["arn:other", "arn:aws:workmail:*:organization/m-0123*"]}}},
    ],
)
def test_other_ways_to_say_it_are_enough_as_well(changes: dict[str, Any]) -> None:
    assert allowed(statement(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Action": "lambda:GetFunction"},
        {"Action": "s3:*"},
        {"Principal": {"Service": "workmail.eu-west-1.amazonaws.com"}},
        {"Principal": {"Service": "ses.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Condition": {"ArnLike": {"aws:SourceArn": ORGANIZATION.replace("m-0", "m-f")}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:*:organization/*"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Condition": {"DateLessThan": {"aws:SourceArn": ORGANIZATION}}},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:SourceArn": ORGANIZATION}}},
        {"Condition": {"Null": {"aws:SourceArn": "false"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": []}}},
        {
            "Condition": {
                "ArnLike": {"aws:SourceArn": ORGANIZATION},
                "StringEquals": {"aws:SourceAccount": "999999999999"},
            }
        },
        {"Condition": "aws:SourceArn"},
        {"Condition": ["aws:SourceArn"]},
        {"Condition": {"ArnLike": ORGANIZATION}},
        {"Effect": "allow"},
        {"Principal": None},
        {"Principal": {"Service": {"workmail.us-east-1.amazonaws.com": True}}},
        {"Principal": None, "NotPrincipal": {"Service": "ses.amazonaws.com"}},
        {"Action": None, "NotAction": "lambda:GetFunction"},
    ],
)
def test_what_says_less_is_not_enough(changes: dict[str, Any]) -> None:
    assert not allowed(statement(**changes))


def test_a_denial_wins_wherever_it_stands() -> None:
    denial = statement(Effect="Deny", Principal="*", Condition={})
    assert not allowed(denial, statement())
    assert not allowed(statement(), denial)


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}},
        {"Principal": None, "NotPrincipal": {"Service": "ses.amazonaws.com"}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": None, "NotAction": "lambda:GetFunction"},
        {"Action": None, "NotAction": ["lambda:GetFunction", "s3:*"]},
        {"Condition": "aws:SourceArn"},
    ],
)
def test_a_denial_that_leaves_us_out_in_so_many_words_is_one(changes: dict[str, Any]) -> None:
    assert not allowed(statement(), statement(Effect="Deny", Condition={}) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
        {"Principal": None, "NotPrincipal": {"Service": ["ses.amazonaws.com", "workmail.us-east-1.amazonaws.com"]}},
        {"Action": None, "NotAction": "lambda:Invoke*"},
    ],
)
def test_a_denial_of_everybody_but_us_is_none(changes: dict[str, Any]) -> None:
    assert allowed(statement(), statement(Effect="Deny", Condition={}) | changes)


@pytest.mark.parametrize("statements", [None, 5, "Allow", [None, "Allow", 5], {"Effect": "Allow"}, []])
def test_a_policy_of_another_form_allows_nothing(statements: Any) -> None:
    policy = {"Statement": statements}
    assert not allows(policy, organization_arn=ORGANIZATION, region="us-east-1", account="123456789012")


@pytest.mark.parametrize("pattern", ["*?" * 40 + "!", "*0*" * 40 + "!", "*" * 5000 + "!"])
def test_a_pattern_that_is_made_to_be_slow_is_not(pattern: str) -> None:
    """Each star would double the time of a search that goes back."""
    assert not allowed(statement(Condition={"StringLike": {"aws:SourceArn": pattern}}))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        ("arn:*", True),
        ("*abcdef", True),
        ("*:organization/m-????456789abcdef*", True),
        ("*workmail*organization*m-*", True),
        ("arn:aws:workmail", False),
        ("*.*", False),
        ("*organization*workmail*", False),
        ("*m-0123456789abcdef0123456789abcdef?", False),
        ("", False),
    ],
)
def test_stars_and_question_marks_match_as_iam_does(pattern: str, *, matches: bool) -> None:
    assert allowed(statement(Condition={"StringLike": {"aws:SourceArn": pattern}})) is matches


def test_a_denial_that_we_cannot_judge_is_kept_and_one_about_others_is_not() -> None:
    unknown = statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    others = statement(Effect="Deny", Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}})
    assert not allowed(statement(), unknown)
    assert allowed(statement(), others)


def test_an_empty_policy_allows_nothing() -> None:
    assert not allowed()
    assert not allows({}, organization_arn=ORGANIZATION, region="us-east-1", account="123456789012")


def test_the_missing_line_is_the_guides_with_a_statement_for_each_organization() -> None:
    """ZH:3957-3963."""
    assert permission_command("tag-subjects", "us-east-1", ORGANIZATION) == (
        "aws --region us-east-1 lambda add-permission --function-name tag-subjects "
        "--statement-id AllowWorkMail-m-0123456789abcdef0123456789abcdef "
        f"--action lambda:InvokeFunction --principal workmail.us-east-1.amazonaws.com --source-arn {ORGANIZATION}"
    )
