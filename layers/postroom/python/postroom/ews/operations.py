"""The operations that EWS serves, by the local name of the request's element. All others end in a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.ews import (
    convert_id,
    get_server_time_zones,
    get_user_availability,
    get_user_oof_settings,
    resolve_names,
    set_user_oof_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context

OPERATIONS: Final[Mapping[str, Callable[[Call, Asking, Context], Element]]] = {
    "ConvertId": convert_id.answer,
    "GetServerTimeZones": get_server_time_zones.answer,
    "GetUserAvailabilityRequest": get_user_availability.answer,
    "GetUserOofSettingsRequest": get_user_oof_settings.answer,
    "ResolveNames": resolve_names.answer,
    "SetUserOofSettingsRequest": set_user_oof_settings.answer,
}

WITHOUT_USER: Final = frozenset({"ConvertId", "GetServerTimeZones"})
"""Operations that read nothing of an organization: a caller with an impersonation role needs no user for them."""
