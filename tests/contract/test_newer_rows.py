"""Rows of the directory that a newer version has written to, read and replaced by this one after a rollback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_rows import key_item, key_of
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.rows import FORM, NEWEST, number
from postroom.errors import NewerFormError
from postroom.model.records import Insert, Replace
from tests.support.directory_records import ORG, TABLE, availability, domain, organization, resource, rule, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.records import Record, Versioned

LATER = {"added_later": {"M": {"x": {"L": [{"S": "y"}]}}}}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        made = boto3.client("dynamodb", "us-east-1")
        keys = (("pk", "HASH"), ("sk", "RANGE"))
        made.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],  # type: ignore[typeddict-item]
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


@pytest.fixture
def directory(client: DynamoDBClient) -> DynamoDirectory:
    return DynamoDirectory(DirectoryTable(client, TABLE, pause=lambda _: None))


def row(client: DynamoDBClient, record: Record) -> dict[str, Any]:
    return dict(client.get_item(TableName=TABLE, Key=key_item(key_of(record)))["Item"])


def change(client: DynamoDBClient, record: Record, more: dict[str, Any]) -> None:
    client.put_item(TableName=TABLE, Item=row(client, record) | more)


@pytest.mark.parametrize(
    "record",
    [organization(), domain(), user("ann"), resource("room"), availability("x.test")],
    ids=lambda made: key_of(made)[1],
)
def test_a_replacement_leaves_what_a_newer_version_has_added(
    client: DynamoDBClient, directory: DynamoDirectory, record: Versioned
) -> None:
    directory.commit([Insert(record)])
    change(client, record, LATER)
    before = row(client, record)
    directory.commit([Replace(record)])
    assert row(client, record) == before | {"version": number(2)}


def test_a_replacement_removes_members_that_have_no_value_any_more(
    client: DynamoDBClient, directory: DynamoDirectory
) -> None:
    directory.commit([Insert(made := user("ann", disabled=7))])
    assert "disabled" in row(client, made)
    directory.commit([Replace(replace(made, disabled=None))])
    assert "disabled" not in row(client, made)
    assert directory.entity(ORG, "ann") == replace(made, disabled=None, version=2)


def test_parts_of_a_newer_version_are_ignored(client: DynamoDBClient, directory: DynamoDirectory) -> None:
    records: list[Record] = [room := resource("room"), acme := domain(), known := rule("r-1")]
    directory.commit([Insert(record) for record in records])
    for record, part in ((room, "booking_options"), (acme, "organization"), (known, "rule")):
        found = row(client, record)[part]["M"]
        change(client, record, {part: {"M": found | LATER}})
    assert directory.entity(ORG, "room") == room
    assert directory.domain_record(acme.name) == acme
    assert directory.rule(ORG, known.rule.direction, "r-1") == known


def test_a_row_in_a_newer_form_is_refused(client: DynamoDBClient, directory: DynamoDirectory) -> None:
    directory.commit([Insert(made := user("ann"))])
    change(client, made, {FORM: number(NEWEST)})
    assert directory.entity(ORG, "ann") == made
    change(client, made, {FORM: number(NEWEST + 1)})
    with pytest.raises(NewerFormError, match=f"form {NEWEST + 1}"):
        directory.entity(ORG, "ann")
