"""Daily quotas: no user and no account sends to more, and most messages write nothing for the account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.adapters.memory.account_quota import MemoryAccountQuota
from postroom.adapters.memory.tables import MemoryTables
from postroom.errors import SubmissionRefusedError
from postroom.model.limits import DAY_MS
from postroom.model.mailbox import Outgoing
from postroom.submission.quotas import (
    EARLY,
    MOST_EARLY,
    MOST_OF_A_USER,
    MOST_OF_TEST_DOMAINS,
    MOST_OF_THE_ACCOUNT,
    Count,
    count_test,
    counted,
)
from tests.support.builders import NOON

DAY = NOON // DAY_MS


def quota(used: int = 0) -> MemoryAccountQuota:
    made = MemoryAccountQuota(MemoryTables())
    made.tables.allowances[f"recipients:{DAY}"] = used
    return made


def used(of: MemoryAccountQuota) -> int:
    return of.tables.allowances[f"recipients:{DAY}"]


def test_a_new_day_begins_with_nothing() -> None:
    yesterday = Outgoing(DAY - 1, MOST_OF_A_USER, MOST_OF_A_USER)
    assert counted(yesterday, 3, quota(), NOON) == Count(Outgoing(DAY, 3, 3 + EARLY), 3 + EARLY)


def test_an_account_that_has_sent_much_gives_a_tenth_in_advance() -> None:
    assert counted(Outgoing(DAY, 29, 29), 1, quota(MOST_EARLY), NOON).after == Outgoing(DAY, 30, 33)


def test_the_last_recipient_of_a_user_is_allowed_and_no_other() -> None:
    before = Outgoing(DAY, MOST_OF_A_USER - 1, MOST_OF_A_USER - 1)
    assert counted(before, 1, quota(), NOON).after.recipients == MOST_OF_A_USER
    account = quota()
    with pytest.raises(SubmissionRefusedError, match="10000"):
        counted(before, 2, account, NOON)
    assert used(account) == 0


def test_the_last_recipients_of_the_account_are_not_taken_in_advance() -> None:
    account = quota(MOST_OF_THE_ACCOUNT - 1)
    before = Outgoing(DAY, 100, 100)
    assert counted(before, 1, account, NOON).after == Outgoing(DAY, 101, 101)
    with pytest.raises(SubmissionRefusedError, match="account"):
        counted(before, 1, account, NOON)
    assert used(account) == MOST_OF_THE_ACCOUNT


def test_recipients_inside_are_not_counted() -> None:
    before = Outgoing(DAY, MOST_OF_A_USER, MOST_OF_A_USER)
    assert counted(before, 0, quota(MOST_OF_THE_ACCOUNT), NOON) == Count(before, 0)


def test_an_attempt_that_did_not_commit_leaves_what_it_took_to_the_next() -> None:
    account = quota()
    first = counted(Outgoing(), 5, account, NOON)
    again = counted(Outgoing(DAY, 2, 4), 5 + EARLY, account, NOON, earlier=first)
    assert again.after == Outgoing(DAY, 7 + EARLY, 4 + first.taken)
    assert used(account) == first.taken


def test_what_an_attempt_took_before_midnight_is_not_of_the_next_day() -> None:
    account = quota()
    first = counted(Outgoing(DAY), 5, account, NOON)
    again = counted(Outgoing(DAY), 5, account, NOON + DAY_MS, earlier=first)
    assert again == counted(Outgoing(DAY), 5, quota(), NOON + DAY_MS)


@given(st.lists(st.integers(1, 500), max_size=60))
def test_the_account_counts_at_least_what_is_sent_and_not_much_more(messages: list[int]) -> None:
    account, outgoing = quota(), Outgoing()
    for recipients in messages:
        if outgoing.recipients + recipients > MOST_OF_A_USER:
            with pytest.raises(SubmissionRefusedError):
                counted(outgoing, recipients, account, NOON)
            continue
        outgoing = counted(outgoing, recipients, account, NOON).after
        assert outgoing.recipients <= outgoing.reserved == used(account) <= outgoing.recipients * 1.1 + EARLY


@pytest.mark.parametrize(("used_before", "most"), [(0, 40), (MOST_EARLY, 70)])
def test_a_user_of_a_thousand_messages_writes_the_account_a_few_dozen_times(used_before: int, most: int) -> None:
    account, outgoing, writes = quota(used_before), Outgoing(), 0
    for _ in range(1000):
        before = outgoing
        outgoing = counted(outgoing, 1, account, NOON).after
        writes += outgoing.reserved != before.reserved
    assert writes <= most


def test_test_domains_have_a_quota_of_their_own() -> None:
    account = quota()
    count_test(MOST_OF_TEST_DOMAINS, account, NOON)
    count_test(1, account, NOON + DAY_MS)
    with pytest.raises(SubmissionRefusedError, match="test domains"):
        count_test(1, account, NOON)
