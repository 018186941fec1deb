"""Promises of ``AuditDeliveries``, held in memory and over the directory and CloudWatch Logs alike."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto.backends import get_backend

from postroom.adapters.aws.aged import MAX_KEPT, Aged
from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries
from postroom.adapters.memory.audit_deliveries import MemoryAuditDeliveries
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.contracts.audit_log import FIELDS
from postroom.errors import StoreUnavailableError
from postroom.model.audit_deliveries import AuditLogDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.records import Put, Remove
from tests.support.accounts import empty_account
from tests.support.audit_deliveries import delivery
from tests.support.directory_records import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient

    from postroom.ports.audit_deliveries import AuditDeliveries

REGION, ACCOUNT = "eu-west-1", "123456789012"
ORG, OTHER = "m-" + "1" * 32, "m-" + "2" * 32
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/audit/all"
BUCKET = "arn:aws:s3:::audit-bucket/mail"
STREAM = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/audit"
AGE_S = 60.0


@dataclass
class Account:
    """CloudWatch Logs and a directory, with a clock that the test moves."""

    logs: CloudWatchLogsClient
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    now: float = 1_000.0
    numbers: Iterator[int] = field(default_factory=itertools.count)
    deliveries: AwsAuditDeliveries = field(init=False)

    def __post_init__(self) -> None:
        self.deliveries = AwsAuditDeliveries(self.directory, self.logs, age_s=AGE_S, monotonic=lambda: self.now)

    def vended(
        self,
        target: str,
        log_type: str = "AUTHENTICATION_LOGS",
        organization: str = f"arn:aws:workmail:{REGION}:{ACCOUNT}:organization/{ORG}",
        output_format: Any = "json",
        **settings: Any,
    ) -> str:
        """Configure a delivery as an administrator does, with stock boto3; return its id."""
        name = f"d{next(self.numbers)}"
        self.logs.put_delivery_source(name=name, resourceArn=organization, logType=log_type)
        more = {"outputFormat": output_format} if output_format else {}
        place = self.logs.put_delivery_destination(
            name=name, deliveryDestinationConfiguration={"destinationResourceArn": target}, **more
        )["deliveryDestination"]
        made = self.logs.create_delivery(deliverySourceName=name, deliveryDestinationArn=place["arn"], **settings)
        return made["delivery"]["id"]

    def own(self, **settings: Any) -> AuditLogDelivery:
        """Keep a delivery of our own API."""
        record = AuditLogDelivery(organization_id=ORG, delivery=delivery(**settings), created=1, modified=1)
        self.directory.commit([Put(record)])
        return record

    def only(self) -> Any:
        (found,) = self.deliveries.of(ORG)
        return found


@pytest.fixture
def account() -> Iterator[Account]:
    with empty_account():
        yield Account(boto3.client("logs", REGION))


@pytest.fixture(params=["memory", "aws"])
def two(request: pytest.FixtureRequest) -> AuditDeliveries:
    """Two deliveries of one organization, and one of another."""
    kept = delivery(id="b", log_type=LogType.MAILBOX_ACCESS), delivery(id="a", log_type=LogType.AUTHENTICATION)
    if request.param == "memory":
        return MemoryAuditDeliveries({ORG: list(kept), OTHER: [delivery(id="c")]})
    account: Account = request.getfixturevalue("account")
    for organization, each in ((ORG, kept[0]), (ORG, kept[1]), (OTHER, delivery(id="c"))):
        record = AuditLogDelivery(organization_id=organization, delivery=each, created=1, modified=1)
        account.directory.commit([Put(record)])
    return account.deliveries


def test_deliveries_of_an_organization_come_by_id(two: AuditDeliveries) -> None:
    assert [each.id for each in two.of(ORG)] == ["a", "b"]
    assert [each.id for each in two.of(OTHER)] == ["c"]
    assert list(two.of("m-" + "3" * 32)) == []


def test_a_log_type_is_audited_if_a_delivery_has_it(two: AuditDeliveries) -> None:
    audited = {log_type for log_type in LogType if two.is_audited(ORG, log_type)}
    assert audited == {LogType.MAILBOX_ACCESS, LogType.AUTHENTICATION}


@pytest.mark.parametrize("log_type", LogType)
def test_what_stock_boto3_configures_is_delivered_without_a_fault(account: Account, log_type: LogType) -> None:
    made = {account.vended(target, log_type) for target in (f"{GROUP}:*", BUCKET, STREAM)}
    found = account.deliveries.of(ORG)
    assert {each.id for each in found} == made
    assert {(each.kind, each.target_arn) for each in found} == {
        (DestinationKind.CLOUDWATCH_LOGS, GROUP),
        (DestinationKind.S3, BUCKET),
        (DestinationKind.FIREHOSE, STREAM),
    }
    for each in found:
        assert (each.fault, each.log_type, each.record_fields) == ("", log_type, FIELDS[log_type])
        assert (each.output_format, each.field_delimiter) == (OutputFormat.JSON, "")


def test_settings_of_a_vended_delivery_are_honoured(account: Account) -> None:
    account.vended(
        BUCKET,
        output_format="w3c",
        recordFields=["user", "auth_successful"],
        fieldDelimiter="|",
        s3DeliveryConfiguration={"suffixPath": "{yyyy}/{MM}", "enableHiveCompatiblePath": True},
    )
    found = account.only()
    assert found.fault == ""
    assert (found.output_format, found.record_fields) == (OutputFormat.W3C, ("user", "auth_successful"))
    assert (found.field_delimiter, found.suffix_path, found.hive) == ("|", "{yyyy}/{MM}", True)


def test_a_destination_without_a_format_gets_json(account: Account) -> None:
    account.vended(GROUP, output_format=None)
    assert (account.only().output_format, account.only().fault) == (OutputFormat.JSON, "")


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("AWSLogs/{account-id}/WorkMail/{yyyy}/{MM}", "{yyyy}/{MM}"),
        ("AWSLogs/{account-id}/WorkMail/", ""),
        ("AWSLogs/{account-id}/WorkMail", ""),
        ("AWSLogs/{yyyy}", "AWSLogs/{yyyy}"),
    ],
)
def test_what_aws_shows_before_a_suffix_path_is_not_written_twice(account: Account, shown: str, kept: str) -> None:
    made = account.vended(BUCKET)
    stored = get_backend("logs")[ACCOUNT][REGION].deliveries[made]
    stored.s3_delivery_configuration = {"suffixPath": shown, "enableHiveCompatiblePath": False}
    assert (account.only().suffix_path, account.only().fault) == (kept, "")


@pytest.mark.parametrize(
    ("target", "output_format", "said"),
    [
        (BUCKET, "parquet", "The output format parquet is not supported."),
        (STREAM, "raw", "The output format raw is not supported."),
        (GROUP, "w3c", "Destinations of type CWL take json or plain, not w3c."),
        (GROUP.replace(REGION, "us-east-1"), "json", f"The destination must be in Region {REGION}, not us-east-1."),
        (STREAM.replace(ACCOUNT, "9" * 12), "json", f"The destination must be in account {ACCOUNT}, not {'9' * 12}."),
        ("arn:aws:s3::audit-bucket", "json", "A destination of type S3 is given as arn:aws:s3:::<bucket>[/<prefix>]."),
    ],
)
def test_a_delivery_that_cannot_be_carried_out_has_a_fault_and_stops_no_other(
    account: Account, target: str, output_format: str, said: str
) -> None:
    faulty = account.vended(target, output_format=output_format)
    sound = account.vended(GROUP, "ACCESS_CONTROL_LOGS")
    assert {each.id: each.fault for each in account.deliveries.of(ORG)} == {faulty: said, sound: ""}
    assert account.deliveries.is_audited(ORG, LogType.AUTHENTICATION), (
        "its records are kept until it can be carried out"
    )


def test_unknown_fields_and_destinations_are_faults(account: Account) -> None:
    cloudfront, elsewhere, traced = account.vended(GROUP), account.vended(BUCKET), account.vended(STREAM)
    backend = get_backend("logs")[ACCOUNT][REGION]
    backend.deliveries[cloudfront].record_fields = ["event_timestamp", "cs-uri-stem"]
    backend.deliveries[elsewhere].delivery_destination_arn = f"arn:aws:logs:{REGION}:{'9' * 12}:delivery-destination:x"
    backend.delivery_destinations["d2"].delivery_destination_type = "XRAY"
    faults = {each.id: each.fault for each in account.deliveries.of(ORG)}
    assert faults[cloudfront].startswith("AUTHENTICATION_LOGS has no field cs-uri-stem; it has event_timestamp, ")
    assert faults[elsewhere] == f"This account and Region have no delivery destination arn:aws:logs:{REGION}:" + (
        f"{'9' * 12}:delivery-destination:x."
    )
    assert faults[traced] == "Destinations of type XRAY are not supported."


def test_other_services_accounts_and_regions_are_no_organizations_of_ours(account: Account) -> None:
    account.vended(BUCKET, "ACCESS_LOGS", "arn:aws:cloudfront::123456789012:distribution/E1")
    account.vended(GROUP, organization=f"arn:aws:workmail:us-east-1:{ACCOUNT}:organization/{ORG}")
    account.vended(STREAM, organization=f"arn:aws:workmail:{REGION}:{'9' * 12}:organization/{ORG}")
    assert list(account.deliveries.of(ORG)) == []


def test_both_kinds_of_deliveries_are_merged_and_several_sources_count(account: Account) -> None:
    own = account.own(id="own", log_type=LogType.AUTHENTICATION, target_arn=GROUP)
    vended = [account.vended(GROUP), account.vended(GROUP), account.vended(BUCKET, "ACCESS_CONTROL_LOGS")]
    other = account.vended(BUCKET, organization=f"arn:aws:workmail:{REGION}:{ACCOUNT}:organization/{OTHER}")
    assert [each.id for each in account.deliveries.of(ORG)] == sorted([own.key, *vended])
    assert [each.id for each in account.deliveries.of(OTHER)] == [other]


def test_all_pages_are_read(account: Account) -> None:
    made = [account.vended(GROUP) for _ in range(51)]
    assert [each.id for each in account.deliveries.of(ORG)] == sorted(made)
    assert {each.fault for each in account.deliveries.of(ORG)} == {""}


def test_an_answer_is_kept_until_it_is_too_old(account: Account) -> None:
    assert not account.deliveries.is_audited(ORG, LogType.AUTHENTICATION)
    record, vended = account.own(id="own", log_type=LogType.MAILBOX_ACCESS), account.vended(GROUP)
    account.now += AGE_S - 1
    assert list(account.deliveries.of(ORG)) == []
    account.now += 1
    assert [each.id for each in account.deliveries.of(ORG)] == sorted([record.key, vended])
    account.directory.commit([Remove(record)])
    account.logs.delete_delivery(id=vended)
    account.now += AGE_S
    assert list(account.deliveries.of(ORG)) == []


@pytest.mark.parametrize("listing", ["DescribeDeliveries", "DescribeDeliverySources", "DescribeDeliveryDestinations"])
def test_an_old_answer_is_not_used_when_there_is_no_new_one(account: Account, listing: str) -> None:
    """A delivery that was made since would lose its records."""
    account.vended(GROUP)
    assert account.deliveries.is_audited(ORG, LogType.AUTHENTICATION)
    events: Any = account.logs.meta.events
    cut: Any = _cut
    events.register_first(f"before-send.cloudwatch-logs.{listing}", cut)
    assert account.deliveries.is_audited(ORG, LogType.AUTHENTICATION)
    account.now += AGE_S
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="could not list the deliveries of CloudWatch Logs"):
            account.deliveries.of(ORG)
    events.unregister(f"before-send.cloudwatch-logs.{listing}", cut)
    assert account.deliveries.is_audited(ORG, LogType.AUTHENTICATION)


def _cut(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="x")


def test_an_account_without_deliveries_is_asked_once(account: Account) -> None:
    asked: list[str] = []
    account.logs.meta.events.register("before-send", lambda **sent: asked.append(sent["event_name"]))
    for _ in range(3):
        account.deliveries.of(ORG)
        account.deliveries.of(OTHER)
    assert asked == ["before-send.cloudwatch-logs.DescribeDeliveries"]


@dataclass
class Reads:
    """Remembers what was read; each answer is another."""

    keys: list[str] = field(default_factory=list)

    def __call__(self, key: str) -> int:
        self.keys.append(key)
        return len(self.keys)


def test_threads_that_ask_at_once_wait_for_one_read() -> None:
    reads, start = Reads(), Barrier(4)
    aged = Aged(reads, AGE_S, lambda: 0.0)

    def ask(_: int) -> int:
        start.wait()
        return aged.get("x")

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {1}
    assert reads.keys == ["x"]


def test_no_number_of_organizations_fills_the_memory() -> None:
    reads = Reads()
    aged = Aged(reads, AGE_S, lambda: 0.0)
    for number in range(MAX_KEPT + 1):
        aged.get(str(number))
    aged.get(str(MAX_KEPT))
    assert len(reads.keys) == MAX_KEPT + 1
    aged.get("0")
    assert len(reads.keys) == MAX_KEPT + 2


def test_a_row_in_dynamodb_is_read_as_it_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = delivery(log_type=LogType.MAILBOX_ACCESS, output_format=OutputFormat.W3C, hive=True, suffix_path="{yyyy}")
    with opened("dynamodb", monkeypatch) as stores:
        stores.directory.commit([Put(AuditLogDelivery(organization_id=ORG, delivery=kept, created=1, modified=2))])
        logs = boto3.client("logs", REGION)
        found = AwsAuditDeliveries(stores.directory, logs, age_s=AGE_S, monotonic=lambda: 0.0).of(ORG)
    assert list(found) == [kept]
