"""Tags that let Postroom use a role or bucket for an organization."""

from __future__ import annotations

import pytest

from postroom.model.consent import ALL, EVENT_LOG, MAILBOX_EXPORT, given

MINE = "m-" + "a" * 32
OTHER = "m-" + "b" * 32


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({EVENT_LOG: MINE}, True),
        ({EVENT_LOG: f"{OTHER} {MINE}"}, True),
        ({EVENT_LOG: ALL}, True),
        ({EVENT_LOG: OTHER}, False),
        ({EVENT_LOG: ""}, False),
        ({EVENT_LOG: f"{MINE}0"}, False),
        ({EVENT_LOG: f"{OTHER},{MINE}"}, False),
        ({MAILBOX_EXPORT: MINE}, False),
        ({}, False),
    ],
)
def test_a_tag_names_the_organizations_that_may_use_a_resource(tags: dict[str, str], expected: bool) -> None:
    assert given(tags, EVENT_LOG, MINE) is expected
