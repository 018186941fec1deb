"""Which event of a SAM function is executed by what: one visible table, `SOURCES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from local.invocations import queue_url
from local.routes import Route
from local.schedules import Schedule
from local.sqs_mapping import SqsMapping
from local.stream_mapping import StreamMapping
from local.template import ODD, TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local.aws import Aws
    from local.invocations import Invocations
    from local.project import EventSource


class Source(Protocol):
    """Something that invokes a function."""

    def start(self) -> None:
        """Invoke from now on."""

    def close(self) -> None:
        """Invoke no more."""


def sources(events: Iterable[EventSource], invocations: Invocations, aws: Aws, speed: int) -> list[Source]:
    """Return what executes the events, the API's routes aside.

    Raises:
        TemplateError: an event type that is not executed here, or properties that make no sense.
    """
    return [_source(event, invocations, aws, speed) for event in events if _is_known(event)]


def routes(events: Iterable[EventSource]) -> list[Route]:
    """Return the routes of the API."""
    return [
        Route(
            str(event.properties["Method"]).upper(),
            str(event.properties["Path"]),
            event.function,
            streamed=event.properties.get("ResponseTransferMode") == "RESPONSE_STREAM",
        )
        for event in events
        if event.kind == "Api"
    ]


def _source(event: EventSource, invocations: Invocations, aws: Aws, speed: int) -> Source:
    try:
        return SOURCES[event.kind](event, invocations, aws, speed)
    except ODD as error:
        where = f"{event.function.logical_id}: its event {event.name}"
        raise TemplateError(f"{where} cannot be read: {type(error).__name__}: {error}") from error


def _is_known(event: EventSource) -> bool:
    if event.kind == "Api":
        return False
    if event.kind not in SOURCES:
        raise TemplateError(f"{event.function.logical_id}: events of type {event.kind} are not executed here")
    return True


def _sqs(event: EventSource, invocations: Invocations, aws: Aws, _speed: int) -> Source:
    pool = invocations.pool(event.function.name)
    return SqsMapping(event.function, pool, event.properties, aws, queue_url(aws, str(event.properties["Queue"])))


def _stream(event: EventSource, invocations: Invocations, aws: Aws, _speed: int) -> Source:
    return StreamMapping(event.function, invocations.pool(event.function.name), event.properties, aws)


def _schedule(event: EventSource, invocations: Invocations, _aws: Aws, speed: int) -> Source:
    return Schedule(event.function, event.name, event.properties, invocations, speed)


SOURCES: Final[Mapping[str, Callable[[EventSource, Invocations, Aws, int], Source]]] = {
    "SQS": _sqs,
    "DynamoDB": _stream,
    "Schedule": _schedule,
    "ScheduleV2": _schedule,
}
