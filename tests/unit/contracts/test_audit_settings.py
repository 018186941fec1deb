"""What a delivery may be set to: destinations, fields, delimiters, and the keys of objects."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from postroom.contracts import audit_paths
from postroom.contracts.audit_log import FIELDS
from postroom.contracts.audit_settings import FORMATS, delimiter_or_default, fault, fields_or_default
from postroom.model.audit_deliveries import DestinationKind, LogType, OutputFormat
from postroom.model.audit_targets import Place, target_of
from tests.support.audit_deliveries import BUCKET_ARN, GROUP_ARN, STREAM_ARN, TARGETS, delivery

HERE = Place("aws", "eu-west-1", "111122223333")
AT = 1_796_081_045_000  # 2026-11-30T23:24:05Z
CWL, S3, FH = DestinationKind


def test_every_kind_of_destination_takes_every_log_type_in_its_formats() -> None:
    for kind, log_type in product(DestinationKind, LogType):
        for output_format in FORMATS[kind]:
            assert fault(delivery(kind, log_type, output_format), HERE) == ""


def test_without_settings_a_delivery_has_the_log_type_s_own_fields() -> None:
    for log_type in LogType:
        assert fields_or_default(None, log_type) == fields_or_default([], log_type) == FIELDS[log_type]
    assert delimiter_or_default("|", OutputFormat.JSON) == ""
    assert delimiter_or_default("", OutputFormat.PLAIN) == delimiter_or_default(None, OutputFormat.W3C) == "\t"


@pytest.mark.parametrize(
    ("arn", "canonical"),
    [
        (GROUP_ARN, GROUP_ARN),
        (f"{GROUP_ARN}:*", GROUP_ARN),
        (STREAM_ARN, STREAM_ARN),
        (BUCKET_ARN, BUCKET_ARN),
        (f"{BUCKET_ARN}/", BUCKET_ARN),
        (f"{BUCKET_ARN}/logs/2026/", f"{BUCKET_ARN}/logs/2026"),
    ],
)
def test_a_destination_has_one_arn(arn: str, canonical: str) -> None:
    target = target_of(arn)
    assert target is not None
    assert target.arn == canonical


@pytest.mark.parametrize(
    ("kind", "arn", "said"),
    [
        (CWL, GROUP_ARN.replace("eu-west-1", "us-east-1"), "must be in Region eu-west-1, not us-east-1."),
        (FH, STREAM_ARN.replace("eu-west-1", "us-east-1"), "must be in Region eu-west-1, not us-east-1."),
        (CWL, GROUP_ARN.replace("1111", "9999"), "must be in account 111122223333, not 999922223333."),
        (S3, "arn:aws-cn:s3:::audit-bucket", "must be in partition aws, not aws-cn."),
        (S3, GROUP_ARN, "is given as arn:aws:s3:::<bucket>[/<prefix>]."),
        (S3, "arn:aws:s3::my-bucket/prefix", "is given as arn:aws:s3:::<bucket>[/<prefix>]."),
        (S3, "arn:aws:s3:::B", "is given as arn:aws:s3:::<bucket>[/<prefix>]."),
        (S3, f"{BUCKET_ARN}/a b", "is given as arn:aws:s3:::<bucket>[/<prefix>]."),
        (S3, f"{BUCKET_ARN}/a//b", "A bucket's prefix has no empty part."),
        (S3, f"{BUCKET_ARN}/myAWSLogs", "A bucket's prefix does not contain AWSLogs, which follows it."),
        (CWL, "", "is given as arn:aws:logs:<region>:<account>:log-group:<name>."),
        (CWL, f"{GROUP_ARN}:log-stream:x", "is given as arn:aws:logs:<region>:<account>:log-group:<name>."),
        (FH, BUCKET_ARN, "is given as arn:aws:firehose:<region>:<account>:deliverystream/<name>."),
    ],
)
def test_a_destination_that_is_elsewhere_or_no_destination_is_named(kind: DestinationKind, arn: str, said: str) -> None:
    assert said in fault(delivery(kind, target_arn=arn), HERE)


def test_unknown_and_repeated_fields_are_named() -> None:
    known = FIELDS[LogType.ACCESS_CONTROL]
    invented = delivery(log_type=LogType.ACCESS_CONTROL, record_fields=(*known, "time-taken", "cs(Host)"))
    assert fault(invented, HERE) == (
        f"ACCESS_CONTROL_LOGS has no field cs(Host), time-taken; it has {', '.join(known)}."
    )
    assert fault(delivery(record_fields=("user_id", "user_id")), HERE) == "A field is named once."


@pytest.mark.parametrize("delimiter", ["", "a", "%", "-", "\n", "\r\n", "\u2028", "\x00", "||||||", "é", "0"])
def test_a_delimiter_that_values_could_contain_or_that_ends_lines_is_refused(delimiter: str) -> None:
    to = delivery(output_format=OutputFormat.PLAIN, field_delimiter=delimiter)
    assert fault(to, HERE).startswith("A delimiter is 1 to 5 ")
    assert fault(delivery(field_delimiter=delimiter), HERE) == ""


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "AWSLogs/111122223333/WorkMail/eu-west-1/m-1/WORKMAIL_MAILBOX_ACCESS_LOGS/2026/11/30/23/"),
        (
            {"target_arn": f"{BUCKET_ARN}/logs/mail"},
            "logs/mail/AWSLogs/111122223333/WorkMail/eu-west-1/m-1/WORKMAIL_MAILBOX_ACCESS_LOGS/2026/11/30/23/",
        ),
        ({"suffix_path": "{yyyy}-{MM}/all"}, "AWSLogs/111122223333/WorkMail/2026-11/all/"),
        ({"suffix_path": "/dt={yyyy}{MM}{dd}/"}, "AWSLogs/111122223333/WorkMail/dt=20261130/"),
        (
            {"suffix_path": "{organization-id}/{yyyy}/{MM}/{dd}/{HH}", "hive": True},
            "AWSLogs/111122223333/WorkMail/organization-id=m-1/year=2026/month=11/day=30/hour=23/",
        ),
        (
            {"hive": True},
            "AWSLogs/111122223333/WorkMail/region=eu-west-1/organization-id=m-1/log-type=WORKMAIL_MAILBOX_ACCESS_LOGS/"
            "year=2026/month=11/day=30/hour=23/",
        ),
    ],
)
def test_keys_begin_with_the_account_and_the_suffix_path(settings: dict[str, Any], path: str) -> None:
    to = delivery(**settings)
    assert fault(to, HERE) == ""
    assert audit_paths.prefix(to, "m-1", HERE, AT) == path


@pytest.mark.parametrize(
    ("suffix", "said"),
    [
        ("{DistributionId}/{yyyy}", "A suffix path has no variable {DistributionId}. Its variables are {account-id}, "),
        ("a//b", "no part that is empty"),
        ("../{yyyy}", "no part that is empty or consists of dots"),
        ("a b", "A suffix path is at most 256 letters"),
        ("{yyyy", "A suffix path is at most 256 letters"),
        ("x" * 257, "A suffix path is at most 256 letters"),
    ],
)
def test_a_suffix_path_that_makes_no_key_is_refused(suffix: str, said: str) -> None:
    assert said in fault(delivery(suffix_path=suffix), HERE)


def test_a_hive_compatible_suffix_path_writes_no_names_itself() -> None:
    by_hand = delivery(suffix_path="year={yyyy}", hive=True)
    assert fault(by_hand, HERE) == "A Hive-compatible suffix path has variables only: their names are added."


def test_only_buckets_have_a_suffix_path() -> None:
    for kind in (CWL, FH):
        assert fault(delivery(kind, target_arn=TARGETS[kind], suffix_path="{nothing}"), HERE) == ""
