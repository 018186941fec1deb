"""The AWS CLI's own examples, as it documents them, replayed by the AWS CLI itself against the function.

The directory is filled with the ids that the examples name (ids are stored, never derived). An example's output is
golden as far as it goes: ours may say more (DisplayName, HiddenFromGlobalAddressList …), never something else.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awscli  # type: ignore[import-untyped]  # has no stubs
import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # has no stubs

from postroom.admin.operations import OPERATIONS
from postroom.bootstrap import admin_api
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import (
    AddressClaim,
    AliasClaim,
    Delegation,
    Domain,
    DomainState,
    Entity,
    Insert,
    Membership,
    NameClaim,
    Organization,
    OrganizationState,
)
from postroom.model.resources import BookingOptions, ResourceType

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.bootstrap.admin_api import AdminApiSettings
    from postroom.model.records import Change

EXAMPLES = Path(awscli.__file__).parent / "examples" / "workmail"
ORGANIZATION = "m-d281d0a2fd824be5b6cd3d3ce909fd27"
USER = "S-1-1-11-1111111111-2222222222-3333333333-3333"
GROUP = "S-1-1-11-1122222222-2222233333-3333334444-4444"
ROOM = "r-7afe0efbade843a58cdc10251fce992c"
ROOM_WITH_DELEGATES = "r-68bf2d3b1c0244aab7264c24b9217443"
DISABLED = {"delete-user", "delete-group", "delete-resource", "list-groups", "register-to-work-mail"}
"""Examples that want their entity disabled."""

NEW_NAMES = {"create-alias", "create-group", "create-resource", "create-user"}
"""Examples that want the names of the others free."""

OF_TWO_USERS = {"delete-mailbox-permissions", "list-mailbox-permissions", "put-mailbox-permissions"}
"""Examples in which the id of the other examples' group is that of a user."""

INVALID = {
    "delete-access-control-rule",
    "get-access-control-effect",
    "get-mailbox-details",
    "list-access-control-rules",
    "put-access-control-rule",
    "update-mailbox-quota",
}
"""Examples whose organization id violates the service's own pattern; ours refuses it, as WorkMail would."""

ANYTHING = {"UserId", "GroupId", "EnabledDate", "CompletedDate", "ARN", "DirectoryId", "DefaultMailDomain", "Alias"}
"""Members whose example values no directory could hold together; that they are there is checked."""

NEW_IDS = {"create-resource": {"ResourceId"}}
"""Members of examples that are new ids; that they are there is checked."""


def operation_of(stem: str) -> str:
    return "".join(word.capitalize() for word in stem.split("-"))


NAMES = sorted(path.stem for path in EXAMPLES.glob("*.rst") if operation_of(path.stem) in OPERATIONS)


def parts(stem: str) -> tuple[list[str], Any]:
    """Return an example's arguments after ``aws``, and its output; None where it has none."""
    text = (EXAMPLES / f"{stem}.rst").read_text("utf-8")
    text = text.replace("    ws workmail ", "    aws workmail ")  # disassociate-delegate-from-resource has this slip
    command = text[text.index("    aws workmail ") :].partition("\n\n")[0]
    words = shlex.split(command.replace("\\\n", " ").replace("$$", "\\$\\$"))
    _, _, shown = text.partition("Output::")
    if not shown:
        return words[1:], None
    block = "\n".join(line for line in shown.splitlines() if line.startswith("    "))
    return words[1:], json.loads(block)


def entity(entity_id: str, kind: EntityKind, name: str, *, enabled: bool, role: Role | None) -> Entity:
    return Entity(
        organization_id=ORGANIZATION,
        id=entity_id,
        kind=kind,
        name=name,
        state=EntityState.ENABLED if enabled else EntityState.DISABLED,
        created=1,
        role=role,
        email=f"{name}@site.awsapps.com" if enabled else None,
        aliases=("exampleAlias@site.awsapps.com", "exampleAlias1@site.awsapps.com") if name == "exampleUser1" else (),
        attributes={"DisplayName": ""} if kind is EntityKind.USER else {},
        enabled=1_532_459_261_827 if enabled else None,
        resource_type=ResourceType.ROOM if kind is EntityKind.RESOURCE else None,
        booking_options=BookingOptions() if kind is EntityKind.RESOURCE else None,
    )


