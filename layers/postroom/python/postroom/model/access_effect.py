"""What a rule that matches does: access rules, mobile device access rules and the rules of impersonation roles."""

from __future__ import annotations

from enum import StrEnum


class AccessEffect(StrEnum):
    """Source: model, AccessControlRuleEffect, MobileDeviceAccessRuleEffect and AccessEffect."""

    ALLOW = "ALLOW"
    DENY = "DENY"
