"""What executes each type of event of a SAM function: one visible table, `SOURCES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from local.errors import TemplateError
from local.functions.invocations import queue_url
from local.sources.schedules import Schedule, next_time
from local.sources.sqs_mapping import SqsMapping
from local.sources.stream_mapping import StreamMapping
from local.template.reading import ODD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local.aws import Aws
    from local.functions.invocations import Invocations
    from local.template.project import EventSource


SCHEDULES: Final = frozenset({"Schedule", "ScheduleV2"})
"""Types of events that are schedules."""


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


def executed(events: Iterable[EventSource]) -> tuple[list[EventSource], list[str]]:
    """Divide events into those that are executed and notes on the others."""
    found: list[EventSource] = []
    notes: list[str] = []
    for event in events:
        what = f"{event.function.logical_id}: its {event.kind} event {event.name}"
        if event.kind == "Api":
            notes.append(f"{what} is not served here")
        elif event.kind not in SOURCES:
            notes.append(f"{what} is not executed here")
        elif event.kind in SCHEDULES and (problem := _problem(event.properties)):
            notes.append(f"{what} is not executed here: {problem}")
        else:
            found.append(event)
    return found, notes


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


def _problem(properties: Mapping[str, Any]) -> str:
    try:
        next_time(str(properties.get("Schedule") or properties["ScheduleExpression"]))
    except TemplateError as error:
        return str(error)
    except ODD as error:
        return f"{type(error).__name__}: {error}"
    return ""
