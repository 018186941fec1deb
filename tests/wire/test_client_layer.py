"""The folder for AWS_DATA_PATH: stock clients sign for API Gateway, and nothing of the service is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import botocore.loaders
import pytest

from contracts import extra_operations, generate

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import boto3, json
answer = {}
for name, call in (("workmail", lambda c: c.list_organizations()),
                   ("workmailmessageflow", lambda c: c.get_raw_message_content(messageId="m"))):
    client = boto3.client(name, "us-east-1", endpoint_url="http://127.0.0.1:9")
    def stop(request, **_):
        raise InterruptedError(request.headers["Authorization"].decode())
    client.meta.events.register("before-send", stop)
    try:
        call(client)
    except Exception as error:
        signed = str(error)
    answer[name] = [signed.split("/aws4_request")[0].rsplit("/", 1)[1], len(client.meta.service_model.operation_names)]
print(json.dumps(answer))
"""


@pytest.mark.parametrize(
    ("data_path", "name", "ours"), [(True, "execute-api", len(extra_operations.OPERATIONS)), (False, None, 0)]
)
def test_clients_sign_for_the_api_gateway_and_know_our_operations(data_path: bool, name: str | None, ours: int) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    if data_path:
        environment["AWS_DATA_PATH"] = str(generate.CLIENT)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == {
        "workmail": [name or "workmail", 92 + ours],
        "workmailmessageflow": [name or "workmailmessageflow", 2],
    }


def test_the_folder_holds_the_whole_service_for_the_day_botocore_drops_it() -> None:
    folder = generate.CLIENT
    loader = botocore.loaders.Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)
    assert sorted(loader.list_available_services("service-2")) == ["workmail", "workmailmessageflow"]
    for service in generate.SERVICES:
        model = loader.load_service_model(service, "service-2")
        original = generate.load(service)
        expected = generate.with_ours(original) if service == "workmail" else original
        assert set(model["operations"]) == set(expected["operations"])
        assert set(model["shapes"]) == set(expected["shapes"])
        assert model["metadata"] == original["metadata"] | {"signingName": "execute-api"}
        assert '"documentation"' not in (folder / service / generate.SERVICES[service] / "service-2.json").read_text()


def test_lists_of_ours_are_paged_like_the_others() -> None:
    loader = botocore.loaders.Loader(extra_search_paths=[str(generate.CLIENT)])
    pages = loader.load_service_model("workmail", "paginators-1")["pagination"]
    assert set(pages) >= {"ListUsers", *extra_operations.PAGINATORS}
    assert set(extra_operations.PAGINATORS) == {name for name in extra_operations.OPERATIONS if name.startswith("List")}


def test_a_name_that_botocore_comes_to_have_is_noticed() -> None:
    original = generate.load("workmail")
    operations = original["operations"] | {"DeleteInboundMailFlowRule": {}}
    with pytest.raises(ValueError, match="operations itself by now: DeleteInboundMailFlowRule"):
        generate.with_ours(original | {"operations": operations})


def test_generated_files_are_up_to_date_with_botocore() -> None:
    stale = [str(path) for path, text in generate.artefacts().items() if path.read_text("utf-8") != text]
    assert stale == []


def test_the_check_finds_files_that_are_not_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ROOT", "MODELS", "CLIENT"):
        monkeypatch.setattr(generate, name, tmp_path)
    assert generate.main(["--check"]) == 1
    assert "out of step" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "shapes.py").write_text("")
    assert generate.main(["--check"]) == 1
