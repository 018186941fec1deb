"""GetJournalingRules and SetJournalingRules: journaling, which Amazon WorkMail keeps for its console.

Source: names of the service's IAM actions; guide, ZH:7390-7433. Shapes are ours.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import LINE, Shape, structure, text

RULES: Final = {
    "Enabled": "BooleanObject",
    "JournalingAddress": "JournalingMailAddress",
    "ReportAddress": "JournalingMailAddress",
}

SHAPES: Final[dict[str, Shape]] = {
    "JournalingMailAddress": text(3, 254, f"{LINE}+", "One address without a display name."),
    "SetJournalingRulesRequest": structure("OrganizationId Enabled", OrganizationId="OrganizationId", **RULES),
    "SetJournalingRulesResponse": structure(""),
    "GetJournalingRulesRequest": structure("OrganizationId", OrganizationId="OrganizationId"),
    "GetJournalingRulesResponse": structure("", **RULES),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "SetJournalingRules": (
        "Switches journaling on or off, from the next message on. While it is on, the journaling address gets a "
        "journal report of every message to or from a user, and the report address a notice of every report that "
        "fails. Both are needed to switch it on; an address that is not given stays as it is.",
        (),
    ),
    "GetJournalingRules": ("Describes journaling. It is off for a new organization.", ()),
}

LISTS: Final[dict[str, str]] = {}
"""Operations that answer pages: none."""
