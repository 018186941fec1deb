"""The tables of scripts/test-localstack name suites and tests that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.localstack_differences import DIFFERENCES, ELSEWHERE, difference

SUITES = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "contract").glob("test_*.py")}


def test_every_suite_that_is_left_out_exists() -> None:
    assert SUITES.keys() >= ELSEWHERE


@pytest.mark.parametrize("suite", DIFFERENCES)
def test_every_test_that_is_known_to_differ_exists(suite: str) -> None:
    assert suite not in ELSEWHERE
    missing = [name for name in DIFFERENCES[suite] if f"def {name.partition('[')[0]}(" not in SUITES[suite]]
    assert missing == []


def test_a_difference_belongs_to_one_suite_and_to_the_parameters_that_it_names() -> None:
    assert difference("test_bounces", "test_each_bounce_message_has_an_id_of_its_own[ses]") == "SES has no SendBounce"
    assert difference("test_bounces", "test_each_bounce_message_has_an_id_of_its_own[memory]") is None
    assert difference("test_queues", "test_each_bounce_message_has_an_id_of_its_own[ses]") is None
