"""The ARNs of roles in memory."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryRoleArns:
    """Implements ``RoleArns``; ``arns`` has them by name."""

    arns: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str | None:
        return self.arns.get(name)
