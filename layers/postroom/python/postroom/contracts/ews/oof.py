"""GetUserOofSettings and SetUserOofSettings: out-of-office replies.

Times are UTC, also those without an offset, and whole seconds: exchangelib 5.6.0 writes fractions and reads none. A
text is what a client gives, HTML or not, and is given back as it came; its language is not kept.

Source: Microsoft, MS-OXWOOF 2.2.4.2 (UserOofSettings), 2.2.5 (ExternalAudience, OofState), 3.1.4.1 and 3.1.4.2 (the
operations and their errors), for the order of elements: SetUserOofSettingsRequest is Mailbox, UserOofSettings;
GetUserOofSettingsResponse is ResponseMessage, OofSettings, AllowExternalOof; both settings are OofState,
ExternalAudience, Duration, InternalReply, ExternalReply. Elements of later schemas are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final, TypeVar

from postroom.contracts.ews.fields import date_time, needed, needed_text
from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.responses import add_message, add_problem
from postroom.contracts.ews.soap import add, new, schema_fault
from postroom.model.free_busy import Zone
from postroom.model.limits import DAY_MS
from postroom.model.out_of_office import MAX_TEXT_BYTES, MAX_TIME_MS, Audience, ReplySettings, State
from postroom.model.zone_times import epoch_ms, to_local

if TYPE_CHECKING:
    from datetime import datetime

    from lxml.etree import _Element as Element

GET: Final = "GetUserOofSettings"
SET: Final = "SetUserOofSettings"
REQUEST: Final = "Request"
"""What the local names of the requests' elements have after those of the operations."""

OPEN_END_MS: Final = 32_503_680_000_000
"""The year 3000: the end of a scheduled reply without one, which EWS cannot say. Ours."""

_STATES: Final = {"Disabled": State.DISABLED, "Enabled": State.ENABLED, "Scheduled": State.SCHEDULED}
_AUDIENCES: Final = {"None": Audience.NONE, "Known": Audience.KNOWN, "All": Audience.ALL}
_STATE_NAMES: Final = {state: name for name, state in _STATES.items()}
_AUDIENCE_NAMES: Final = {audience: name for name, audience in _AUDIENCES.items()}
_UTC: Final = Zone("UTC", 0)
_HOUR_MS: Final = 3_600_000

NONE_SET: Final = ReplySettings(state=State.DISABLED, audience=Audience.ALL, inside="", outside="")
"""Settings of a user who has set none, as Exchange has them."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why settings cannot be set: a ResponseCode and a sentence for the user."""

    code: str
    text: str


_NO_DURATION: Final = Refused(
    "ErrorInvalidScheduledOofDuration",
    "A scheduled reply needs a Duration that ends after its beginning and in the future, in the years 1970 to 9999.",
)
_NO_REPLY: Final = Refused("ErrorInvalidUserOofSettings", "InternalReply and ExternalReply have to be there.")
_TOO_LONG: Final = Refused("ErrorInvalidUserOofSettings", f"A reply has more than {MAX_TEXT_BYTES:,} bytes in UTF-8.")
"""That a text is too long has no code of its own; this choice is ours."""


def read_mailbox(request: Element) -> str:
    """Return the address of a request's mailbox, as written.

    Raises:
        FaultError: there is none; ErrorSchemaValidation.
    """
    try:
        return needed_text(needed(request, t("Mailbox")), t("Address"))
    except ValueError as error:
        raise schema_fault(error) from error


def read_settings(request: Element, now_ms: int) -> ReplySettings | Refused:
    """Read the settings of SetUserOofSettings, or say why they cannot be set.

    The times of a reply that is not scheduled have no effect: those that cannot be kept are left out.

    Raises:
        FaultError: they are not of the schema's form; ErrorSchemaValidation.
    """
    try:
        settings = needed(request, t("UserOofSettings"))
        state = _one_of(_STATES, settings, "OofState")
        audience = _one_of(_AUDIENCES, settings, "ExternalAudience")
        times = _read_duration(settings)
        inside, outside = (_read_reply(settings, name) for name in ("InternalReply", "ExternalReply"))
    except ValueError as error:
        raise schema_fault(error) from error
    if state is State.SCHEDULED and (times is None or times[1] <= max(now_ms, times[0])):
        return _NO_DURATION
    if inside is None or outside is None:
        return _NO_REPLY
    if max(len(text.encode("utf-8", "replace")) for text in (inside, outside)) > MAX_TEXT_BYTES:
        return _TOO_LONG
    start_ms, end_ms = times or (None, None)
    return ReplySettings(
        state=state, audience=audience, inside=inside, outside=outside, start_ms=start_ms, end_ms=end_ms
    )


def write_settings(settings: ReplySettings, now_ms: int) -> Element:
    """Return the answer of GetUserOofSettings.

    It always has a Duration, as Exchange's has: where none is set, or a time is missing, an hour's beginning and a day.
    """
    answer = new(m(f"{GET}Response"))
    add_message(answer, "")
    written = add(answer, t("OofSettings"))
    state = settings.state_at(now_ms)
    add(written, t("OofState"), _STATE_NAMES[state])
    add(written, t("ExternalAudience"), _AUDIENCE_NAMES[settings.audience])
    start_ms = now_ms - now_ms % _HOUR_MS if settings.start_ms is None else settings.start_ms
    after_ms = max(start_ms, OPEN_END_MS) if state is State.SCHEDULED else start_ms + DAY_MS
    duration = add(written, t("Duration"))
    add(duration, t("StartTime"), _written(start_ms))
    add(duration, t("EndTime"), _written(after_ms if settings.end_ms is None else settings.end_ms))
    for name, text in (("InternalReply", settings.inside), ("ExternalReply", settings.outside)):
        add(add(written, t(name)), t("Message"), text)
    add(answer, m("AllowExternalOof"), _AUDIENCE_NAMES[Audience.ALL])
    return answer


def write_outcome(refused: Refused | None) -> Element:
    """Return the answer of SetUserOofSettings."""
    answer = new(m(f"{SET}Response"))
    if refused is None:
        add_message(answer, "")
    else:
        add_problem(answer, "", refused.code, refused.text)
    return answer


_Value = TypeVar("_Value")


def _one_of(values: dict[str, _Value], parent: Element, name: str) -> _Value:
    found = values.get(needed_text(parent, t(name)))
    if found is None:
        raise ValueError(f"{name} is not one of {', '.join(values)}")
    return found


def _read_duration(settings: Element) -> tuple[int, int] | None:
    """Return start and end in milliseconds since the epoch; None if there are none that can be kept."""
    duration = settings.find(t("Duration"))
    if duration is None:
        return None
    times = [_instant_ms(date_time(duration, t(name))) for name in ("StartTime", "EndTime")]
    return (times[0], times[1]) if all(0 <= each < MAX_TIME_MS for each in times) else None


def _instant_ms(given: datetime) -> int:
    """Return the second of an instant; a negative number for one that Python cannot say in UTC."""
    try:
        return epoch_ms((given if given.tzinfo else given.replace(tzinfo=UTC)).replace(microsecond=0))
    except OverflowError:
        return -1


def _read_reply(settings: Element, name: str) -> str | None:
    """Return a text; empty without a Message, None if the reply itself is not there."""
    reply = settings.find(t(name))
    message = None if reply is None else reply.find(t("Message"))
    if message is None:
        return None if reply is None else ""
    if len(message):
        raise ValueError(f"{name} has elements in its Message, which is a text")
    return message.text or ""


def _written(instant_ms: int) -> str:
    return f"{to_local(_UTC, instant_ms).replace(microsecond=0).isoformat()}Z"
