"""Filters, batch answers, schedules and metrics lines: the pure parts of event sources."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.errors import TemplateError
from local.functions.logs import embedded_metrics
from local.functions.pool import Answer
from local.sources.batches import ALL_FAILED, failed_items
from local.sources.filters import passes
from local.sources.schedules import next_time

RECORD = {"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": "fact"}, "size": {"N": "5"}}, "n": 7}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, False),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "fa"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": ["fact"]}]}}}}, False),
        ({"dynamodb": {"n": [{"numeric": [">", 5, "<=", 7]}]}}, True),
        ({"dynamodb": {"OldImage": [{"exists": False}]}}, True),
        ({"dynamodb": {"n": [{"exists": False}]}}, False),
        ({"eventName": [{"suffix": "ERT"}], "dynamodb": {"n": [7]}}, True),
        ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"n": [7]}}]}, True),
        ({"eventName": [{"equals-ignore-case": "insert"}]}, True),
        ({"nothing": ["x"]}, False),
    ],
)
def test_filter_patterns(pattern: dict[str, Any], expected: bool) -> None:
    assert passes(RECORD, [pattern]) is expected


def test_without_patterns_everything_passes() -> None:
    assert passes(RECORD, [])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (None, frozenset()),
        ({}, frozenset()),
        ({"batchItemFailures": []}, frozenset()),
        ({"batchItemFailures": None}, frozenset()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, frozenset("a")),
        ({"batchItemFailures": [{"itemIdentifier": "other"}]}, ALL_FAILED),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ALL_FAILED),
        ({"batchItemFailures": [{}]}, ALL_FAILED),
        ({"batchItemFailures": "a"}, ALL_FAILED),
        ([1], ALL_FAILED),
    ],
)
def test_batch_answers(payload: object, expected: frozenset[str] | None) -> None:
    answer = Answer("id", json.dumps(payload).encode())
    assert failed_items(answer, ["a", "b"], reports=True) == expected


def test_an_answer_has_no_effect_if_the_mapping_does_not_report_failures() -> None:
    answer = Answer("id", b'{"batchItemFailures": [{"itemIdentifier": "a"}]}')
    assert failed_items(answer, ["a"], reports=False) == frozenset()


def test_a_function_error_fails_the_batch() -> None:
    assert failed_items(Answer("id", b"{}", "Unhandled"), ["a"], reports=True) is ALL_FAILED


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(15 minutes)", (2026, 11, 23, 23, 52, 30)),
        ("rate(1 day)", (2026, 11, 24, 23, 37, 30)),
        ("cron(0 12 * * ? *)", (2026, 11, 24, 12, 0, 0)),
        ("cron(*/20 * * * ? *)", (2026, 11, 23, 23, 40, 0)),
        ("cron(15 10 ? * MON-FRI *)", (2026, 11, 24, 10, 15, 0)),
        ("cron(0 0 1 JAN ? 2028)", (2028, 1, 1, 0, 0, 0)),
    ],
)
def test_the_next_time_of_a_schedule(expression: str, expected: tuple[int, ...]) -> None:
    year, month, day, hour, minute, second = expected
    monday = datetime(2026, 11, 23, 23, 37, 30, tzinfo=UTC)
    assert next_time(expression)(monday) == datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize("expression", ["every day", "rate(5 weeks)", "cron(0 0 L * ? *)"])
def test_a_schedule_that_cannot_be_executed_is_named(expression: str) -> None:
    with pytest.raises(TemplateError):
        next_time(expression)


def test_an_embedded_metric_line_becomes_data_for_each_set_of_dimensions() -> None:
    line = {
        "_aws": {
            "Timestamp": 1_700_000_000_000,
            "CloudWatchMetrics": [
                {"Namespace": "N", "Dimensions": [["a"], []], "Metrics": [{"Name": "m", "Unit": "Count"}]}
            ],
        },
        "a": "x",
        "m": [1, 2],
    }
    data = embedded_metrics(json.dumps(line))
    assert [(namespace, one["Dimensions"], one["Values"]) for namespace, one in data] == [
        ("N", [{"Name": "a", "Value": "x"}], [1.0, 2.0]),
        ("N", [], [1.0, 2.0]),
    ]


@pytest.mark.parametrize("line", ["text", '{"_aws": 1}', '{"_aws": {"CloudWatchMetrics": [{}], "Timestamp": 1}}', "{"])
def test_a_line_that_only_looks_like_metrics_is_a_line(line: str) -> None:
    assert embedded_metrics(line) == []
