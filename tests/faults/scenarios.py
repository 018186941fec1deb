"""Every scenario that the fault walk plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.audit_scenarios import AUDITS
from tests.faults.export_scenarios import EXPORTS
from tests.faults.import_scenarios import IMPORTS
from tests.faults.message_scenarios import MESSAGES
from tests.faults.outbound_scenarios import OUTBOUND
from tests.faults.recovery_scenarios import RECOVERIES

if TYPE_CHECKING:
    from tests.faults.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (*MESSAGES, *OUTBOUND, *AUDITS, *EXPORTS, *RECOVERIES, *IMPORTS)
"""The stations of a message in their order, coming and leaving; then audit records, exports, recovery, imports."""
