"""Daily quotas of recipients outside the organization.

A user's count lies in the head of the mailbox, which a submission writes anyway. The account's is one row: a mailbox
takes some of its recipients in advance, the more the more it has sent that day, so that most messages do not write it.
What a mailbox has taken and does not use is lost for that day (docs/decisions/0050).

Sources: guide, ZH:3448-3475. Ours: a day is one in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.errors import SubmissionRefusedError
from postroom.model.limits import DAY_MS, DAY_S
from postroom.model.mailbox import Outgoing
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from postroom.ports.account_quota import AccountQuota

MOST_OF_A_USER: Final = 10_000
"""Most recipients outside per user and day. Source: guide, ZH:3475."""

MOST_OF_THE_ACCOUNT: Final = 100_000
"""Most recipients outside per account and day. Source: guide, ZH:3448."""

MOST_OF_TEST_DOMAINS: Final = 200
"""Most recipients, inside ones included, per account and day, of messages from test domains. Source: guide, ZH:3454."""

IN_ADVANCE: Final = 10
"""A mailbox takes one recipient of the account in advance for this many of its own that day. Ours."""

EARLY: Final = 20
"""How many it takes at least as long as the account has used less than ``MOST_EARLY``. Ours."""

MOST_EARLY: Final = MOST_OF_THE_ACCOUNT // 5
"""How many recipients a day may be taken generously; nearly no account will miss what is lost of them. Ours."""


@dataclass(frozen=True, slots=True)
class Count:
    """A message that was counted.

    Attributes:
        after: what the mailbox has sent with it.
        taken: of the account, and not in the mailbox's head yet; for another attempt, if this one does not commit.
    """

    after: Outgoing
    taken: int


def counted(before: Outgoing, recipients: int, quota: AccountQuota, now: int, *, earlier: Count | None = None) -> Count:
    """Count recipients outside the organization.

    Args:
        before: of the mailbox's head.
        recipients: none: nothing changes.
        now: milliseconds since the epoch.
        earlier: the count of an attempt before, for the same message; what it took counts on its own day only.

    Raises:
        SubmissionRefusedError: a quota is used up.
        StoreUnavailableError: the account's could not be read.
    """
    if not recipients:
        return Count(before, 0)
    day = now // DAY_MS
    taken = earlier.taken if earlier is not None and earlier.after.day == day else 0
    today = before if before.day == day else Outgoing(day)
    after = today.recipients + recipients
    if after > MOST_OF_A_USER:
        raise SubmissionRefusedError(Refusal.QUOTA_EXCEEDED, f"more than {MOST_OF_A_USER} recipients outside in a day")
    missing = after - today.reserved - taken
    if missing > 0:
        taken += _take(quota, day, missing, in_advance=after // IN_ADVANCE)
    return Count(Outgoing(day, after, today.reserved + taken), taken)


def _take(quota: AccountQuota, day: int, missing: int, *, in_advance: int) -> int:
    """Take recipients of the account: some in advance, if there are as many left."""
    usual, least = (missing + in_advance, MOST_OF_THE_ACCOUNT), (missing, MOST_OF_THE_ACCOUNT)
    for more, most in dict.fromkeys(((missing + max(in_advance, EARLY), MOST_EARLY), usual, least)):
        if quota.take(f"recipients:{day}", more, most, _expires(day)):
            return more
    raise SubmissionRefusedError(Refusal.QUOTA_EXCEEDED, "the account's quota of recipients is used up")


def count_test(recipients: int, quota: AccountQuota, now: int) -> None:
    """Count recipients of a message from a test domain.

    Raises:
        SubmissionRefusedError: the quota is used up.
        StoreUnavailableError: it could not be read.
    """
    day = now // DAY_MS
    if not quota.take(f"test-recipients:{day}", recipients, MOST_OF_TEST_DOMAINS, _expires(day)):
        text = f"more than {MOST_OF_TEST_DOMAINS} recipients of test domains in a day"
        raise SubmissionRefusedError(Refusal.QUOTA_EXCEEDED, text)


def _expires(day: int) -> int:
    return (day + 2) * DAY_S
