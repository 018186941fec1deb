"""`postroom mailbox`: the messages of a mailbox as its index lists them, and the exact bytes of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import organizations, output, running
from cli.errors import RefusedError
from postroom.model.folders import Folder
from postroom.model.mailbox import Counters
from postroom.summaries import open_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.bootstrap.operator import Operator
    from postroom.model.mailbox import FolderInfo, Head, Item
    from postroom.ports.mailboxes import Mailboxes

app = typer.Typer(help="Read the messages of a mailbox.", no_args_is_help=True)

SEEN: Final = "\\Seen"
"""IMAP's flag of a read message. Source: RFC 9051."""

STANDARD: Final = frozenset(Folder)

LAST_UID: Final = 2**32 - 1
"""IMAP's largest UID. Source: RFC 9051."""

User = Annotated[str, typer.Argument(metavar="USER", help="Any address of the user, or the id.", show_default=False)]
ItemId = Annotated[str, typer.Argument(metavar="ITEM", help="The id that `list` shows.", show_default=False)]


@app.command("list")
def list_(
    user: User,
    folder: Annotated[str | None, typer.Option(metavar="NAME", help="INBOX, JUNK_EMAIL …, or a path.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List messages by folder, oldest first."""
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        folders = _folders(operator.mailboxes.folders(head.mailbox_id), folder)
        rows = [row for path, each in folders for row in _rows(operator, head, path, each)]
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "folder", "from", "subject", "size", "date", "flags")
    cells = [
        (*(row[name] for name in columns[:4]), output.human_size(row["size"]), row["date"], " ".join(row["flags"]))
        for row in rows
    ]
    output.print_table(columns, cells, right=("size",), texts=("from", "subject"), with_ids=True)


@app.command("show")
def show(
    user: User,
    item: ItemId,
) -> None:
    """Write the exact bytes of a message.

    To a terminal, its text is written without control characters.
    """
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        found = operator.mailboxes.item(head.mailbox_id, item)
        if found is None:
            raise RefusedError(f"{user} has no message {item}")
        output.write_content(operator.content(head, found))


def find_mailbox(operator: Operator, user: str) -> Head:
    """Return the mailbox of a user, by any address or by id.

    Raises:
        RefusedError: no user has that address or id, the user has no mailbox, or the organization is being deleted.
    """
    head = operator.mailboxes.head(_mailbox_id(operator, user))
    if head is None:
        hint = "" if "@" in user else "; give an address, or the id of a user"
        raise RefusedError(f"{user} has no mailbox{hint}")
    if "@" not in user and not operator.owners.is_active(head.organization_id):  # with an address, its domain said so
        raise RefusedError(f"the organization of {user} is being deleted")
    return head


def _mailbox_id(operator: Operator, user: str) -> str:
    if "@" not in user:
        return user
    organization_id, address = organizations.of_address(operator, user)
    found = operator.directory.resolve(organization_id, [address]).get(address)
    if found is None:
        raise RefusedError(f"no user has the address {user}")
    return found.entity_id


def all_items(mailboxes: Mailboxes, mailbox_id: str, folder: str, *, before_uid: int = LAST_UID + 1) -> Iterator[Item]:
    """Yield every message of a folder by UID, a page at a time; with ``before_uid``, no query looks for later ones."""
    uid = 0
    while uid + 1 < before_uid and (page := mailboxes.items(mailbox_id, folder, after_uid=uid)):
        yield from page
        uid = page[-1].uids[folder]


def _folders(known: Sequence[FolderInfo], wanted: str | None) -> list[tuple[str, FolderInfo]]:
    """Return folders with their paths, ``Parent/Child``; only the wanted one if one is given.

    An id or a path is wanted, in any case; exactly what is written comes first, then a standard folder.
    """
    by_id = {folder.id: folder for folder in known}

    def path(folder: FolderInfo) -> str:
        parent = by_id.get(folder.parent or "")
        return f"{path(parent)}/{folder.name}" if parent else folder.name

    paths = [(path(folder), folder) for folder in known]
    if wanted is None:
        return paths
    fitting = [each for each in paths if wanted.lower() in (each[0].lower(), each[1].id.lower())]
    if not fitting:
        raise RefusedError(f"no folder {wanted}; there are {', '.join(sorted(each for each, _ in paths))}")
    return [min(fitting, key=lambda each: (wanted not in (each[0], each[1].id), each[1].id not in STANDARD))]


def _rows(operator: Operator, head: Head, path: str, folder: FolderInfo) -> Iterator[dict[str, Any]]:
    """Yield what `--json` shows: a documented interface. ``date`` is when the message was received, UTC."""
    known = head.folders.get(folder.id, Counters()).uid_next  # the head says without a query where a folder ends
    for item in all_items(operator.mailboxes, head.mailbox_id, folder.id, before_uid=known):
        key = operator.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        summary = open_summary(item.summary, mailbox_key=key, mailbox_id=head.mailbox_id, token=item.token)
        yield {
            "id": item.id,
            "folder": path,
            "uid": item.uids[folder.id],
            "from": summary.from_ or summary.from_address,
            "fromAddress": summary.from_address,
            "to": list(summary.to),
            "toIsCut": "to" in summary.is_cut,
            "deliveredTo": summary.delivered_to,
            "subject": summary.subject,
            "messageId": summary.message_id,
            "size": item.size,
            "date": output.rfc3339(item.received),
            "flags": [*([SEEN] if item.read else []), *item.flags],
        }
