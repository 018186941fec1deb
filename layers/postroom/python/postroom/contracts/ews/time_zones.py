"""Time zone definitions: every zone of Windows with its rules per year, as GetServerTimeZones answers them.

The data file is derived from tzdata and CLDR by scripts/generate-contracts; ``contracts.windows_zones`` describes it.
Microsoft's display names are not public data: a name is the offset of standard time and tzdata's name.
Source: Microsoft, MS-OXWSCDATA 2.2.4.68 to 2.2.4.75 (TimeZoneDefinitionType and its parts); order of the elements:
Periods, TransitionsGroups, Transitions; To, TimeOffset, Month, DayOfWeek, Occurrence.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.ews.names import t
from postroom.contracts.ews.soap import add
from postroom.contracts.ews.zones import DAYS
from postroom.model.free_busy import Zone, ZoneChange
from postroom.model.zone_times import LAST_WEEK, WEEKDAYS

if TYPE_CHECKING:
    from datetime import datetime

    from lxml.etree import _Element as Element

DATA: Final = "windows_zones.json"

_FIXED: Final = 1
"""Members of a rule without changes: its bias alone."""

_ALIASES: Final = {"tzone://microsoft/utc": "UTC"}
"""Other ids that Exchange and its clients use."""


@cache
def _zones() -> dict[str, list[Any]]:
    data: dict[str, Any] = json.loads(resources.files(__package__).joinpath(DATA).read_text("utf-8"))
    zones: dict[str, list[Any]] = data["zones"]
    return zones


@cache
def _ids() -> dict[str, str]:
    return {**{name.casefold(): name for name in _zones()}, **_ALIASES}


def zone_ids() -> tuple[str, ...]:
    """Return the ids of all zones, in order."""
    return tuple(_zones())


def known_id(given: str) -> str | None:
    """Return a zone's id as Windows writes it; case does not matter. None if there is no such zone."""
    return _ids().get(given.strip().casefold())


def context_zone(header: Element | None, local: datetime) -> Zone | None:
    """Return the zone of a request's TimeZoneContext, with the rule that applies at a local time.

    ews-javascript-api 0.15.3, as Microsoft's Managed API, names the zone of a question there, by its id alone, and
    sends no TimeZone. None if there is no zone with such an id.
    """
    definition = None if header is None else header.find(f"{t('TimeZoneContext')}/{t('TimeZoneDefinition')}")
    zone_id = None if definition is None else known_id(definition.get("Id") or "")
    if zone_id is None:
        return None
    _, first, *later = _zones()[zone_id]
    _, standard, *rest = [first, *(rule for rule in later if rule[0] <= local.isoformat())][-1]
    if not rest:
        return Zone(zone_id, standard)
    daylight, *changes = rest
    into_daylight, into_standard = _change(daylight - standard, *changes[:4]), _change(0, *changes[4:])
    return Zone(zone_id, standard, into_standard, into_daylight)


def _change(bias_minutes: int, month: int, weekday: int, occurrence: int, minutes: int) -> ZoneChange:
    week, time = LAST_WEEK if occurrence == -1 else occurrence, f"{minutes // 60:02}:{minutes % 60:02}:00"
    return ZoneChange(bias_minutes, time, month, week, WEEKDAYS[weekday])


def add_definition(parent: Element, zone_id: str, *, full: bool) -> None:
    """Append a TimeZoneDefinition; ``full`` adds its periods and rules."""
    iana, *rules = _zones()[zone_id]
    bias = rules[-1][1]
    sign = "-" if bias > 0 else "+"
    offset = f"(UTC{sign}{abs(bias) // 60:02}:{abs(bias) % 60:02})" if bias else "(UTC)"
    element = add(parent, t("TimeZoneDefinition"), Id=zone_id, Name=f"{offset} {iana}")
    if not full:
        return
    _add_periods(element, rules)
    groups = add(element, t("TransitionsGroups"))
    for number, (_, *rule) in enumerate(rules):
        _add_rule(add(groups, t("TransitionsGroup"), Id=_group(number)), rule)
    _add_starts(element, [start for start, *_ in rules])


def _group(number: int) -> str:
    """Return the id of a group: two digits, because exchangelib 5.6.0 sorts ids as texts."""
    return f"{number:02}"


def _period(bias_minutes: int, name: str) -> str:
    return f"{name}/{bias_minutes}"


def _add_periods(definition: Element, rules: list[list[Any]]) -> None:
    """Append each period once; a bias of some rules' standard time may be the daylight time of others."""
    needed: dict[str, tuple[int, str]] = {}
    for _, *rule in rules:
        names = ("Standard",) if len(rule) == _FIXED else ("Standard", "Daylight")
        needed |= {_period(bias, name): (bias, name) for bias, name in zip(rule, names, strict=False)}
    periods = add(definition, t("Periods"))
    for period_id, (bias, name) in needed.items():
        add(periods, t("Period"), Bias=_duration(bias), Name=name, Id=period_id)


def _add_rule(group: Element, rule: list[int]) -> None:
    if len(rule) == _FIXED:
        _add_target(add(group, t("Transition")), "Period", _period(rule[0], "Standard"))
        return
    standard, daylight, *changes = rule
    periods = ((_period(daylight, "Daylight"), changes[:4]), (_period(standard, "Standard"), changes[4:]))
    for period_id, (month, weekday, occurrence, minutes) in periods:
        transition = add(group, t("RecurringDayTransition"))
        _add_target(transition, "Period", period_id)
        add(transition, t("TimeOffset"), _duration(minutes))
        add(transition, t("Month"), str(month))
        add(transition, t("DayOfWeek"), DAYS[WEEKDAYS[weekday]])
        add(transition, t("Occurrence"), str(occurrence))


def _add_starts(definition: Element, starts: list[str]) -> None:
    """Append the times from which groups apply; the first applies to everything before as well."""
    transitions = add(definition, t("Transitions"))
    _add_target(add(transitions, t("Transition")), "Group", _group(0))
    for number, start in enumerate(starts[1:], start=1):
        transition = add(transitions, t("AbsoluteDateTransition"))
        _add_target(transition, "Group", _group(number))
        add(transition, t("DateTime"), start)


def _add_target(transition: Element, kind: str, target: str) -> None:
    add(transition, t("To"), target, Kind=kind)


def _duration(minutes: int) -> str:
    """Return minutes as xs:duration: ``-PT1H``, ``PT9H30M``, ``PT0S``."""
    hours, rest = divmod(abs(minutes), 60)
    parts = (f"{hours}H" if hours else "") + (f"{rest}M" if rest else "")
    return f"{'-' if minutes < 0 else ''}PT{parts or '0S'}"
