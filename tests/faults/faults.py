"""The faults: one AWS call of a run goes wrong, or queues and stream hand messages out in another way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.faults.injector import Killed

if TYPE_CHECKING:
    from tests.faults.injector import Call, Strike

THROTTLES: Final = {
    "dynamodb": "ThrottlingException",
    "events": "ThrottlingException",
    "firehose": "ServiceUnavailableException",
    "kms": "ThrottlingException",
    "lambda": "TooManyRequestsException",
    "logs": "ThrottlingException",
    "s3": "SlowDown",
    "secretsmanager": "ThrottlingException",
    "ses": "Throttling",
    "sesv2": "TooManyRequestsException",
    "sqs": "RequestThrottled",
    "sts": "Throttling",
}
"""Each service's error code for throttling. Source: their API references, "Common errors"."""


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
    """One call goes wrong; there is a run for each call."""

    name: str
    strike: Strike


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
    with suppress(ClientError):
        call.send()
    raise Killed


def timed_out(call: Call) -> Any:
    """The call is done, and its answer never arrives; the function gets a timeout."""
    with suppress(ClientError):
        call.send()
    raise ReadTimeoutError(endpoint_url=f"https://{call.service}.us-east-1.amazonaws.com")


def throttled(call: Call) -> Any:
    """The service refuses the call and does nothing."""
    said = {"Error": {"Code": THROTTLES[call.service], "Message": "Rate exceeded"}}
    raise ClientError(said, call.operation)  # type: ignore[arg-type]


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
    CallFault("sent twice", sent_twice),
    CallFault("overtaken", overtaken),
    HandingFault("handed out twice", (Handing(copies=2), Handing(late=True), Handing(copies=2, late=True))),
    HandingFault("reordered", tuple(Handing(copies=1 + seed % 2, late=seed > 3, seed=seed) for seed in range(6))),
)
"""Every fault, in the order of the table's columns."""
