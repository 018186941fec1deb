"""What tests share about AWS is what each would have made for itself."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from tests.support import quick  # noqa: F401 - tests/conftest.py has applied it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Hold one service with one operation."""
    version = tmp_path / "postal" / "2026-01-01"
    version.mkdir(parents=True)
    (version / "service-2.json").write_text(json.dumps({"operations": {"Send": {}}}))
    return tmp_path


def operations(*folders: Path) -> set[str]:
    loader: Any = Loader(extra_search_paths=[str(each) for each in folders])
    return set(loader.load_service_model("postal", "service-2")["operations"])


def test_what_one_session_adds_to_a_model_reaches_no_other(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    more = tmp_path_factory.mktemp("more")
    (more / "postal" / "2026-01-01").mkdir(parents=True)
    extras = more / "postal" / "2026-01-01" / "service-2.sdk-extras.json"
    extras.write_text(json.dumps({"merge": {"operations": {"Recall": {}}}}))
    assert operations(folder) == {"Send"}
    assert operations(folder, more) == {"Send", "Recall"}
    assert operations(folder, more) == {"Send", "Recall"}, "the extras are added to what no other session has changed"
    assert operations(folder) == {"Send"}


def test_a_model_that_changes_is_read_again(folder: Path) -> None:
    assert operations(folder) == {"Send"}
    (folder / "postal" / "2026-01-01" / "service-2.json").write_text(
        json.dumps({"operations": {"Send": {}, "Stop": {}}})
    )
    assert operations(folder) == {"Send", "Stop"}


def test_two_sessions_share_what_they_read(folder: Path) -> None:
    first, second = (Loader(extra_search_paths=[str(folder)]) for _ in range(2))
    read: list[Any] = [each.load_service_model("postal", "service-2") for each in (first, second)]
    assert read[0] is read[1]


def test_services_of_other_folders_are_found_beside_botocores_own(folder: Path) -> None:
    names = [Loader(extra_search_paths=each).list_available_services("service-2") for each in ([], [str(folder)])]
    assert set(names[1]) - set(names[0]) == {"postal"}
    assert {"s3", "sqs"} <= set(names[0])
    alone: Any = Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)
    assert alone.list_available_services("service-2") == ["postal"]


def test_clients_share_their_methods_and_no_handlers() -> None:
    session: Any = botocore.session.get_session()
    keys = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    first, second = (session.create_client("sqs", **keys) for _ in range(2))
    assert type(first).send_message is type(second).send_message
    called: list[str] = []
    first.meta.events.register("of-the-first", lambda **_: called.append("first"))
    second.meta.events.emit("of-the-first")
    assert called == []
