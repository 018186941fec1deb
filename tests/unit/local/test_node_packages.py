"""What Lambda's Node.js runtimes bring, for functions and layers that list none of it. npm asks a registry of ours."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from local.errors import TemplateError
from local.functions.function import Function
from local.functions.installs import Installs
from local.functions.node_packages import is_brought, needed, with_sdk
from tests.support.local_lambda import LocalLambda
from tests.support.npm_registry import NpmRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm")

VERSION = 'exports.version = require("./package.json").version;\n'
SDK = {"@aws-sdk/client-one": VERSION, "@aws-sdk/client-two": VERSION, "aws-sdk": VERSION}


@pytest.fixture(scope="module")
def registry() -> Iterator[NpmRegistry]:
    registry = NpmRegistry(SDK)
    yield registry
    registry.close()


@pytest.fixture
def installs(registry: NpmRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installs:
    registry.asked.clear()
    monkeypatch.setenv("npm_config_registry", registry.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return Installs(tmp_path / "cache")


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def function(folder: Path, *layers: Path, handler: str = "app.handler", runtime: str = "nodejs20.x") -> Function:
    return Function("one", "One", handler, folder, runtime, layers=layers, timeout_s=20)


def answer(folder: Path, made: Function) -> Any:
    service = LocalLambda(folder, [made])
    try:
        return service.invoke({}, "one")[0]
    finally:
        service.close()


COMMON = 'const one = require("@aws-sdk/client-one"); exports.handler = async () => one.version;'
MODULE = 'import one from "@aws-sdk/client-one"; export const handler = async () => one.version;'


@pytest.mark.parametrize("files", [{"app.js": COMMON}, {"app.mjs": MODULE}], ids=["require", "import"])
def test_a_function_gets_the_sdk_of_its_runtime_and_its_folder_stays_as_it_is(
    tmp_path: Path, installs: Installs, registry: NpmRegistry, files: Mapping[str, str]
) -> None:
    folder = written(tmp_path / "src", files)
    made, notes = with_sdk(function(folder), installs)
    assert notes == []
    assert answer(tmp_path, made) == "3.2.0", "the last of the versions that are pinned, not the latest"
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    registry.asked.clear()
    assert with_sdk(function(folder), installs) == (made, [])
    assert registry.asked == [], "it is installed once"


def test_a_functions_own_package_wins_then_a_layers_then_the_runtimes(tmp_path: Path, installs: Installs) -> None:
    names = ("client-one", "client-two", "client-three")
    requires = " ".join(f'exports.{name[7:]} = require("@aws-sdk/{name}").version;' for name in names)
    code = "exports.handler = async () => [exports.one, exports.two, exports.three];"
    folder = written(
        tmp_path / "src",
        {"app.js": requires + code, "node_modules/@aws-sdk/client-three/index.js": 'exports.version = "own";'},
    )
    layer = written(
        tmp_path / "layer",
        {
            "nodejs/node_modules/@aws-sdk/client-two/index.js": 'exports.version = "layer";',
            "nodejs/node_modules/@aws-sdk/client-three/index.js": 'exports.version = "layer";',
        },
    )
    made, notes = with_sdk(function(folder, layer), installs)
    assert notes == []
    assert answer(tmp_path, made) == ["3.2.0", "layer", "own"]


@pytest.mark.parametrize("ending", ["js", "mjs"])
def test_modules_that_a_layer_requires_are_installed_too(tmp_path: Path, installs: Installs, ending: str) -> None:
    files = {
        "js": 'const shared = require("shared"); exports.handler = async () => shared.one;',
        "mjs": 'import * as shared from "shared"; export const handler = async () => shared.one;',
    }
    shared = {
        "js": {"index.js": 'exports.one = require("@aws-sdk/client-one").version;'},
        "mjs": {
            "package.json": json.dumps({"exports": {"import": "./in.mjs"}}),
            "in.mjs": 'import sdk from "@aws-sdk/client-one"; export const one = sdk.version;',
        },
    }
    layer = {f"nodejs/node_modules/shared/{name}": text for name, text in shared[ending].items()}
    folder = written(tmp_path / "src", {f"app.{ending}": files[ending]})
    made, notes = with_sdk(function(folder, written(tmp_path / "layer", layer)), installs)
    assert notes == []
    assert answer(tmp_path, made) == "3.2.0"


@pytest.mark.parametrize(
    "files",
    [
        {"app.js": 'const { word } = require("/opt/nodejs/words"); exports.handler = async () => word;'},
        {"app.mjs": 'import { word } from "/opt/nodejs/words.js"; export const handler = async () => word;'},
    ],
    ids=["require", "import"],
)
def test_a_file_below_opt_is_the_last_layers(tmp_path: Path, installs: Installs, files: Mapping[str, str]) -> None:
    layers = [written(tmp_path / word, {"nodejs/words.js": f'exports.word = "{word}";'}) for word in ("first", "last")]
    made, notes = with_sdk(function(written(tmp_path / "src", files), *layers), installs)
    assert (notes, answer(tmp_path, made)) == ([], "last")


def test_a_layer_may_have_packages_for_one_version_of_node(tmp_path: Path, installs: Installs) -> None:
    layer = written(
        tmp_path / "layer",
        {
            "nodejs/node20/node_modules/words/index.js": 'exports.word = "for 20";',
            "nodejs/node_modules/words/index.js": 'exports.word = "for all";',
        },
    )
    folder = written(tmp_path / "src", {"app.mjs": 'import w from "words"; export const handler = async () => w.word;'})
    assert answer(tmp_path, with_sdk(function(folder, layer), installs)[0]) == "for 20"


def test_a_module_that_is_still_missing_is_named_with_function_and_file(tmp_path: Path, installs: Installs) -> None:
    folder = written(
        tmp_path / "src",
        {
            "app.js": 'require("node:fs"); require("fs/promises"); require("./inner");\n'
            'try { require("perhaps"); } catch {}\n'
            'require("brought"); // require("in a comment")\nconst text = \'require("in a text")\';\n',
            "inner.js": 'require("moment/locale/de"); import("left-pad"); require("./gone"); require(process.argv[2]);',
            "node_modules/brought/package.json": json.dumps({"dependencies": {"needed": "1"}}),
            "node_modules/brought/index.js": 'require("needed"); require("optional-native");',
        },
    )
    _, notes = with_sdk(function(folder), installs)
    assert sorted(notes) == [
        f"One: there is no module ./gone, which {folder}/inner.js needs",
        f"One: there is no module left-pad, which {folder}/inner.js needs",
        f"One: there is no module moment, which {folder}/inner.js needs",
        f"One: there is no module needed, which {folder}/node_modules/brought/index.js needs",
    ]


def test_a_package_of_the_sdk_that_does_not_exist_is_named_and_the_others_are_installed(
    tmp_path: Path, installs: Installs
) -> None:
    folder = written(tmp_path / "src", {"app.js": f'{COMMON} exports.late = () => require("@aws-sdk/client-onee");'})
    made, notes = with_sdk(function(folder), installs)
    assert notes == [f"One: there is no module @aws-sdk/client-onee, which {folder}/app.js needs"]
    assert answer(tmp_path, made) == "3.2.0"


def test_a_registry_that_does_not_answer_is_one_line(
    tmp_path: Path, installs: Installs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    made, notes = with_sdk(function(written(tmp_path / "src", {"app.js": COMMON})), installs)
    assert made.packages == ()
    (note,) = notes
    assert note.startswith("One: the AWS SDK that Lambda's runtime brings (@aws-sdk/client-one): npm error")
    assert "\n" not in note


def test_a_note_says_that_npm_is_missing(tmp_path: Path, installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    node = shutil.which("node")
    monkeypatch.setattr("shutil.which", lambda name: node if name == "node" else None)
    _, notes = with_sdk(function(written(tmp_path / "src", {"app.js": COMMON})), installs)
    assert notes == [
        "One: the AWS SDK that Lambda's runtime brings (@aws-sdk/client-one) is not installed, "
        "for there is no npm on PATH"
    ]


@pytest.mark.parametrize(
    ("runtime", "module", "expected"),
    [
        ("nodejs18.x", "@aws-sdk/client-s3", True),
        ("nodejs22.x", "@smithy/node-http-handler", True),
        ("nodejs20.x", "aws-sdk", False),
        ("nodejs16.x", "aws-sdk", True),
        ("nodejs16.x", "@aws-sdk/client-s3", False),
        ("nodejs20.x", "moment", False),
    ],
)
def test_each_runtime_brings_its_own_sdk(runtime: str, module: str, expected: bool) -> None:
    assert is_brought(runtime, module) == expected


def test_a_file_of_a_syntax_that_is_not_known_gets_the_sdk_all_the_same(tmp_path: Path, installs: Installs) -> None:
    future = 'import one from "@aws-sdk/client-one" with until { type: "later" };\nimport "left-pad"; const @ = 1;\n'
    made, notes = with_sdk(function(written(tmp_path / "src", {"app.mjs": future})), installs)
    assert (len(made.packages), notes) == (1, [])


def test_files_that_cannot_be_read_are_left_to_node(tmp_path: Path) -> None:
    folder = written(tmp_path / "src", {"app.js": 'require("./broken"); require("./data.json");', "broken.js": "((("})
    (folder / "data.json").write_text("{}")
    assert needed(function(folder)) == []
    assert needed(function(folder, handler="nothing.handler")) == []


def test_a_node_that_cannot_do_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "local.functions.node_packages._SCRIPT", written(tmp_path, {"no.mjs": "throw new Error('no')"}) / "no.mjs"
    )
    folder = written(tmp_path / "src", {"app.js": ""})
    with pytest.raises(TemplateError, match=r"^One: the modules that it needs cannot be read with this node: .*Error"):
        needed(function(folder))


V2 = {
    "package.json": json.dumps({"name": "aws-sdk", "main": "lib/aws.js"}),
    "lib/aws.js": 'require("./node_loader"); module.exports = require("./core");',
    "lib/core.js": "exports.config = {};",
    "lib/node_loader.js": 'const AWS = require("./core");\n'
    "AWS.config = { update(options, allowUnknownKeys) { if (allowUnknownKeys) Object.assign(this, options); } };",
}


@pytest.mark.parametrize(
    "files",
    [
        {"app.js": 'const AWS = require("aws-sdk"); exports.handler = async () => AWS.config;'},
        {"app.mjs": 'import AWS from "aws-sdk"; export const handler = async () => AWS.config;'},
    ],
    ids=["require", "import"],
)
def test_version_2_of_the_sdk_gets_the_endpoints_of_the_services(tmp_path: Path, files: Mapping[str, str]) -> None:
    folder = written(tmp_path / "src", {**files, **{f"node_modules/aws-sdk/{name}": text for name, text in V2.items()}})
    variables = {"AWS_ENDPOINT_URL_WORKMAILMESSAGEFLOW": "http://flow"}
    made = replace(function(folder, runtime="nodejs16.x"), environment=variables)
    assert answer(tmp_path, made) == {
        "endpoint": "http://x",
        "s3ForcePathStyle": True,
        "workmailmessageflow": {"endpoint": "http://flow"},
    }
