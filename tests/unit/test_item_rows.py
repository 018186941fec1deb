"""An item's row: what follows from the rest is left out, and comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroom.adapters.aws.mailbox_rows import item_from_row, item_row
from postroom.model.mailbox import Item

NEW = Item(
    id="00000000000a-" + "c" * 32,
    uids={"INBOX": 3},
    blob=f"mail/m-1/ann/{'c' * 32}",
    size=100,
    summary=b"sealed",
    item_class="IPM.Note",
    conversation="d" * 32,
    received=1,
    created=2,
    modified=2,
    has_attachments=False,
    change_key=10,
    content_modseq=10,
    read_modseq=10,
    read=False,
)


@pytest.mark.parametrize(
    "item",
    [
        NEW,
        replace(NEW, modified=5, change_key=11, content_modseq=12, read_modseq=13),
        replace(NEW, blob=f"mail/m-1/ben/{'c' * 32}"),  # a copy of another mailbox's
        replace(NEW, blob=f"mail/m-1/joann/{'c' * 32}"),
        replace(NEW, blob=f"mail/m-1/ann/{'e' * 32}"),
        replace(NEW, read=True, flags=("\\Flagged",), keywords=("k",), categories=("b", "a")),
    ],
)
def test_an_item_comes_back_as_it_was(item: Item) -> None:
    expected = replace(item, categories=tuple(sorted(item.categories)))
    assert item_from_row(item_row("ann", item)) == expected


def test_a_new_items_row_does_not_say_twice_what_its_id_says() -> None:
    row = item_row("ann", NEW)
    assert row["blob"] == {"S": "mail/m-1/"}
    assert not {"modified", "change", "modseq", "readseq"} & set(row)
