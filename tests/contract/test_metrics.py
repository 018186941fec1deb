"""Metrics, in memory and as lines of the embedded metric format."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.metrics import MAX_VALUES, EmbeddedMetrics
from postroom.adapters.memory.metrics import MemoryMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.metrics import Metrics

NOON = 1_795_000_020_000


class Pipeline:
    def __init__(self, kind: str) -> None:
        self.written: list[dict[str, Any]] = []
        self.memory = MemoryMetrics()
        embedded = EmbeddedMetrics("Postroom", lambda line: self.written.append(json.loads(line)), by_organization=True)
        self.metrics: Metrics = self.memory if kind == "memory" else embedded
        self.kind = kind

    def sums(self) -> Counter[tuple[str, str]]:
        """Return what CloudWatch would sum up, by organization and metric."""
        if self.kind == "memory":
            return self.memory.sums
        return read(self.written)

    def observations(self) -> Counter[tuple[str, str]]:
        """Return what CloudWatch would count up, by organization and metric."""
        if self.kind == "memory":
            return self.memory.observations
        return read(self.written, len)

    def totals(self) -> Counter[str]:
        """Return what CloudWatch would sum up of metrics that have no dimension."""
        if self.kind == "memory":
            return self.memory.totals
        return read_totals(self.written)


def read(written: list[dict[str, Any]], of: Callable[[list[int]], int] = sum) -> Counter[tuple[str, str]]:
    """Read lines as CloudWatch does. Source: CloudWatch User Guide, "Embedded metric format specification"."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in written:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Dimensions"] == [[], ["OrganizationId"]]
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                assert metric["Unit"] == "Count"
                assert 1 <= len(values) <= 100
                sums[line["OrganizationId"], metric["Name"]] += of(values)
    return sums


def read_totals(written: list[dict[str, Any]]) -> Counter[str]:
    """Read what has no dimension."""
    sums: Counter[str] = Counter()
    for line in written:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            if [] in directive["Dimensions"]:
                sums.update({metric["Name"]: sum(line[metric["Name"]]) for metric in directive["Metrics"]})
    return sums


@pytest.fixture(params=["memory", "embedded"])
def pipeline(request: pytest.FixtureRequest) -> Pipeline:
    return Pipeline(request.param)


def test_counts_add_up_by_organization_and_name(pipeline: Pipeline) -> None:
    pipeline.metrics.count("m-1", NOON, {"OrganizationEmailReceived": 2, "MailboxEmailDelivered": 5})
    pipeline.metrics.count("m-1", NOON + 60_000, {"MailboxEmailDelivered": 1})
    pipeline.metrics.count("m-2", NOON, {"MailboxEmailDelivered": 3})
    assert pipeline.sums() == {
        ("m-1", "OrganizationEmailReceived"): 2,
        ("m-1", "MailboxEmailDelivered"): 6,
        ("m-2", "MailboxEmailDelivered"): 3,
    }


def test_many_observations_are_spread_over_lines(pipeline: Pipeline) -> None:
    pipeline.metrics.count("m-1", NOON, {"MailboxEmailDelivered": 2 * MAX_VALUES + 1, "IncomingEmailBounced": 1})
    assert pipeline.sums() == {("m-1", "MailboxEmailDelivered"): 2 * MAX_VALUES + 1, ("m-1", "IncomingEmailBounced"): 1}


@pytest.mark.parametrize(("ones", "zeros"), [(0, 1), (1, 2), (3, MAX_VALUES), (MAX_VALUES + 1, MAX_VALUES + 1)])
def test_observations_of_0_count_but_do_not_add_up(pipeline: Pipeline, ones: int, zeros: int) -> None:
    counts = {"AvailabilityProviderFailure": ones, "MailboxEmailDelivered": 1}
    pipeline.metrics.count("m-1", NOON, counts, {"AvailabilityProviderFailure": zeros})
    assert pipeline.sums()["m-1", "AvailabilityProviderFailure"] == ones
    assert pipeline.observations()["m-1", "AvailabilityProviderFailure"] == ones + zeros
    assert pipeline.totals()["AvailabilityProviderFailure"] == ones
    assert pipeline.observations()["m-1", "MailboxEmailDelivered"] == 1


def test_everything_is_summed_up_over_all_organizations(pipeline: Pipeline) -> None:
    pipeline.metrics.count("m-1", NOON, {"RuleFunctionFailure": 2, "MailboxEmailDelivered": 5})
    pipeline.metrics.count("m-2", NOON, {"RuleFunctionFailure": MAX_VALUES + 1})
    assert pipeline.totals() == {"RuleFunctionFailure": MAX_VALUES + 3, "MailboxEmailDelivered": 5}
    assert pipeline.sums() == {
        ("m-1", "RuleFunctionFailure"): 2,
        ("m-1", "MailboxEmailDelivered"): 5,
        ("m-2", "RuleFunctionFailure"): MAX_VALUES + 1,
    }


@pytest.mark.parametrize(("by_organization", "dimensions"), [(False, [[]]), (True, [[], ["OrganizationId"]])])
def test_a_line_names_its_namespace_the_time_of_what_happened_and_the_organization(
    *, by_organization: bool, dimensions: list[list[str]]
) -> None:
    written: list[str] = []
    EmbeddedMetrics("Postroom", written.append, by_organization).count("m-1", NOON, {"MailboxEmailDelivered": 2})
    assert [json.loads(line) for line in written] == [
        {
            "_aws": {
                "Timestamp": NOON,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Postroom",
                        "Dimensions": dimensions,
                        "Metrics": [{"Name": "MailboxEmailDelivered", "Unit": "Count"}],
                    }
                ],
            },
            "OrganizationId": "m-1",
            "MailboxEmailDelivered": [1, 1],
        }
    ]
