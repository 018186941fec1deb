"""Rule sets in memory."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from postroom.contracts.rule_set import dump_rules, load_rule_set
from postroom.errors import UnreadableRulesError
from postroom.model.rule_index import NO_OUTBOUND_RULES, NO_RULES, RuleSet
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule


class MemoryRuleSets:
    """Implements ``RuleSets``. ``reads`` is the number of objects that were read."""

    def __init__(self) -> None:
        self.reads = 0
        self._objects: dict[tuple[str, int], bytes] = {}
        self._compiled: dict[tuple[str, int, Direction], RuleSet] = {}
        self._lock = RLock()

    def inbound(self, organization_id: str, version: int) -> RuleSet:
        return NO_RULES if version == 0 else self._of(organization_id, version, Direction.INBOUND)

    def outbound(self, organization_id: str, version: int) -> RuleSet:
        return NO_OUTBOUND_RULES if version == 0 else self._of(organization_id, version, Direction.OUTBOUND)

    def _of(self, organization_id: str, version: int, direction: Direction) -> RuleSet:
        place, compiled = (organization_id, version), (organization_id, version, direction)
        with self._lock:
            if place not in self._objects:
                raise UnreadableRulesError(f"the rule set's version {version} is gone")
            if compiled not in self._compiled:
                self.reads += 1
                self._compiled[compiled] = load_rule_set(self._objects[place], direction)
            return self._compiled[compiled]

    def keep(
        self, organization_id: str, version: int, rules: Iterable[Rule], journaling: Journaling | None = None
    ) -> bool:
        with self._lock:
            if (organization_id, version) in self._objects:
                return False
            self._objects[organization_id, version] = dump_rules(rules, journaling)
            return True
