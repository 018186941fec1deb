"""GetServerTimeZones: every zone of Windows, with rules that agree with tzdata."""

# ruff: noqa: DTZ001 - local times, and UTC's as naive values

from __future__ import annotations

import bisect
import calendar
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib.errors import ErrorTimeZone
from exchangelib.properties import TimeZone, TimeZoneDefinition
from exchangelib.version import EXCHANGE_2010_SP2, Version
from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP
from lxml import etree

from contracts import windows_zones
from postroom.contracts.ews import time_zones
from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.soap import new, request
from tests.support.ews_front import protocol

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from tests.support.ews_front import Front

DATA: dict[str, Any] = json.loads(resources.files("postroom.contracts.ews").joinpath(time_zones.DATA).read_text())
YEARS = range(2007, 2038)


def definition(zone_id: str) -> Element:
    parent = new(m("TimeZoneDefinitions"))
    time_zones.add_definition(parent, zone_id, full=True)
    return parent[0]


def test_the_data_file_is_derived_from_the_installed_tzdata() -> None:
    written = resources.files("postroom.contracts.ews").joinpath(time_zones.DATA).read_text("utf-8")
    assert written == windows_zones.text(), "run scripts/generate-contracts"


def test_every_zone_that_exchangelib_knows_is_there() -> None:
    assert [each for each in MS_TIMEZONE_TO_IANA_MAP if time_zones.known_id(each) is None] == []
    assert len(time_zones.zone_ids()) >= 139


@pytest.mark.parametrize(
    ("zone_id", "year", "expected"),
    [
        # bias; bias of daylight time; month, occurrence, weekday, hour of the changes to daylight and to standard time
        ("W. Europe Standard Time", 2026, (-60, -60, (3, 5, 7, 2), (10, 5, 7, 3))),
        ("Eastern Standard Time", 2026, (300, -60, (3, 2, 7, 2), (11, 1, 7, 2))),
        ("GMT Standard Time", 2026, (0, -60, (3, 5, 7, 1), (10, 5, 7, 2))),
        ("AUS Eastern Standard Time", 2026, (-600, -60, (10, 1, 7, 2), (4, 1, 7, 3))),
        ("New Zealand Standard Time", 2026, (-720, -60, (9, 5, 7, 2), (4, 1, 7, 3))),
        ("Lord Howe Standard Time", 2026, (-630, -30, (10, 1, 7, 2), (4, 1, 7, 2))),
        ("Israel Standard Time", 2026, (-120, -60, (3, 5, 5, 2), (10, 5, 7, 2))),
        ("Turkey Standard Time", 2015, (-120, -60, (3, 5, 7, 3), (11, 2, 7, 4))),
    ],
)
def test_exchangelib_reads_the_rules(zone_id: str, year: int, expected: Any) -> None:
    read = TimeZoneDefinition.from_xml(definition(zone_id), account=None)
    zone = TimeZone.from_server_timezone(tz_definition=read, for_year=year)

    def change(found: Any) -> tuple[int, int, int, int]:
        return found.iso_month, found.occurrence, found.weekday, found.time.hour

    found = (zone.bias, zone.daylight_time.bias, change(zone.daylight_time), change(zone.standard_time))
    assert found == expected


def test_exchangelib_takes_every_zone_for_any_year() -> None:
    for zone_id in time_zones.zone_ids():
        read = TimeZoneDefinition.from_xml(definition(zone_id), account=None)
        for year in (1990, 2007, 2016, 2026, 2050):
            assert TimeZone.from_server_timezone(tz_definition=read, for_year=year).bias is not None


def test_the_rules_give_tzdatas_offsets() -> None:
    """The definition's XML, read as its schema describes it, around each change of every zone until 2037."""
    for zone_id in time_zones.zone_ids():
        zone = windows_zones.zone_of(DATA["zones"][zone_id][0])
        times = timeline(definition(zone_id))
        for year in range(2007, 2038):
            changes = windows_zones.changes(zone, year)
            moments = [each.local - timedelta(minutes=each.before) for each in changes]
            for moment in (datetime(year, 6, 15), *moments, *(each - timedelta(minutes=1) for each in moments)):
                expected = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
                bias = times[bisect.bisect_right(times, (moment, 1 << 20)) - 1][1]
                assert -timedelta(minutes=bias) == expected, (zone_id, moment)


