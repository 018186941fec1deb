"""Removes mailboxes of deregistered and deleted owners once their retention is over.

A run first claims a mailbox in its owner's row, at the version that it read. An owner can be registered again at the
same moment. If the registration is first, the mailbox stays. If the claim is first, the registration is refused until
the mailbox is removed. The claim also keeps a second run away: a run that continued after the mailbox was removed
would remove the owner's next mailbox. A run that is stopped leaves its claim. When no run of that time can still be
alive, another run takes the claim over and continues.

Source: guide, ZH:5451 (disabled for more than 30 days). The same retention for deleted owners is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.effects.runs import Run
from postroom.model.directory import OWNERS, EntityState
from postroom.model.records import Replace
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.model.records import Entity
    from postroom.ports.directory import Directory
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.organizations import Organizations

TAKEN_OVER_AFTER_MS: Final = 20 * 60 * 1000
"""Age at which another run may take over a claim, in milliseconds. A function runs for at most 15 minutes (Lambda)."""


@dataclass(frozen=True, slots=True)
class ExpiredMailboxes:
    """``now`` returns milliseconds since the epoch."""

    organizations: Organizations
    directory: Directory
    removal: MailboxRemoval
    now: Callable[[], int]

    def run(self, remaining_ms: Callable[[], int]) -> dict[str, int]:
        """Check every user and resource once.

        An error with one mailbox does not stop the others; it is raised after them, for the alarm.

        Args:
            remaining_ms: returns the milliseconds until the function is stopped.

        Returns:
            ``removed``: mailboxes that are gone; ``unfinished``: those that the next run continues with.

        Raises:
            PostroomError: the first error.
        """
        run, counts = Run(remaining_ms), {"removed": 0, "unfinished": 0}
        for entity in self._due():
            if not run.has_time():
                counts["unfinished"] += 1
                break
            with run.keep_errors():
                counts[self._remove(entity, run)] += 1
        return run.result(counts)

    def _due(self) -> Iterator[Entity]:
        """Yield owners whose retention is over, and owners with an unfinished removal."""
        now = self.now()
        for organization_id in self.organizations.ids():
            for kind in OWNERS:
                yield from (
                    each
                    for each in every_item(partial(self.directory.entities, organization_id, kind))
                    if _is_due(each, now)
                )

    def _remove(self, entity: Entity, run: Run) -> str:
        """Claim a mailbox and remove it as far as time allows; return which count it belongs to.

        Raises:
            ConflictError: the owner's row was changed at the same time. That change stays; the next run checks again.
        """
        claimed = self._claim(entity)
        while not self.removal.remove_some(claimed.organization_id, claimed.id):
            if not run.has_time():
                return "unfinished"
        done = replace(claimed, mailbox_removing=None, mailbox_provisioned=None)
        self.directory.commit([Replace(done)])
        return "removed"

    def _claim(self, entity: Entity) -> Entity:
        """Claim a mailbox for this run; the age of the claim starts now."""
        claimed = replace(entity, mailbox_removing=self.now(), mailbox_kept_until=None)
        self.directory.commit([Replace(claimed)])
        return replace(claimed, version=entity.version + 1)


def _is_due(entity: Entity, now: int) -> bool:
    if entity.mailbox_removing is not None:
        return entity.mailbox_removing + TAKEN_OVER_AFTER_MS <= now
    kept_until = entity.mailbox_kept_until
    return entity.state is not EntityState.ENABLED and kept_until is not None and kept_until <= now
