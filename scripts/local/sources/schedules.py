"""Schedules: `rate(…)` and `cron(…)`, on a clock that `--speed` makes faster.

Source: AWS, EventBridge, "Creating a rule that runs on a schedule" and "Setting a schedule pattern".
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from local.errors import TemplateError
from local.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.function import Function
    from local.functions.invocations import Invocations

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON: Final = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIVE_YEARS: Final = timedelta(days=5 * 366)


def next_time(expression: str) -> Callable[[datetime], datetime]:
    """Return a function that gives the next time after a given one.

    Raises:
        TemplateError: the expression is neither `rate` nor `cron`, or uses L, W or # (not executed here).
    """
    if rate := _RATE.fullmatch(expression):
        period = int(rate[1]) * _UNITS[rate[2]]
        return lambda after: after + period
    if cron := _CRON.fullmatch(expression):
        return _next_cron(*cron.groups())
    raise TemplateError(f"schedule {expression!r} is neither rate(…) nor cron(…)")


def _next_cron(minute: str, hour: str, day: str, month: str, weekday: str, year: str) -> Callable[[datetime], datetime]:
    minutes, hours = _field(minute, 0, 59), _field(hour, 0, 23)
    days, months = _field(day, 1, 31), _field(month, 1, 12, _MONTHS, 1)
    weekdays, years = _field(weekday, 1, 7, _DAYS, 1), _field(year, 1970, 2199)

    def is_day(at: datetime) -> bool:
        day_of_week = at.isoweekday() % 7 + 1  # AWS counts from Sunday, 1
        return at.year in years and at.month in months and at.day in days and day_of_week in weekdays

    def following(after: datetime) -> datetime:
        at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while at - after < _FIVE_YEARS:
            if not is_day(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return datetime.max.replace(tzinfo=UTC)

    return following


def _field(text: str, first: int, last: int, names: tuple[str, ...] = (), offset: int = 0) -> frozenset[int]:
    values: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        for number, name in enumerate(names):
            span = span.replace(name, str(number + offset))
        if span in ("*", "?"):
            low, high = first, last
        else:
            start, dash, end = span.partition("-")
            if not start.isdigit() or (dash and not end.isdigit()):
                raise TemplateError(f"cron field {text!r} is not executed here")
            low = int(start)
            high = int(end) if dash else (last if step else low)
        values.update(range(low, high + 1, int(step or 1)))
    return frozenset(values)


class Schedule:
    """Invokes one function at its times."""

    def __init__(
        self, function: Function, name: str, properties: Mapping[str, Any], invocations: Invocations, speed: int
    ) -> None:
        """Read the SAM event's properties (Schedule or ScheduleExpression, Input, Enabled, State).

        Raises:
            TemplateError: the expression cannot be executed here.
        """
        self.name = f"{name} → {function.name}"
        self._function = function
        self._rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{function.logical_id}{name}"
        self._next = next_time(str(properties.get("Schedule") or properties["ScheduleExpression"]))
        enabled = str(properties.get("Enabled", True)).lower() == "true" and properties.get("State") != "DISABLED"
        self._input = properties.get("Input")
        self._invocations = invocations
        self._speed = speed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True) if enabled else None

    def start(self) -> None:
        """Count from now on."""
        if self._thread is not None:
            self._thread.start()

    def close(self) -> None:
        """Invoke no more."""
        self._stop.set()

    def _run(self) -> None:
        began, began_at = time.monotonic(), datetime.now(UTC)
        due = self._next(began_at)
        while True:
            wait = (due - began_at).total_seconds() / self._speed - (time.monotonic() - began)
            if self._stop.wait(max(wait, 0)):
                return
            event = self._input or _json_event(self._rule, due)
            self._invocations.invoke_later(self._function, event.encode())
            due = self._next(due)


def _json_event(rule: str, at: datetime) -> str:
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [rule],
        "detail": {},
    }
    return json.dumps(event)
