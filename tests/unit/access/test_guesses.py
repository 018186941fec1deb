"""Attempts to guess a password wait, per user and address; other attempts do not."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import ConflictError
from postroom.model.failed_logins import (
    FORGOTTEN_AFTER_S,
    FREE_FAILURES,
    MAX_WAIT_MS,
    FailedLogins,
    first_failure,
    source_of,
)
from postroom.model.logins import FailedReason
from postroom.model.records import Replace
from tests.support.logins import ADA, AWAY, NOW_MS, PASSWORD, Logins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.records import Change

WRONG = "wrong-guess"


@pytest.fixture
def logins() -> Logins:
    return Logins()


def guess(logins: Logins, times: int, **asked: str) -> list[FailedReason | None]:
    return [logins.asked(**{"password": WRONG} | asked).reason for _ in range(times)]  # type: ignore[misc]


def test_the_first_failures_do_not_wait_and_the_next_one_does(logins: Logins) -> None:
    assert guess(logins, FREE_FAILURES) == [FailedReason.WRONG_PASSWORD] * FREE_FAILURES
    assert guess(logins, 1) == [FailedReason.TOO_MANY_FAILURES]
    outcome = logins.asked()
    assert (outcome.caller, outcome.reason, outcome.user_id) == (None, FailedReason.TOO_MANY_FAILURES, "ada")


def test_a_wait_doubles_up_to_a_minute_and_attempts_within_it_do_not_count(logins: Logins) -> None:
    guess(logins, FREE_FAILURES)
    waits = []
    for _ in range(10):
        (row,) = logins.failures()
        waits.append(row.waits_until_ms - logins.now_ms)
        logins.now_ms = row.waits_until_ms - 1
        assert guess(logins, 3) == [FailedReason.TOO_MANY_FAILURES] * 3
        logins.now_ms += 1
        assert guess(logins, 1) == [FailedReason.WRONG_PASSWORD]
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, MAX_WAIT_MS, MAX_WAIT_MS, MAX_WAIT_MS, MAX_WAIT_MS]


def test_after_the_wait_the_right_password_is_right_and_clears_the_failures(logins: Logins) -> None:
    guess(logins, FREE_FAILURES)
    logins.now_ms += 1000
    assert logins.asked().caller == ADA
    assert logins.failures() == []
    assert guess(logins, 1) == [FailedReason.WRONG_PASSWORD]


def test_other_addresses_and_other_users_are_not_affected(logins: Logins) -> None:
    logins.add(logins.person("grace"))
    guess(logins, FREE_FAILURES + 1)
    assert logins.asked(source_ip=AWAY).caller == ADA
    assert logins.asked("grace@acme.example").caller is not None
    assert len(logins.failures()) == 1


def test_a_users_names_count_together_and_an_unknown_name_counts_like_a_user(logins: Logins) -> None:
    guess(logins, FREE_FAILURES)
    assert guess(logins, 1, user_name="acme\\ada") == [FailedReason.TOO_MANY_FAILURES]
    unknown = {"user_name": "nobody@acme.example"}
    assert guess(logins, FREE_FAILURES + 1, **unknown)[-1] is FailedReason.TOO_MANY_FAILURES
    assert guess(logins, 1, user_name=" Nobody@ACME.example") == [FailedReason.TOO_MANY_FAILURES]
    assert all("nobody" not in row.key for row in logins.failures())


def test_failures_are_forgotten_after_an_hour_without_one(logins: Logins) -> None:
    guess(logins, FREE_FAILURES - 1)
    logins.now_ms += FORGOTTEN_AFTER_S * 1000
    assert guess(logins, FREE_FAILURES) == [FailedReason.WRONG_PASSWORD] * FREE_FAILURES
    (row,) = logins.failures()
    assert row.failures == FREE_FAILURES


def test_both_readings_of_a_header_are_one_failure(logins: Logins) -> None:
    guess(logins, 1, password=f"{WRONG}-\u00e9")
    (row,) = logins.failures()
    assert (row.failures, row.source, logins.passwords.compared) == (1, "192.0.2.1", 2)


def test_of_two_attempts_after_a_wait_one_is_compared(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between one attempt's read and its write, another one begins and ends."""
    guess(logins, FREE_FAILURES)
    logins.now_ms += 1000
    commit, reasons = logins.directory.commit, []

    def late(changes: Sequence[Change]) -> None:
        monkeypatch.setattr(logins.directory, "commit", commit)
        reasons.extend(guess(logins, 1))
        commit(changes)

    monkeypatch.setattr(logins.directory, "commit", late)
    assert logins.asked().reason is FailedReason.TOO_MANY_FAILURES
    assert reasons == [FailedReason.WRONG_PASSWORD]


def test_failures_at_the_same_time_are_all_counted(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = logins.directory.commit

    def late(changes: Sequence[Change]) -> None:
        monkeypatch.setattr(logins.directory, "commit", commit)
        guess(logins, 2)
        commit(changes)

    monkeypatch.setattr(logins.directory, "commit", late)
    guess(logins, 1)
    (row,) = logins.failures()
    assert row.failures == 3


def test_a_failure_that_cannot_be_counted_is_still_a_failure(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(_changes: Sequence[Change]) -> None:
        raise ConflictError("another writer was faster")

    monkeypatch.setattr(logins.directory, "commit", taken)
    assert guess(logins, 1) == [FailedReason.WRONG_PASSWORD]


def test_a_right_password_without_failures_writes_nothing(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(logins.directory), "commit")
    assert logins.asked().caller == ADA


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("test-invoke-source-ip", "test-invoke-source-ip"),
    ],
)
def test_addresses_of_one_ipv6_network_are_one_source(address: str, source: str) -> None:
    assert source_of(address) == source


def test_a_row_is_found_by_its_key_and_expires(logins: Logins) -> None:
    row = first_failure("m-1", "ada", "192.0.2.1", NOW_MS)
    assert row.expires == NOW_MS // 1000 + FORGOTTEN_AFTER_S
    guess(logins, 1)
    assert logins.directory.owned(FailedLogins, "m-1", row.key) == row
    logins.directory.commit([Replace(row)])
    assert PASSWORD not in str(logins.failures())


@given(st.lists(st.integers(0, 90_000), max_size=40))
def test_whatever_its_rhythm_a_guesser_gets_one_comparison_per_wait(gaps: list[int]) -> None:
    logins, compared = Logins(), []
    for gap in gaps:
        logins.now_ms += gap
        if guess(logins, 1) == [FailedReason.WRONG_PASSWORD]:
            compared.append(logins.now_ms)
    waited = [later - earlier for earlier, later in pairwise(compared[FREE_FAILURES - 1 :])]
    assert all(wait >= min(1000 * 2**number, MAX_WAIT_MS) for number, wait in enumerate(waited))
    logins.now_ms += MAX_WAIT_MS
    assert logins.asked().caller == ADA, "no rhythm locks the user out"
