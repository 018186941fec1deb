"""Audit records as lines: what a reader gets is what was recorded, and no value forges a line, column or header."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.audit_formats import header, lines
from postroom.contracts.audit_log import FIELDS
from postroom.contracts.audit_settings import fault
from postroom.model.audit_deliveries import DestinationKind, LogType, OutputFormat
from postroom.model.audit_targets import Place
from tests.support.audit_deliveries import delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Place("aws", "eu-west-1", "111122223333")


@dataclass(frozen=True)
class Record:
    fields: Mapping[str, Any]


DENIED = Record(
    {
        "event_timestamp": 1_796_000_000_000,
        "request_id": "r-1",
        "user_id": "u-1",
        "protocol": "EWS",
        "source_ip": "192.0.2.7",
        "scope": "AccessControl",
        "access_granted": False,
    }
)


def test_json_has_the_keys_in_the_delivery_s_order_and_no_absent_one() -> None:
    to = delivery(
        log_type=LogType.ACCESS_CONTROL, record_fields=("access_granted", "rule_id", "source_ip", "event_timestamp")
    )
    assert (
        lines([DENIED, DENIED], to)
        == ['{"access_granted":false,"source_ip":"192.0.2.7","event_timestamp":1796000000000}'] * 2
    )
    assert header(to) == ()


@pytest.mark.parametrize("output_format", [OutputFormat.PLAIN, OutputFormat.W3C])
def test_columns_stand_in_the_delivery_s_order_with_a_dash_for_an_absent_value(output_format: OutputFormat) -> None:
    to = delivery(
        log_type=LogType.ACCESS_CONTROL,
        output_format=output_format,
        record_fields=("access_granted", "rule_id", "source_ip", "event_timestamp"),
        field_delimiter=" | ",
    )
    assert lines([DENIED], to) == ["false | - | 192.0.2.7 | 1796000000000"]


def test_only_w3c_has_a_header() -> None:
    to = delivery(output_format=OutputFormat.W3C, record_fields=("user_id", "action"))
    assert header(to) == ("#Version: 1.0", "#Fields: user_id action")
    assert header(delivery(output_format=OutputFormat.PLAIN)) == ()


def test_lists_are_written_as_json() -> None:
    to = delivery(
        log_type=LogType.PERSONAL_ACCESS_TOKEN,
        output_format=OutputFormat.PLAIN,
        record_fields=("name", "scopes"),
        field_delimiter=",",
    )
    (line,) = lines([Record({"name": "a,b", "scopes": ["EWS", "IMAP"]})], to)
    assert line == 'a%2Cb,["EWS"%2C"IMAP"]'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\r\nb", "a%0D%0Ab"),
        ("a\tb", "a%09b"),
        ("a\u2028b", "a%E2%80%A8b"),
        ("100%", "100%25"),
        ("-", "%2D"),
        ("#Fields: action", "%23Fields: action"),
        ("a#b-c", "a#b-c"),
        ("\x1b[2J", "%1B[2J"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_what_could_end_a_column_or_begin_a_directive_is_percent_encoded(value: str, written: str) -> None:
    to = delivery(output_format=OutputFormat.W3C, record_fields=("user_agent", "action"))
    assert lines([Record({"user_agent": value, "action": "read"})], to) == [f"{written}\tread"]


def test_half_a_character_makes_no_file_unreadable() -> None:
    (line,) = lines([Record({"user_agent": "x\ud83dy"})], delivery())
    assert line.encode() == '{"user_agent":"x\ufffdy"}'.encode()


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\t ,;|\"'-#%\\\x85\u2028"), min_size=1
)
RECORDS = st.fixed_dictionaries(
    {"event_timestamp": st.integers(0, 2**53)},
    optional={"user_agent": HOSTILE, "user": HOSTILE, "auth_successful": st.booleans()},
)
DELIMITERS = st.text(st.sampled_from("\t ,;|\"'#/"), min_size=1, max_size=5)


@given(RECORDS)
def test_a_json_line_is_one_line_and_says_all(fields: dict[str, Any]) -> None:
    (line,) = lines([Record(fields)], delivery(log_type=LogType.AUTHENTICATION))
    assert line.splitlines() == [line]
    assert json.loads(line) == fields


@given(RECORDS, DELIMITERS, st.sampled_from([OutputFormat.PLAIN, OutputFormat.W3C]))
def test_a_line_of_columns_says_all(fields: dict[str, Any], delimiter: str, output_format: OutputFormat) -> None:
    to = delivery(log_type=LogType.AUTHENTICATION, output_format=output_format, field_delimiter=delimiter)
    assert fault(to, HERE) == ""
    (line,) = lines([Record(fields)], to)
    assert line.splitlines() == [line]
    assert not line.startswith("#")
    columns = dict(zip(FIELDS[LogType.AUTHENTICATION], line.split(delimiter), strict=True))
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    assert {name: unquote(column) for name, column in columns.items() if column != "-"} == written


@pytest.mark.parametrize("kind", [DestinationKind.CLOUDWATCH_LOGS, DestinationKind.FIREHOSE])
def test_w3c_goes_to_buckets_only(kind: DestinationKind) -> None:
    assert fault(delivery(kind, output_format=OutputFormat.W3C), HERE) == (
        f"Destinations of type {kind} take json or plain, not w3c."
    )
