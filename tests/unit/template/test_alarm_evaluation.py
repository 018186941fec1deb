"""The evaluation of alarms does what CloudWatch's documentation shows."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.alarm_evaluation import ALARM, NO_DATA, OK, Alarm, CloudWatch, Watched

METRIC: Final = ("N", "m", "")
KEPT: Final = "as before"
OF_THREE: Final = {
    "0 - X - X": (OK, OK, OK),
    "- - - - 0": (OK, OK, OK),
    "- - - - -": (KEPT, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM),
    "- - X - -": (KEPT, ALARM, OK),
}
"""Three of three datapoints; the columns are ignore, breaching and notBreaching. Source: the guide's first table."""
TWO_OF_THREE: Final = {
    "0 - X - X": (ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM),
    "0 - X - -": (OK, ALARM, OK),
    "- - - - 0": (OK, ALARM, OK),
    "- - - X -": (KEPT, ALARM, OK),
}
"""Two of three datapoints. Source: the guide's second table."""
TREATMENTS: Final = ("ignore", "breaching", "notBreaching")


def alarm(datapoints: int, missing: str) -> Alarm:
    return Alarm((Watched(METRIC, "Sum", 60),), 3, datapoints, 0, "GreaterThanThreshold", missing)


@pytest.mark.parametrize(
    ("datapoints", "points", "treatment", "state"),
    [
        (datapoints, points, treatment, states[place])
        for datapoints, table in ((3, OF_THREE), (2, TWO_OF_THREE))
        for points, states in table.items()
        for place, treatment in enumerate(TREATMENTS)
    ],
)
def test_missing_data_count_as_in_the_tables_of_the_guide(
    datapoints: int, points: str, treatment: str, state: str
) -> None:
    values = [{"0": 0.0, "X": 1.0, "-": None}[each] for each in points.split()]
    for before in (OK, ALARM, NO_DATA):
        assert alarm(datapoints, treatment).state(values, before) == (before if state == KEPT else state)


def test_a_period_that_has_not_ended_does_not_count() -> None:
    cloud = CloudWatch({"a": Alarm((Watched(METRIC, "Sum", 60),), 1, 1, 1, "GreaterThanThreshold", "notBreaching")})
    cloud.put(60, "N", "m", 1)
    cloud.put(119, "N", "m", 1)
    assert cloud.evaluate(119) == set()
    assert cloud.evaluate(120) == {"a"}
    assert cloud.evaluate(120 + 3 * 60) == set(), "out of the evaluation range"


def test_a_sum_of_metrics_is_missing_where_one_of_them_is() -> None:
    other = ("N", "other", "")
    watched = (Watched(METRIC, "Maximum", 60), Watched(other, "Maximum", 60))
    cloud = CloudWatch({"a": Alarm(watched, 1, 1, 2, "GreaterThanThreshold", "notBreaching")})
    cloud.put(0, "N", "m", 5)
    assert cloud.evaluate(60) == set()
    cloud.put(0, "N", "other", 0)
    assert cloud.evaluate(60) == {"a"}
