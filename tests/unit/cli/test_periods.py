"""Times as people write them: a time, or how long ago."""

import pytest

from cli import periods
from cli.errors import UsageError

NOW_S = 1_795_521_600


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.periods.time.time_ns", lambda: NOW_S * 10**9)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", NOW_S - 45),
        ("30m", NOW_S - 1800),
        (" 2h ", NOW_S - 7200),
        ("7d", NOW_S - 604_800),
        ("999999d", 0),
        ("2026-11-24", NOW_S - 43_200),
        ("2026-11-24T12:00:00", NOW_S),
        ("2026-11-24T13:00:00+01:00", NOW_S),
        ("2026-11-24T12:00:00Z", NOW_S),
    ],
)
def test_a_time_or_how_long_ago(text: str, seconds: int) -> None:
    assert periods.since_ms(text) == seconds * 1000


@pytest.mark.parametrize("text", ["", "yesterday", "2", "-2h", "2 h", "2w", "2026-13-01", "1e3s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a time"):
        periods.since_ms(text)
