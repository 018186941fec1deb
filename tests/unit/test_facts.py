"""The ids of a flow."""

from __future__ import annotations

import re

import pytest

from postroom.model.facts import flow_message_id, trace_of, trace_of_message

TRACE = trace_of("ses-1", "m-1")


def test_a_flows_message_id_is_its_trace_as_a_uuid_and_leads_back_to_it() -> None:
    message_id = flow_message_id(TRACE)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", message_id)
    assert trace_of_message(message_id) == TRACE


def test_the_same_message_in_two_organizations_is_two_flows() -> None:
    assert trace_of("ses-1", "m-2") != TRACE


@pytest.mark.parametrize(
    "message_id",
    ["", TRACE, flow_message_id(TRACE).upper(), flow_message_id(TRACE) + "\n", f"{flow_message_id(TRACE)}-", "../x"],
)
def test_what_is_not_written_so_is_no_message_of_ours(message_id: str) -> None:
    assert trace_of_message(message_id) is None
