"""A deployment over the version before replaces no store, and drops no queue whose messages are nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.decode import decode

ROOT: Final = Path(__file__).parents[2]
STORES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "samples" / "stores.json").read_text())
"""Of the version before, by logical id: type, and the properties whose change makes CloudFormation replace it."""

REPLACES: Final = {
    "AWS::DynamoDB::Table": ("KeySchema", "TableName", "LocalSecondaryIndexes"),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
    "AWS::SES::ReceiptRuleSet": ("RuleSetName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}
"""Source: CloudFormation's Template Reference, "Update requires: Replacement"."""

ONLY_COPY: Final = ("IngestQueue", "AuditQueue", "RetryAuditQueue")
"""Queues with notifications of SES and records of audits, which have no row anywhere. All others wake stations."""


def stores(resources: dict[str, Any]) -> dict[str, Any]:
    """Return what ``samples/stores.json`` has, of a template's resources."""
    return {
        name: {"Type": each["Type"]} | {p: each.get("Properties", {}).get(p) for p in REPLACES[each["Type"]]}
        for name, each in sorted(resources.items())
        if each.get("UpdateReplacePolicy") == "Retain" or name in ONLY_COPY
    }


def resources() -> dict[str, Any]:
    decoded, problems = decode(str(ROOT / "template.yaml"))
    assert not problems
    found: dict[str, Any] = decoded["Resources"]
    return found


@pytest.mark.parametrize("store", STORES)
def test_a_store_of_the_version_before_stays_what_it_is(store: str) -> None:
    assert json.loads(json.dumps(stores(resources()).get(store))) == STORES[store]


def test_the_stores_are_tables_buckets_keys_and_what_receives() -> None:
    assert {each["Type"] for each in STORES.values()} == set(REPLACES)
    assert set(ONLY_COPY) <= set(STORES)
