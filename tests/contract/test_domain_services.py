"""Promises of ``DomainServices``, held in memory and by SES (moto) alike; then what only SES has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.domain_services import ReceiptSettings, SesDomainServices
from postroom.adapters.aws.leases import Leases
from postroom.adapters.memory.admin_services import MemoryDomainServices
from postroom.errors import ConflictError, RefusedByServiceError, StoreUnavailableError
from postroom.ports.domain_services import DomainServices, Verification
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """A clock that only the pauses advance."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def account() -> Iterator[None]:
    with empty_account():
        boto3.client("dynamodb").create_table(
            TableName="directory",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3").create_bucket(Bucket="inbound")
        boto3.client("sns").create_topic(Name="inbound")
        boto3.client("ses").create_receipt_rule_set(RuleSetName="mail")
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(account: None, clock: Clock) -> Leases:
    return Leases(DirectoryTable(boto3.client("dynamodb"), "directory"), clock=clock, pause=clock.pause)


@pytest.fixture
def ses(leases: Leases) -> SesDomainServices:
    topic = "arn:aws:sns:us-east-1:123456789012:inbound"
    return SesDomainServices(
        boto3.client("ses"), boto3.client("sesv2"), leases, ReceiptSettings("mail", "inbound", topic)
    )


@pytest.fixture(params=["memory", "ses"])
def services(request: pytest.FixtureRequest) -> DomainServices:
    if request.param == "memory":
        return MemoryDomainServices()
    found: SesDomainServices = request.getfixturevalue("ses")
    return found


def rules() -> list[dict[str, Any]]:
    found: Any = boto3.client("ses").describe_receipt_rule_set(RuleSetName="mail")["Rules"]
    return list(found)


class TestBoth:
    def test_an_identity_keeps_its_dkim_tokens(self, services: DomainServices) -> None:
        first = services.identify("example.com")
        assert first.verification
        assert len(first.dkim) == 3
        assert services.identify("example.com").dkim == first.dkim

    def test_a_domain_that_is_not_known_is_pending(self, services: DomainServices) -> None:
        status = services.status("example.com")
        assert (status.ownership, status.dkim) == (Verification.PENDING, Verification.PENDING)
        services.identify("example.com")
        status = services.status("example.com")
        assert (status.ownership, status.dkim) == (Verification.VERIFIED, Verification.VERIFIED)

    def test_routes_may_be_made_and_ended_twice(self, services: DomainServices) -> None:
        for _ in range(2):
            services.route("example.com")
        for _ in range(2):
            services.unroute("example.com", lambda: True)

    def test_a_domain_that_is_somebody_elses_by_now_keeps_its_route(self, services: DomainServices) -> None:
        services.route("example.com")
        services.unroute("example.com", lambda: False)
        asked: list[str] = []

        def asks() -> bool:
            asked.append("it is routed")
            return True

        services.unroute("example.com", asks)
        assert asked == ["it is routed"]


def test_ses_forwards_no_bounces_of_a_domain_by_mail(ses: SesDomainServices) -> None:
    ses.identify("example.com")
    found: Any = boto3.client("ses").get_identity_notification_attributes(Identities=["example.com"])
    assert found["NotificationAttributes"]["example.com"]["ForwardingEnabled"] is False


class TestReceiptRules:
    def test_domains_share_rules_of_a_hundred(self, ses: SesDomainServices) -> None:
        for number in range(101):
            ses.route(f"d{number}.org")
        assert [(rule["Name"], len(rule["Recipients"])) for rule in rules()] == [("postroom-1", 100), ("postroom-2", 1)]
        assert ses.receipt_rules() == 2
        ses.unroute("d7.org", lambda: True)
        ses.route("again.org")
        assert "again.org" in rules()[0]["Recipients"]
        ses.unroute("d100.org", lambda: True)
        assert [rule["Name"] for rule in rules()] == ["postroom-1"], "a rule without recipients would take all mail"

    def test_a_rule_scans_stores_and_tells(self, ses: SesDomainServices) -> None:
        ses.route("example.com")
        (rule,) = rules()
        assert (rule["Enabled"], rule["ScanEnabled"]) == (True, True)
        assert rule["Actions"] == [
            {
                "S3Action": {
                    "TopicArn": "arn:aws:sns:us-east-1:123456789012:inbound",
                    "BucketName": "inbound",
                    "ObjectKeyPrefix": "inbound/",
                }
            }
        ]
        assert boto3.client("ses").describe_active_receipt_rule_set().get("Metadata") is None, "never activated"

    def test_rules_of_others_stay_as_they_are(self, ses: SesDomainServices) -> None:
        client = boto3.client("ses")
        for name, recipients in (("INBOUND_MAIL", ["example.com"]), ("postroom-1", []), ("postroom-one", ["b.org"])):
            rule: Any = {"Name": name, "Enabled": True, "Recipients": recipients, "Actions": [], "ScanEnabled": False}
            client.create_receipt_rule(RuleSetName="mail", Rule=rule)
        before = rules()
        ses.route("example.com")
        ours = [rule for rule in rules() if rule not in before]
        assert [(rule["Name"], rule["Recipients"]) for rule in ours] == [("postroom-2", ["example.com"])]
        ses.unroute("example.com", lambda: True)
        assert rules() == before

    def test_what_an_administrator_changed_on_a_rule_of_ours_stays(self, ses: SesDomainServices) -> None:
        ses.route("example.com")
        (rule,) = rules()
        changed: Any = {**rule, "TlsPolicy": "Require", "Enabled": False}
        boto3.client("ses").update_receipt_rule(RuleSetName="mail", Rule=changed)
        ses.route("b.org")
        (rule,) = rules()
        assert (rule["TlsPolicy"], rule["Enabled"]) == ("Require", False)
        assert sorted(rule["Recipients"]) == ["b.org", "example.com"]

    def test_a_rule_set_that_is_not_there_is_said(self, leases: Leases) -> None:
        services = SesDomainServices(
            boto3.client("ses"), boto3.client("sesv2"), leases, ReceiptSettings("missing", "inbound", "t")
        )
        with pytest.raises(RefusedByServiceError, match="missing"):
            services.route("example.com")

    def test_a_service_that_is_silent_may_be_asked_again(self, account: None, leases: Leases) -> None:
        def cut(**_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="x")

        dead: Any = boto3.client("ses")
        dead.meta.events.register("before-send", cut)
        services = SesDomainServices(dead, dead, leases, ReceiptSettings("mail", "inbound", "t"))
        with pytest.raises(StoreUnavailableError):
            services.status("example.com")


class TestLeases:
    def test_one_at_a_time(self, leases: Leases) -> None:
        with leases.held("rules"), pytest.raises(ConflictError), leases.held("rules"):
            pass
        with leases.held("rules"), leases.held("others"):
            pass

    def test_one_whose_holder_crashed_runs_out(self, leases: Leases, clock: Clock) -> None:
        crashed = leases.held("rules")
        crashed.__enter__()
        clock.now += 31
        with leases.held("rules"):
            crashed.__exit__(None, None, None)
            with pytest.raises(ConflictError), leases.held("rules"):
                pass
