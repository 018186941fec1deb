"""Packages of functions, installed for real: from files, so that no index is asked."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from local.errors import TemplateError
from local.functions.installs import Installs, _replace
from tests.support.customers import npm_package, wheel

if TYPE_CHECKING:
    from pathlib import Path

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm on PATH")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every command that was run, and it was run."""
    seen: list[list[str]] = []
    run: Any = subprocess.run

    def noted(command: list[str], **more: Any) -> Any:
        seen.append(command)
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", noted)
    return seen


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    folder.mkdir()
    wheel(folder, "greeting", "HELLO = 1\n")
    (folder / "requirements.txt").write_text("./greeting-1.0-py3-none-any.whl\n")
    return folder


def test_requirements_are_installed_once_and_the_source_stays_as_it_is(
    tmp_path: Path, source: Path, runs: list[list[str]]
) -> None:
    before = sorted(source.iterdir())
    (first,) = Installs(tmp_path / "cache").python("F", source)
    assert (first / "greeting.py").read_text() == "HELLO = 1\n"
    assert Installs(tmp_path / "cache").python("F", source) == (first,)
    assert len(runs) == 1
    assert sorted(source.iterdir()) == before


def test_other_content_is_installed_anew(tmp_path: Path, source: Path) -> None:
    cache = Installs(tmp_path / "cache")
    (first,) = cache.python("F", source)
    wheel(source, "greeting", "HELLO = 2\n")  # the requirements say the same, the file they name does not
    (second,) = cache.python("F", source)
    assert (second / "greeting.py").read_text() == "HELLO = 2\n"
    assert (first / "greeting.py").read_text() == "HELLO = 1\n"


@pytest.mark.parametrize("text", [None, "", "\n# nothing\n"])
def test_no_requirements_install_nothing(tmp_path: Path, runs: list[list[str]], text: str | None) -> None:
    if text is not None:
        (tmp_path / "requirements.txt").write_text(text)
    assert Installs(tmp_path / "cache").python("F", tmp_path) == ()
    assert runs == []


def test_a_package_that_pip_cannot_install_is_one_line_and_leaves_nothing(tmp_path: Path, source: Path) -> None:
    (source / "requirements.txt").write_text("./missing-1.0-py3-none-any.whl\n")
    with pytest.raises(TemplateError, match=r"F: .*requirements\.txt: ERROR: .*missing") as refused:
        Installs(tmp_path / "cache").python("F", source)
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "cache").iterdir()) == []
    (source / "requirements.txt").write_text("./greeting-1.0-py3-none-any.whl\n")
    assert Installs(tmp_path / "cache").python("F", source) != ()


def test_an_interrupted_installation_is_no_installation(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Installs(tmp_path / "cache").python("F", source)
    (made,) = Installs(tmp_path / "cache").python("F", source)
    assert (made / "greeting.py").is_file()


def test_a_layer_is_built_by_its_method(tmp_path: Path, source: Path) -> None:
    (source / "own.py").write_text("")
    layer = Installs(tmp_path / "cache").layer("L", source, "python3.12")
    assert {path.name for path in (layer / "python").glob("*.py")} == {"own.py", "greeting.py"}
    assert Installs(tmp_path / "cache").layer("L", source, None) == source


def test_a_layer_that_changed_is_built_anew(tmp_path: Path) -> None:
    source = tmp_path / "layer"
    source.mkdir()
    (source / "own.py").write_text("1")
    first = Installs(tmp_path / "cache").layer("L", source, "python3.12")
    (source / "own.py").write_text("2")
    second = Installs(tmp_path / "cache").layer("L", source, "python3.12")
    assert [(each / "python" / "own.py").read_text() for each in (first, second)] == ["1", "2"]


def test_a_layer_of_another_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="BuildMethod makefile is not executed here"):
        Installs(tmp_path / "cache").layer("L", tmp_path, "makefile")


