"""The removal of an organization's rows from DirectoryTable, in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import unprocessed
from postroom.adapters.aws.directory_rows import KINDS, Key, delegates_key, entity_key, key_item
from postroom.adapters.aws.owned_rows import OWNED_PREFIX
from postroom.adapters.aws.unprocessed import MAX_DELETES
from postroom.model.directory import EntityKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.adapters.aws.directory_table import DirectoryTable
    from postroom.model.records import Entity

SECRETS: Final = ("PASSWORD#", "GATEWAY#", OWNED_PREFIX)
OTHERS: Final = ("RULE#", "NAME#", "AVAILABILITY#")


@dataclass(frozen=True, slots=True)
class DynamoOrganizationRemoval:
    """Implements ``OrganizationRemoval``."""

    table: DirectoryTable

    def remove_secrets(self, organization_id: str) -> bool:
        return all(self._are_gone(f"ORG#{organization_id}", prefix) for prefix in SECRETS)

    def remove_entity(self, entity: Entity) -> bool:
        """A membership has two rows; after an interrupted call either of them may be left."""
        organization_id = entity.organization_id
        ways = (("GROUP", "MEMBER"), ("MEMBER", "GROUP"))
        for here, there in ways:
            partition = f"{here}#{organization_id}#{entity.id}"
            rows, _ = self.table.query(partition, "", None, MAX_DELETES // 2)
            others = [row["sk"]["S"] for row in rows]
            if others:
                self._delete([(f"{there}#{organization_id}#{other}", entity.id) for other in others])
                self._delete([(partition, other) for other in others])
                return False
        is_resource = entity.kind is EntityKind.RESOURCE
        if is_resource and not self._are_gone(delegates_key(organization_id, entity.id), ""):
            return False
        pk, sk = entity_key(organization_id, entity.kind, entity.id)
        self._delete([(pk, f"NAME#{entity.name.lower()}"), (pk, f"PASSWORD#{entity.id}")])
        self._delete([(pk, sk)])
        return True

    def remove_rows(self, organization_id: str) -> bool:
        prefixes = (*SECRETS, *OTHERS, *(f"{kind.value}#" for kind in KINDS))
        return all(self._are_gone(f"ORG#{organization_id}", prefix) for prefix in prefixes)

    def _are_gone(self, pk: str, prefix: str) -> bool:
        """Remove some rows; return ``True`` if there were none."""
        rows, _ = self.table.query(pk, prefix, None, MAX_DELETES)
        self._delete([(row["pk"]["S"], row["sk"]["S"]) for row in rows])
        return not rows

    def _delete(self, keys: Sequence[Key]) -> None:
        items = [key_item(key) for key in keys]
        unprocessed.delete_all(self.table.client, self.table.name, items, "remove an organization", self.table.pause)
