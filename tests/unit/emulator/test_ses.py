"""Receipt rules and identities, as the admin API uses them, through a stock boto3 client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from mypy_boto3_ses import SESClient


@pytest.fixture
def ses(aws: None) -> SESClient:
    boto3.client("s3").create_bucket(Bucket="inbound")
    topic = boto3.client("sns").create_topic(Name="inbound")["TopicArn"]
    assert topic == rule("any")["Actions"][0]["S3Action"]["TopicArn"]
    client = boto3.client("ses")
    client.create_receipt_rule_set(RuleSetName="mail")
    return client


def rule(name: str, *recipients: str, **more: Any) -> Any:
    action = {"BucketName": "inbound", "ObjectKeyPrefix": "inbound/"}
    action["TopicArn"] = "arn:aws:sns:us-east-1:123456789012:inbound"
    fields = {"Enabled": True, "ScanEnabled": True, "TlsPolicy": "Optional", "Actions": [{"S3Action": action}]}
    return {"Name": name, "Recipients": list(recipients), **fields, **more}


def names(ses: SESClient) -> list[str]:
    return [one["Name"] for one in ses.describe_receipt_rule_set(RuleSetName="mail")["Rules"]]


def test_a_rule_is_created_described_updated_and_deleted(ses: SESClient) -> None:
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one", "example.com"))
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("two"), After="one")
    assert names(ses) == ["one", "two"]
    assert ses.describe_receipt_rule(RuleSetName="mail", RuleName="one")["Rule"] == rule("one", "example.com")
    changed = rule("one", "example.com", "example.org", Enabled=False)
    ses.update_receipt_rule(RuleSetName="mail", Rule=changed)
    assert ses.describe_receipt_rule(RuleSetName="mail", RuleName="one")["Rule"] == changed
    for _ in range(2):
        ses.delete_receipt_rule(RuleSetName="mail", RuleName="one")
    assert names(ses) == ["two"]
    with pytest.raises(ses.exceptions.RuleDoesNotExistException):
        ses.describe_receipt_rule(RuleSetName="mail", RuleName="one")


def test_a_rule_in_an_unknown_set_is_refused(ses: SESClient) -> None:
    with pytest.raises(ses.exceptions.RuleSetDoesNotExistException):
        ses.create_receipt_rule(RuleSetName="unknown", Rule=rule("one"))
    with pytest.raises(ses.exceptions.RuleSetDoesNotExistException):
        ses.delete_receipt_rule(RuleSetName="unknown", RuleName="one")
    with pytest.raises(ses.exceptions.RuleDoesNotExistException):
        ses.update_receipt_rule(RuleSetName="mail", Rule=rule("unknown"))


def test_a_second_rule_of_the_same_name_is_refused(ses: SESClient) -> None:
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one"))
    with pytest.raises(ses.exceptions.AlreadyExistsException):
        ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one", "example.com"))


def test_one_set_is_active_at_a_time(ses: SESClient) -> None:
    assert "Metadata" not in ses.describe_active_receipt_rule_set()
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one"))
    ses.create_receipt_rule_set(RuleSetName="other")
    for name in ("other", "mail"):
        ses.set_active_receipt_rule_set(RuleSetName=name)
    active = ses.describe_active_receipt_rule_set()
    assert (active["Metadata"]["Name"], [one["Name"] for one in active["Rules"]]) == ("mail", ["one"])
    with pytest.raises(ses.exceptions.CannotDeleteException):
        ses.delete_receipt_rule_set(RuleSetName="mail")


def test_an_action_on_a_missing_bucket_or_topic_is_refused(ses: SESClient) -> None:
    bad = rule("one")
    bad["Actions"][0]["S3Action"]["BucketName"] = "missing"
    with pytest.raises(ses.exceptions.InvalidS3ConfigurationException):
        ses.create_receipt_rule(RuleSetName="mail", Rule=bad)
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one"))
    with pytest.raises(ses.exceptions.InvalidS3ConfigurationException):
        ses.update_receipt_rule(RuleSetName="mail", Rule=bad)


def test_a_role_that_exists_may_write_for_ses(ses: SESClient) -> None:
    role = boto3.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    good = rule("one")
    good["Actions"][0]["S3Action"]["IamRoleArn"] = role
    ses.create_receipt_rule(RuleSetName="mail", Rule=good)
    assert names(ses) == ["one"]


def test_a_domain_is_verified_at_once_until_it_is_deleted(ses: SESClient) -> None:
    def status() -> Any:
        return ses.get_identity_verification_attributes(Identities=["example.com"])["VerificationAttributes"]

    assert status() == {}
    assert ses.verify_domain_identity(Domain="Example.com")["VerificationToken"]
    assert len(ses.verify_domain_dkim(Domain="example.com")["DkimTokens"]) == 3
    assert status()["example.com"]["VerificationStatus"] == "Success"
    dkim = ses.get_identity_dkim_attributes(Identities=["example.com"])["DkimAttributes"]["example.com"]
    assert (dkim["DkimVerificationStatus"], len(dkim["DkimTokens"])) == ("Success", 3)
    ses.delete_identity(Identity="someone@example.com")
    assert status()["example.com"]["VerificationStatus"] == "Success"
    for _ in range(2):
        ses.delete_identity(Identity="example.com")
    assert status() == {}


def test_beside_another_emulator_a_rule_may_name_what_is_there(ses: SESClient, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("s3").delete_bucket(Bucket="inbound")
    with pytest.raises(ses.exceptions.InvalidS3ConfigurationException):
        ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one"))
    monkeypatch.setenv("POSTROOM_SES_ALONE", "1")
    ses.create_receipt_rule(RuleSetName="mail", Rule=rule("one"))
    assert names(ses) == ["one"]