class TestNode:
    @needs_npm
    def test_the_code_is_copied_beside_its_packages(self, tmp_path: Path, runs: list[list[str]]) -> None:
        source = self.source(tmp_path, f"file:{npm_package(tmp_path, 'greeting', 'exports.hello = 1;')}")
        code = Installs(tmp_path / "cache").node("F", source, "stack-F")
        assert (code / "app.js").read_text() == "1"
        assert (code / "node_modules" / "greeting" / "index.js").is_file()
        (source / "app.js").write_text("2")
        code = Installs(tmp_path / "cache").node("F", source, "stack-F")
        assert (code / "app.js").read_text() == "2"
        assert len([command for command in runs if "install" in command]) == 1
        assert not (source / "node_modules").exists()

    @needs_npm
    def test_a_package_that_npm_cannot_install_is_one_line_and_leaves_nothing(self, tmp_path: Path) -> None:
        source = self.source(tmp_path, f"file:{tmp_path}/missing-1.0.0.tgz")
        with pytest.raises(TemplateError, match=r"F: .*package\.json: npm error .*missing-1\.0\.0") as refused:
            Installs(tmp_path / "cache").node("F", source, "stack-F")
        assert "\n" not in str(refused.value)

    def test_without_npm_dependencies_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = self.source(tmp_path, "1.0.0")
        node = "/somewhere/node"
        monkeypatch.setattr("local.functions.runtimes.node", lambda: node)
        monkeypatch.setattr("local.functions.runtimes._node_version", lambda: "20")
        monkeypatch.setattr("shutil.which", lambda _name: None)
        with pytest.raises(TemplateError, match="there is no npm on PATH"):
            Installs(tmp_path / "cache").node("F", source, "stack-F")

    @pytest.mark.parametrize("package", [None, {}, {"type": "module"}, {"dependencies": {}}])
    def test_a_function_without_dependencies_runs_in_its_own_folder(
        self, tmp_path: Path, runs: list[list[str]], package: object
    ) -> None:
        if package is not None:
            (tmp_path / "package.json").write_text(json.dumps(package))
        assert Installs(tmp_path / "cache").node("F", tmp_path, "stack-F") == tmp_path
        assert runs == []

    @pytest.mark.parametrize("text", ["{", "[]", '{"dependencies": 1}'])
    def test_a_package_file_that_cannot_be_read_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "package.json").write_text(text)
        with pytest.raises(TemplateError, match=r"F: .*package\.json"):
            Installs(tmp_path / "cache").node("F", tmp_path, "stack-F")

    @staticmethod
    def source(tmp_path: Path, version: str) -> Path:
        source = tmp_path / "src"
        source.mkdir()
        (source / "app.js").write_text("1")
        (source / "package.json").write_text(json.dumps({"dependencies": {"greeting": version}}))
        return source


def test_a_copy_becomes_the_next_one_file_by_file(tmp_path: Path) -> None:
    there, made, packages = tmp_path / "there", tmp_path / "made", tmp_path / "packages"
    for folder in (there, made, packages):
        folder.mkdir()
    (there / "same.js").write_text("1")
    (there / "gone.js").write_text("1")
    (there / "lib").mkdir()
    (there / "lib" / "gone.js").write_text("1")
    (there / "was a file").write_text("1")
    (there / "was a folder").mkdir()
    (there / "node_modules").symlink_to(tmp_path)
    open_file = (there / "same.js").open()
    (made / "same.js").write_text("2")
    (made / "lib").mkdir()
    (made / "lib" / "new.js").write_text("2")
    (made / "was a file").mkdir()
    (made / "was a folder").write_text("2")
    (made / "node_modules").symlink_to(packages)
    _replace(there, made)
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*")) == [
        "lib",
        "lib/new.js",
        "node_modules",
        "same.js",
        "was a file",
        "was a folder",
    ]
    assert (there / "same.js").read_text() == "2"
    assert (there / "node_modules").readlink() == packages
    with open_file:
        assert open_file.read() == "1"  # what a process has open, it keeps
    assert packages.is_dir()
