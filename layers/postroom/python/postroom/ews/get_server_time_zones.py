"""GetServerTimeZones: the definitions of some zones, or of all.

exchangelib asks for one zone before each question about free/busy information, and uses the first of the answer
without a look at its id: an id that no zone has is an error, never another zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.ews import time_zones
from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.responses import add_message, add_problem, new_response
from postroom.contracts.ews.soap import add

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context

OPERATION: Final = "GetServerTimeZones"


def answer(call: Call, _asking: Asking, _context: Context) -> Element:
    """Answer in the order of the request's ids, each once; every zone if it names none.

    An id that no zone has makes the whole answer ErrorTimeZone, as Exchange has it for zones that it does not know.
    """
    response, messages = new_response(OPERATION)
    asked = [each.text or "" for each in call.request.iterfind(f"{m('Ids')}/{t('Id')}")]
    found = [time_zones.known_id(each) for each in asked] or list(time_zones.zone_ids())
    if None in found:
        add_problem(messages, OPERATION, "ErrorTimeZone", "There is no time zone with one of the ids.")
        return response
    full = (call.request.get("ReturnFullTimeZoneData") or "true").strip().lower() not in {"false", "0"}
    definitions = add(add_message(messages, OPERATION), m("TimeZoneDefinitions"))
    for zone_id in dict.fromkeys(found):
        if zone_id is not None:
            time_zones.add_definition(definitions, zone_id, full=full)
    return response
