"""The faults: one call of a run goes wrong, or queues and stream hand messages out in another way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from postroom.adapters.aws.smtp_wire import WireError
from tests.faults.injector import Killed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.injector import Call, Strike

SMTP: Final = ": smtp "
"""In the name of a call: it is a step of SMTP."""

DONE_WRONG: Final = (ClientError, OSError, WireError)
"""Errors of a call that was made, and whose answer is lost."""


@dataclass(frozen=True, slots=True)
class Handing:
    """How queues and stream hand messages out. SQS and streams promise "at least once"; a standard queue has no order.

    Attributes:
        copies: how often each batch is handed out.
        late: whether everything that was handled is handed out once more at the end.
        seed: of a random order; None for the order of sending.
    """

    copies: int = 1
    late: bool = False
    seed: int | None = None


IN_ORDER: Final = Handing()


@dataclass(frozen=True, slots=True)
class CallFault:
    """One call goes wrong; there is a run for each call, or for each of AWS."""

    name: str
    strike: Strike
    of_aws: bool = False

    def places(self, calls: Sequence[str]) -> Sequence[int]:
        """Return the places of the calls that may go wrong so."""
        return [place for place, call in enumerate(calls) if not (self.of_aws and SMTP in call)]


@dataclass(frozen=True, slots=True)
class HandingFault:
    """Messages do not come once and in order; there is a run for each of ``ways``."""

    name: str
    ways: tuple[Handing, ...]


Fault = CallFault | HandingFault


def killed_before(call: Call) -> Any:
    """The environment ends before the call is sent."""
    raise Killed


def killed_after(call: Call) -> Any:
    """The call is done, and the environment ends before the answer arrives."""
    with suppress(*DONE_WRONG):
        call.send()
    raise Killed


def timed_out(call: Call) -> Any:
    """The call is done, and its answer never arrives; the function gets a timeout."""
    with suppress(*DONE_WRONG):
        call.send()
    raise call.lost


def throttled(call: Call) -> Any:
    """The service refuses the call for now and does nothing."""
    return call.refuse()


def sent_twice(call: Call) -> Any:
    """The first answer is lost, and botocore sends the same request again by itself."""
    with suppress(ClientError):
        call.send()
    return call.send()


def overtaken(call: Call) -> Any:
    """After a visibility timeout, another environment handles the same event completely before the call is sent."""
    call.again()
    return call.send()


FAULTS: Final[tuple[Fault, ...]] = (
    CallFault("killed before", killed_before),
    CallFault("killed after", killed_after),
    CallFault("timed out", timed_out),
    CallFault("throttled", throttled),
    CallFault("sent twice", sent_twice, of_aws=True),
    CallFault("overtaken", overtaken),
    HandingFault("handed out twice", (Handing(copies=2), Handing(late=True), Handing(copies=2, late=True))),
    HandingFault("reordered", tuple(Handing(copies=1 + seed % 2, late=seed > 3, seed=seed) for seed in range(6))),
)
"""Every fault, in the order of the table's columns."""
