"""Orders of an export of a mailbox; their trace is that of its job (``model.exports.export_trace``).

Each names its job only: the job's record and its plan have the rest, and every station reads the record first.
"""

from __future__ import annotations

from typing import Literal

from postroom.contracts.stored import Order


class ExportOrder(Order):
    """What every order of an export has."""

    job_id: str

    @property
    def group(self) -> str:
        """The job: a large mailbox holds up no other, whichever organization has it."""
        return self.job_id


class PlanExportOrder(ExportOrder):
    """List a mailbox's items, cut them into runs, and start the upload. One per job; it is there before the job is."""

    says = "an order to plan an export"

    kind: Literal["PLAN_EXPORT"] = "PLAN_EXPORT"

    @property
    def key(self) -> str:
        """Name it by what it does: the trace has one."""
        return "plan-export"

    @property
    def station(self) -> str:
        """Plans have a station of their own."""
        return "plan_export"
