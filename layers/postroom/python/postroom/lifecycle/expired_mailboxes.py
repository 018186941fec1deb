"""Removes mailboxes of deregistered and deleted owners once their retention is over.

A run first claims a mailbox in its owner's row, at the version that it read. An owner can be registered again at the
same moment. If the registration is first, the mailbox stays. If the claim is first, the registration is refused until
the mailbox is removed. The claim also keeps a second run away: a run that continued after the mailbox was removed
would remove the owner's next mailbox. A run that is stopped leaves its claim. When no run of that time can still be
alive, another run takes the claim over and continues.

A run reads the owners that the directory has noted for its time, and once a week all of them: a version that makes no
notes may have run meanwhile.

Source: guide, ZH:5451 (disabled for more than 30 days). The same retention for deleted owners is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.effects.runs import Run
from postroom.model.directory import OWNERS, EntityState
from postroom.model.limits import DAY_MS
from postroom.model.records import Replace
from postroom.ports.directory import every_item
from postroom.ports.due_mailboxes import DueMailbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.model.records import Entity
    from postroom.ports.directory import Directory
    from postroom.ports.due_mailboxes import DueMailboxes
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.organizations import Organizations

TAKEN_OVER_AFTER_MS: Final = 20 * 60 * 1000
"""Age at which another run may take over a claim, in milliseconds. A function runs for at most 15 minutes (Lambda)."""


READ_ALL_AFTER_MS: Final = 7 * DAY_MS
"""Milliseconds after which a run reads all owners once more. Ours."""


@dataclass(frozen=True, slots=True)
class ExpiredMailboxes:
    """``now`` returns milliseconds since the epoch."""

    organizations: Organizations
    directory: Directory
    removal: MailboxRemoval
    due: DueMailboxes
    now: Callable[[], int]

    def run(self, remaining_ms: Callable[[], int]) -> dict[str, int]:
        """Check every user and resource that is due.

        An error with one mailbox does not stop the others; it is raised after them, for the alarm.

        Args:
            remaining_ms: returns the milliseconds until the function is stopped.

        Returns:
            ``removed``: mailboxes that are gone; ``unfinished``: those that the next run continues with.

        Raises:
            PostroomError: the first error.
        """
        run, counts = Run(remaining_ms), {"removed": 0, "unfinished": 0}
        for due in self.due.due(self.now()):
            if not run.has_time():
                counts["unfinished"] += 1
                break
            with run.keep_errors():
                self._look_at(due, run, counts)
        with run.keep_errors():
            self._note_all(run)
        return run.result(counts)

    def _look_at(self, due: DueMailbox, run: Run, counts: dict[str, int]) -> None:
        """Remove the mailbox of a noted owner if that is due; forget a note that says nothing any more."""
        entity = self.directory.entity(due.organization_id, due.owner_id)
        if entity is not None and _is_due(entity, self.now()):
            done = self._remove(entity, run)
            counts[done] += 1
            if done == "unfinished":
                return
        elif entity is not None and entity.mailbox_removing is not None:
            return  # another run's
        self.due.forget(due)

    def _note_all(self, run: Run) -> None:
        """Note every mailbox that is kept for some time, if all owners were last read long ago."""
        read_ms = self.due.all_read_ms()
        if read_ms is not None and self.now() - read_ms < READ_ALL_AFTER_MS:
            return
        began = self.now()
        for entity in self._owners():
            if not run.has_time():
                return
            due_ms = entity.mailbox_kept_until if entity.mailbox_removing is None else entity.mailbox_removing
            if due_ms is not None:
                self.due.note(DueMailbox(due_ms, entity.organization_id, entity.id))
        self.due.all_read(began)

    def _owners(self) -> Iterator[Entity]:
        for organization_id in self.organizations.ids():
            for kind in OWNERS:
                yield from every_item(partial(self.directory.entities, organization_id, kind))

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