def timeline(element: Element) -> list[tuple[datetime, int]]:
    """Return the biases of a TimeZoneDefinition from 2007 to 2037, with the time of UTC from which each applies."""
    biases = {each.get("Id"): minutes(each.get("Bias")) for each in element.iter(t("Period"))}
    groups = {each.get("Id"): list(each) for each in element.iter(t("TransitionsGroup"))}
    transitions = element.find(t("Transitions"))
    assert transitions is not None
    starts = [(each.findtext(t("DateTime")) or "2007-01-01", each.findtext(t("To"))) for each in transitions]
    assert starts == sorted(starts)
    times: list[tuple[datetime, int]] = []
    for (start, target), (end, _) in itertools.pairwise([*starts, ("2038-01-01", None)]):
        changes = groups[target]
        begin, finish = datetime.fromisoformat(start), datetime.fromisoformat(end)
        # what applies when a group begins is the last change of the year, or the only one
        local = sorted((when(each, year), biases[each.findtext(t("To"))]) for each in changes for year in YEARS)
        times.append((begin + timedelta(minutes=times[-1][1] if times else 0), local[-1][1]))
        for moment, bias in local if len(changes) > 1 else ():
            if begin <= moment < finish:
                times.append((moment + timedelta(minutes=times[-1][1]), bias))
    return times


def when(change: Element, year: int) -> datetime:
    """Return the local time of a recurring change in a year."""
    if change.tag == t("Transition"):
        return datetime(year, 1, 1)
    month, occurrence = (int(change.findtext(t(name)) or 0) for name in ("Month", "Occurrence"))
    weekday = list(calendar.day_name).index(change.findtext(t("DayOfWeek")) or "")
    days = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
    day = days[-1 if occurrence == -1 else occurrence - 1]
    return datetime(year, month, day) + timedelta(minutes=minutes(change.findtext(t("TimeOffset"))))


def minutes(duration: str | None) -> int:
    found = re.fullmatch(r"(-?)PT(?:(\d+)H)?(?:(\d+)M)?(?:0S)?", duration or "")
    assert found, duration
    return (int(found[2] or 0) * 60 + int(found[3] or 0)) * (-1 if found[1] else 1)


def answered(front: Front, *ids: str, full: str | None = "true") -> Element:
    asked = new(m("GetServerTimeZones"), **({} if full is None else {"ReturnFullTimeZoneData": full}))
    if ids:
        within = etree.SubElement(asked, m("Ids"))
        for each in ids:
            etree.SubElement(within, t("Id")).text = each
    response = front.post("/EWS/Exchange.asmx", request(asked))
    assert response.status == 200
    return etree.fromstring(response.body)


def ids_of(answer: Element) -> list[str | None]:
    return [each.get("Id") for each in answer.iter(t("TimeZoneDefinition"))]


def test_the_answer_has_the_zones_of_the_ids_in_their_order(front: Front) -> None:
    asked = ("UTC", "tokyo standard time", "UTC", "W. Europe Standard Time", " tzone://Microsoft/Utc")
    assert ids_of(answered(front, *asked)) == ["UTC", "Tokyo Standard Time", "W. Europe Standard Time"]


def test_without_ids_the_answer_has_every_zone_in_full(front: Front) -> None:
    answer = answered(front, full=None)
    assert ids_of(answer) == list(time_zones.zone_ids())
    assert len(list(answer.iter(t("TransitionsGroups")))) == len(time_zones.zone_ids())


@pytest.mark.parametrize("full", ["false", "0", "False"])
def test_names_alone_have_no_rules(front: Front, full: str) -> None:
    (found,) = answered(front, "India Standard Time", full=full).iter(t("TimeZoneDefinition"))
    assert (found.get("Name"), len(found)) == ("(UTC+05:30) Asia/Calcutta", 0)


@pytest.mark.parametrize("name", ["", "Mars Standard Time", "Europe/Berlin"])
def test_an_unknown_id_is_an_error_and_never_another_zone(connection: Front, name: str) -> None:
    answer = answered(connection, "UTC", name)
    assert ids_of(answer) == []
    assert [each.text for each in answer.iter(m("ResponseCode"))] == ["ErrorTimeZone"]
    server = protocol(version=Version(EXCHANGE_2010_SP2))

    class Named:
        ms_id = name or "x"

    with pytest.raises(ErrorTimeZone):
        list(server.get_timezones(timezones=[Named()], return_full_timezone_data=True))