def fill(settings: AdminApiSettings, *, enabled: bool, tail: str, room_id: str, of_two_users: bool) -> None:
    """Write what the examples take for granted; ``tail`` makes names other than the examples'."""
    organization = Organization(
        id=ORGANIZATION,
        arn=f"arn:aws:workmail:us-east-1:123456789012:organization/{ORGANIZATION}",
        alias="exampleAlias",
        state=OrganizationState.ACTIVE,
        directory_id="d-926726012c",
        kms_key_arn=settings.stack_key_arn,
        default_domain="site.awsapps.com",
        fingerprint="",
        created=1,
        completed=1_522_693_605_468,
    )
    domain = Domain(
        name="site.awsapps.com", organization=organization.ref, is_test=True, state=DomainState.ACTIVE, verified=True
    )
    user = entity(USER, EntityKind.USER, f"exampleUser1{tail}", enabled=enabled, role=Role.USER)
    guest = entity("S-1-1-99-guest", EntityKind.USER, "exampleGuestUser", enabled=False, role=Role.SYSTEM_USER)
    kind, role = (EntityKind.USER, Role.USER) if of_two_users else (EntityKind.GROUP, None)
    group = entity(GROUP, kind, f"exampleGroup1{tail}", enabled=enabled, role=role)
    room = entity(room_id, EntityKind.RESOURCE, f"exampleRoom1{tail}", enabled=enabled, role=Role.RESOURCE)
    delegation = Delegation(
        organization_id=ORGANIZATION, resource_id=room_id, delegate_id=USER, delegate_kind=EntityKind.USER
    )
    changes: list[Change] = [
        Insert(delegation),
        Insert(organization),
        Insert(AliasClaim(alias="examplealias", organization_id=ORGANIZATION)),
        Insert(domain),
        Insert(Membership(organization_id=ORGANIZATION, group_id=GROUP, member_id=USER, member_kind=EntityKind.USER)),
    ]
    for one in (user, guest, group, room):
        name = NameClaim(organization_id=ORGANIZATION, name=one.name.lower(), entity_id=one.id, kind=one.kind)
        changes += [Insert(one), Insert(name)]
        changes += [
            Insert(AddressClaim(address=address, organization_id=ORGANIZATION, entity_id=one.id, kind=one.kind))
            for address in one.addresses
        ]
    if of_two_users:
        granted = MailboxPermission(
            organization_id=ORGANIZATION,
            owner_id=USER,
            grantee_id=GROUP,
            grantee_kind=EntityKind.USER,
            permissions=(Permission.FULL_ACCESS,),
        )
        changes.append(Insert(granted))
    admin_api.context(settings).directory.commit(changes)


def golden(expected: Any, found: Any, anything: set[str], member: str = "") -> None:
    """Hold an answer against an example: what the example shows must be there, and be the same."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in found, f"{name} is missing"
            golden(value, found[name], anything, name)
    elif isinstance(expected, list):
        assert len(found) >= 1
        golden(expected[0], found[0], anything, member)
    elif member not in anything:
        assert found == expected, member
    else:
        assert isinstance(found, int | float) == isinstance(expected, int | float)


@pytest.mark.parametrize("stem", NAMES)
def test_the_example_works(
    stem: str,
    settings: AdminApiSettings,
    route: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(EXAMPLES.parents[1] / "data"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_CLI_HISTORY_FILE", str(tmp_path / "history"))
    room_id = ROOM_WITH_DELEGATES if "delegate" in stem else ROOM
    tail = "x" if stem in NEW_NAMES else ""
    fill(settings, enabled=stem not in DISABLED, tail=tail, room_id=room_id, of_two_users=stem in OF_TWO_USERS)
    arguments, expected = parts(stem)
    driver = create_clidriver()
    driver.session.register("before-send.workmail", route)
    status = driver.main(arguments)
    output = capsys.readouterr()
    if stem in INVALID:
        assert status != 0
        assert "InvalidParameterException" in output.err or "ValidationException" in output.err
        return
    assert status == 0, output.err
    if expected is not None:
        golden(expected, json.loads(output.out), ANYTHING | NEW_IDS.get(stem, set()))


def test_most_operations_have_an_example() -> None:
    assert len(NAMES) >= 20
