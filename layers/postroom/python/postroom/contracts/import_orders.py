"""Orders of an import into a mailbox; their trace is that of its job (``model.imports.import_trace``).

start   ─► import_mailbox ─► the same order again, until the archive was read to its end
discard ─► import_mailbox, which ends the job
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from postroom.contracts.stored import Order


class Importing(StrEnum):
    """Why the station gets an order."""

    IMPORT = "IMPORT_MAILBOX"
    END = "END_IMPORT"  # the job is given up


class ImportOrder(Order):
    """Import an archive into a mailbox, from wherever it has got; or end its job. It is there before the job is."""

    says = "an order to import into a mailbox"

    kind: Literal[Importing.IMPORT, Importing.END] = Importing.IMPORT
    job_id: str
    cause: str = ""
    """Why the job is given up."""

    @property
    def key(self) -> str:
        """Name it by what it does: the trace has one of each."""
        return "end-import" if self.kind is Importing.END else "import"

    @property
    def station(self) -> str:
        """Imports have a station."""
        return "import_mailbox"

    @property
    def group(self) -> str:
        """The job: a large archive holds up no other."""
        return self.job_id

    @property
    def most_sweeps(self) -> int:
        """An import runs for hours, and waits for others."""
        return 100


def end_of_import(trace: str, organization_id: str, job_id: str, cause: str) -> ImportOrder:
    """Return the order that ends a job; without one that runs, nothing is done."""
    return ImportOrder(kind=Importing.END, trace=trace, organization_id=organization_id, job_id=job_id, cause=cause)
