"""The custom resource that activates a receipt rule set, and restores the former one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local.emulator import patches
from postroom.adapters.aws.active_rule_set import ActiveRuleSet

if TYPE_CHECKING:
    import urllib3


class Answers:
    """Where CloudFormation would listen."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str], retries: int) -> None:
        assert (method, url, headers) == ("PUT", "https://cloudformation.test/answer", {"Content-Type": ""})
        self.heard.append(json.loads(body))


@pytest.fixture
def account() -> Any:
    patches.apply()
    with mock_aws():
        client = boto3.client("ses", region_name="us-east-1")
        for name in ("before", "ours", "other"):
            client.create_receipt_rule_set(RuleSetName=name)
        yield client


@pytest.fixture
def answers() -> Answers:
    return Answers()


def ask(account: Any, answers: Answers, kind: str, name: str, physical_id: str | None = None) -> dict[str, Any]:
    http: urllib3.PoolManager = answers  # type: ignore[assignment]
    ActiveRuleSet(account, http).handle(
        {
            "RequestType": kind,
            "ResponseURL": "https://cloudformation.test/answer",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/postroom/1",
            "RequestId": "1",
            "LogicalResourceId": "ActiveReceiptRuleSet",
            "ResourceProperties": {"ServiceToken": "arn", "RuleSetName": name},
            **({"PhysicalResourceId": physical_id} if physical_id else {}),
        }
    )
    return answers.heard[-1]


def active(account: Any) -> str:
    return str(account.describe_active_receipt_rule_set().get("Metadata", {}).get("Name", ""))


def test_the_set_becomes_active_and_its_predecessor_is_remembered(account: Any, answers: Answers) -> None:
    account.set_active_receipt_rule_set(RuleSetName="before")
    answer = ask(account, answers, "Create", "ours")
    assert (answer["Status"], active(account)) == ("SUCCESS", "ours")
    assert ask(account, answers, "Delete", "ours", answer["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert active(account) == "before"


def test_asked_twice_it_still_knows_the_predecessor(account: Any, answers: Answers) -> None:
    account.set_active_receipt_rule_set(RuleSetName="before")
    first = ask(account, answers, "Create", "ours")["PhysicalResourceId"]
    assert ask(account, answers, "Update", "ours", first)["PhysicalResourceId"] == first


def test_a_set_that_somebody_else_has_chosen_since_stays(account: Any, answers: Answers) -> None:
    mine = ask(account, answers, "Create", "ours")["PhysicalResourceId"]
    account.set_active_receipt_rule_set(RuleSetName="other")
    assert ask(account, answers, "Delete", "ours", mine)["Status"] == "SUCCESS"
    assert active(account) == "other"


def test_a_set_that_is_not_there_fails_the_deployment_by_name_of_the_error(account: Any, answers: Answers) -> None:
    answer = ask(account, answers, "Create", "nowhere")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "SES refused: RuleSetDoesNotExist")
