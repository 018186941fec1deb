"""Mailboxes of users and resources that left go when their time is over.

A mailbox is claimed in its owner's row first, at the version that was read: whoever registers the owner again at the
same moment either comes first, and the mailbox stays, or finds it claimed, and is refused until it is gone. The claim
also keeps a second run away: one that outlived its mailbox's end would remove the next. A run that dies leaves its
claim, and when no run of that time can be alive any more, another takes it over and goes on.

Source: guide, ZH:5451 (disabled for more than 30 days); that a deleted user's is kept as long is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.lifecycle.runs import OWNERS, kept, pages
from postroom.model.directory import EntityState
from postroom.model.limits import RESERVE_MS
from postroom.model.records import Replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.errors import PostroomError
    from postroom.model.records import Entity
    from postroom.ports.directory import Directory
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.organizations import Organizations

TAKEN_OVER_AFTER: Final = 20 * 60 * 1000
"""Milliseconds after which a claim is another run's to take: longer than any function lives (Lambda: 15 minutes)."""


@dataclass(frozen=True, slots=True)
class ExpiredMailboxes:
    """``now`` gives milliseconds since the epoch."""

    organizations: Organizations
    directory: Directory
    removal: MailboxRemoval
    now: Callable[[], int]

    def run(self, remaining: Callable[[], int]) -> dict[str, int]:
        """Look at everybody once; return how many mailboxes were removed, and how many the next run goes on with.

        Trouble with one mailbox stops no other; it is raised when all the rest is done, for the alarm.

        Args:
            remaining: milliseconds until the function is stopped.

        Raises:
            PostroomError: the first trouble.
        """
        counts = {"removed": 0, "unfinished": 0}
        troubles: list[PostroomError] = []
        for entity in self._due():
            if remaining() < RESERVE_MS:
                counts["unfinished"] += 1
                break
            with kept(troubles):
                counts[self._remove(entity, remaining)] += 1
        if troubles:
            raise troubles[0]
        return counts

    def _due(self) -> Iterator[Entity]:
        """Yield those whose time is over, and those whose removal nobody finished."""
        now = self.now()
        for organization_id in self.organizations.ids():
            for kind in OWNERS:
                yield from (
                    each
                    for each in pages(partial(self.directory.entities, organization_id, kind))
                    if _is_due(each, now)
                )

    def _remove(self, entity: Entity, remaining: Callable[[], int]) -> str:
        """Claim a mailbox and remove it as far as time allows; return what to count it as.

        Raises:
            ConflictError: its owner changes right now; whoever came first holds, and the next run looks again.
        """
        claimed = self._claim(entity)
        while not self.removal.remove_some(claimed.organization_id, claimed.id):
            if remaining() < RESERVE_MS:
                return "unfinished"
        done = replace(claimed, mailbox_removing=None, mailbox_provisioned=None)
        self.directory.commit([Replace(done)])
        return "removed"

    def _claim(self, entity: Entity) -> Entity:
        """Make a mailbox this run's; the time counts from now."""
        claimed = replace(entity, mailbox_removing=self.now(), mailbox_kept_until=None)
        self.directory.commit([Replace(claimed)])
        return replace(claimed, version=entity.version + 1)


def _is_due(entity: Entity, now: int) -> bool:
    if entity.mailbox_removing is not None:
        return entity.mailbox_removing + TAKEN_OVER_AFTER <= now
    kept_until = entity.mailbox_kept_until
    return entity.state is not EntityState.ENABLED and kept_until is not None and kept_until <= now
