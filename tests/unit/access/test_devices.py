"""Whether a device of a user may synchronize: overrides first, then rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroom.access.devices import device_decision
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.model.access_effect import AccessEffect
from postroom.model.device_rules import Device, DeviceOverride, DeviceRule
from postroom.model.records import Insert
from tests.support.directory_records import organization

ALLOW, DENY = AccessEffect.ALLOW, AccessEffect.DENY
NEW = organization("m-1")
OWN = replace(NEW, own_device_rules=True)
DEVICE = "6APMEKPHCP2ND42VIJ4BR8ECD0"


def override(effect: AccessEffect, *, user: str = "ann", device: str = DEVICE) -> DeviceOverride:
    return DeviceOverride(organization_id="m-1", user_id=user, device_id=device, effect=effect, created=1, modified=1)


@pytest.mark.parametrize("overridden", [None, ALLOW, DENY])
@pytest.mark.parametrize("ruled", [None, ALLOW, DENY])
def test_an_override_decides_and_else_the_rules(overridden: AccessEffect | None, ruled: AccessEffect | None) -> None:
    directory = MemoryDirectory()
    if overridden:
        directory.commit([Insert(override(overridden, device=DEVICE.lower()))])
    if ruled:
        made = DeviceRule(organization_id="m-1", id="r", name="r", effect=ruled, created=1, modified=1)
        directory.commit([Insert(made)])
    found = device_decision(directory, OWN, "ann", DEVICE.title(), Device(type="iPhone"))
    assert found.effect is (overridden or ruled or DENY)
    assert found.overridden is (overridden is not None)
    assert [rule.id for rule in found.rules] == (["r"] if ruled and not overridden else [])


def test_an_override_is_for_one_user_and_one_device() -> None:
    directory = MemoryDirectory()
    directory.commit([Insert(override(DENY))])
    assert device_decision(directory, NEW, "ann", DEVICE, Device()).effect is DENY
    assert device_decision(directory, NEW, "bob", DEVICE, Device()).effect is ALLOW
    assert device_decision(directory, NEW, "ann", DEVICE[:-1], Device()).effect is ALLOW
