"""Mobile device access rules and overrides: which devices may synchronize mail by Exchange ActiveSync.

A rule matches a device if all of its conditions hold; a rule without conditions matches every device. A condition lists
prefixes of one property that the device reports, in any case. ``$NONE`` in a list is for devices that do not report the
property. A negated condition never holds for these devices. Of the rules that match, one that denies wins; without a
rule that matches, the device is denied. An override decides for one user and device, whatever the rules say.

Source: guide, "Managing mobile device access rules" (ZH:6552-6671) and "overrides" (ZH:6673-6731); for what it does not
say, docs/parity.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from postroom.model.access_effect import AccessEffect
from postroom.model.owned import Owned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.model.records import Organization

MAX_DEVICE_RULES: Final = 10
"""Most rules of an organization. Source: botocore's model, MobileDeviceAccessRulesList."""

NOT_REPORTED: Final = "$none"
"""Lower-case form of the value for devices that do not report a property; in any case (ours)."""

DEFAULT_RULE_ID: Final = "default"
"""Id and name of the rule that a new organization has. Ours; the guide says only that there is one (ZH:6554)."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a device reports of itself when it is provisioned; an empty text is a property that it does not report."""

    type: str = ""
    model: str = ""
    operating_system: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRule(Owned):
    """A mobile device access rule. Each write also replaces the organization, whose version guards all of its rules.

    Lists are as given: their case and order are kept.

    Attributes:
        name: need not be unique; the API has no error for a name that is taken.
        created: milliseconds since the epoch, as ``modified``.
    """

    family: ClassVar[str] = "DEVICE_RULE"
    id: str
    name: str
    effect: AccessEffect
    description: str = ""
    types: tuple[str, ...] = ()
    not_types: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    not_models: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    not_operating_systems: tuple[str, ...] = ()
    user_agents: tuple[str, ...] = ()
    not_user_agents: tuple[str, ...] = ()
    created: int
    modified: int

    @property
    def key(self) -> str:
        """The id."""
        return self.id

    def matches(self, device: Device) -> bool:
        """Say whether all conditions hold for a device."""
        return (
            _holds(self.types, self.not_types, device.type)
            and _holds(self.models, self.not_models, device.model)
            and _holds(self.operating_systems, self.not_operating_systems, device.operating_system)
            and _holds(self.user_agents, self.not_user_agents, device.user_agent)
        )


def _holds(prefixes: Sequence[str], excluded: Sequence[str], value: str) -> bool:
    """Say whether both conditions on a property hold; an empty list is no condition."""
    if prefixes and not any(_begins(value, prefix) for prefix in prefixes):
        return False
    return not excluded or (value != "" and not any(_begins(value, prefix) for prefix in excluded))


def _begins(value: str, prefix: str) -> bool:
    """Lower case keeps the length of Latin-1 texts, unlike case folding, which has "s" as a prefix of "ß"."""
    lower = prefix.lower()
    return value == "" if lower == NOT_REPORTED else value.lower().startswith(lower)


@dataclass(frozen=True, slots=True)
class DeviceDecision:
    """Whether a device is allowed.

    Attributes:
        rules: the rules that match and have this effect, the oldest first; none if no rule matches or an override
            decides.
        overridden: an override for the user and the device decides.
    """

    effect: AccessEffect
    rules: tuple[DeviceRule, ...] = ()
    overridden: bool = False


def decide(rules: Iterable[DeviceRule], device: Device) -> DeviceDecision:
    """Decide by rules alone."""
    matching = [rule for rule in rules if rule.matches(device)]
    denying = tuple(rule for rule in matching if rule.effect is AccessEffect.DENY)
    if denying or not matching:
        return DeviceDecision(AccessEffect.DENY, denying)
    return DeviceDecision(AccessEffect.ALLOW, tuple(matching))


def rules_in_force(organization: Organization, stored: Iterable[DeviceRule]) -> tuple[DeviceRule, ...]:
    """Return the rules that apply, the oldest first.

    The default rule has no row until an organization's rules are changed for the first time; so organizations that were
    made before there were device rules have it, too.

    Args:
        stored: the rules that have rows.
    """
    if not organization.own_device_rules:
        return (default_rule(organization),)
    return tuple(sorted(stored, key=lambda rule: (rule.created, rule.id)))


def default_rule(organization: Organization) -> DeviceRule:
    """Return the rule of a new organization, which allows every device. Source: guide, ZH:6554; its texts are ours."""
    return DeviceRule(
        organization_id=organization.id,
        id=DEFAULT_RULE_ID,
        name=DEFAULT_RULE_ID,
        effect=AccessEffect.ALLOW,
        description="Default WorkMail Rule",
        created=organization.created,
        modified=organization.created,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOverride(Owned):
    """An override for one user and device.

    Attributes:
        device_id: in the case that was given last; ids that differ only in case are the same device.
        created: milliseconds since the epoch, as ``modified``.
    """

    family: ClassVar[str] = "DEVICE_OVERRIDE"
    user_id: str
    device_id: str
    effect: AccessEffect
    description: str = ""
    created: int
    modified: int

    @property
    def key(self) -> str:
        """See ``override_key``."""
        return override_key(self.user_id, self.device_id)


def override_key(user_id: str, device_id: str = "") -> str:
    """Return the key of an override, or what the keys of all overrides of a user begin with."""
    return f"{user_id}#{same_device(device_id)}"


def same_device(device_id: str) -> str:
    """Return a text that is the same for ids of the same device; "ß" is not "SS", so only ASCII ids change."""
    return device_id.upper() if device_id.isascii() else device_id
