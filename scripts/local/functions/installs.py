"""Packages of customers' functions: what `sam build` would fetch, installed once and kept by content.

A cache entry is a folder named by the digest of everything that determines its content. It is made under another name
and renamed when it is complete: an installation that fails or is interrupted leaves no entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local.errors import TemplateError
from local.functions.runtimes import runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

INSTALL_SECONDS: Final = 900
"""How long pip or npm may take. Ours."""

_NOT_COPIED: Final = shutil.ignore_patterns("node_modules", "__pycache__", ".git", ".aws-sam")
_NPM_FILES: Final = ("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc")
_PIP: Final = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
_NPM: Final = ("install", "--omit=dev", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error")
_SDK: Final = {"@aws-sdk/": ">=3 <=3.901.0", "@smithy/": "<6", "@aws-crypto/": "<6", "aws-sdk": "2"}
"""Versions of what Lambda's Node.js runtimes bring: the last of the AWS SDK for JavaScript that take Node.js 18.

Each client names the versions of most that it depends on. A range and no single version, because not every package of
the SDK has every version; npm's --before pins more, but mirrors of the registry have days of their own.
"""

_SDK_OPTIONS: Final = (
    "--ignore-scripts",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-timeout=60000",
)
_UNKNOWN: Final = re.compile(r"npm error code (?:E404|ETARGET|ENOVERSIONS)")
"""What npm says of a package that the registry does not have, or not in these versions."""

_MOST_OF_A_CAUSE: Final = 300
"""Characters of the output of pip or npm that an error shows."""


class InstallError(TemplateError):
    """pip or npm failed; `said` is its whole output."""

    def __init__(self, message: str, said: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.said = said


class Installs:
    """The cache, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep where it is; it is made when something is installed."""
        self._folder = folder

    def python(self, owner: str, source: Path) -> tuple[Path, ...]:
        """Install what a folder's requirements.txt asks for; return the folders to look for modules in.

        Args:
            owner: named in errors and notes.
            source: the function's folder.

        Raises:
            TemplateError: pip cannot install it.
        """
        requirements = source / "requirements.txt"
        if not _asks_for_something(requirements):
            return ()
        text = requirements.read_bytes()
        # A requirement that is in the folder, or another file of requirements, is part of what decides.
        beside = _files(source) if _names_files(text.decode("utf-8", "replace")) else ()
        key = _digest("python", sys.version, text, _contents(source, beside))
        return (self._kept(key, lambda made: _pip(owner, source, made)),)

    def node(self, owner: str, source: Path, name: str) -> Path:
        """Install what a folder's package.json depends on; return the folder to run the function from.

        Node.js finds packages beside the code only, so that the code is copied next to them; without dependencies it
        runs where it is.

        Args:
            owner: named in errors and notes.
            source: the function's folder.
            name: of the copy; the last copy of that name becomes this one, file by file: a process may run from it.

        Raises:
            TemplateError: package.json cannot be read, or npm cannot install it.
        """
        if not _dependencies(owner, source):
            return source
        copy = self._folder / "code" / name
        packages = self._node_packages(owner, source) / "node_modules"
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            made = Path(folder) / name
            shutil.copytree(source, made, ignore=_NOT_COPIED, symlinks=True)
            (made / "node_modules").symlink_to(packages)
            _replace(copy, made)
        return copy

    def inline(self, name: str, file: str, code: str) -> Path:
        """Write the code that a template holds itself; return its folder.

        Args:
            name: of the folder; the last one of that name goes.
            file: Source: CloudFormation, "ZipFile": index, with the runtime's ending.
        """
        folder = self._folder / "code" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / file).write_text(code, "utf-8")
        return folder

    def sdk(self, owner: str, names: Sequence[str]) -> Path:
        """Install packages of the AWS SDK for JavaScript; return the node_modules that they are in.

        Those that the registry does not have are left out.

        Args:
            owner: named in errors and notes.
            names: of the packages, sorted: a function's own set, since it is one entry of the cache.

        Raises:
            TemplateError: npm is missing, or cannot install them.
        """
        key = _digest("sdk", *_specified(names))
        return self._kept(key, lambda made: _npm_sdk(owner, names, made)) / "node_modules"

    def layer(self, owner: str, source: Path, method: str | None) -> Path:
        """Return a layer's content as Lambda unpacks it to /opt.

        Args:
            owner: named in errors and notes.
            source: its ContentUri.
            method: Metadata's BuildMethod: a runtime, or None where the folder is the content already.

        Raises:
            TemplateError: it cannot be built.
        """
        if method is None:
            return source
        if method.startswith("python3."):
            inside, install = "python", _pip if _asks_for_something(source / "requirements.txt") else None
        elif method.startswith("nodejs"):
            inside, install = "nodejs", _npm if _dependencies(owner, source) else None
        else:
            raise TemplateError(f"{owner}: BuildMethod {method} is not executed here (python3.* and nodejs* are)")

        def make(made: Path) -> None:
            shutil.copytree(source, made / inside, ignore=_NOT_COPIED)
            if install is not None:
                install(owner, source, made / inside)

        key = _digest(inside, runtime(method).here(), sys.version, _contents(source, _files(source)))
        return self._kept(key, make)

    def _node_packages(self, owner: str, source: Path) -> Path:
        files = [source / name for name in _NPM_FILES if (source / name).is_file()]
        key = _digest("nodejs", runtime("nodejs").here(), _contents(source, files))

        def make(made: Path) -> None:
            for file in files:
                shutil.copy(file, made / file.name)
            _npm(owner, source, made)

        return self._kept(key, make)

    def _kept(self, key: str, make: Callable[[Path], None]) -> Path:
        """Return the entry of a key; make it if it is not there."""
        entry, making = self._folder / key, self._folder / f"{key}.making"
        if entry.is_dir():
            return entry
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            make(making)
            making.rename(entry)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return entry


def _pip(owner: str, source: Path, made: Path) -> None:
    command = [sys.executable, *_PIP, "--target", str(made), "--requirement", "requirements.txt"]
    # If its environment makes pip install elsewhere, it would refuse --target.
    environment = {name: value for name, value in os.environ.items() if name not in ("PIP_USER", "PIP_TARGET")}
    _run(owner, source / "requirements.txt", command, source, environment)


def _npm(owner: str, source: Path, made: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise TemplateError(f"{owner}: {source / 'package.json'} has dependencies, and there is no npm on PATH")
    _run(owner, source / "package.json", [npm, *_NPM], made, os.environ)
    # Packages of which all are optional may leave no folder.
    (made / "node_modules").mkdir(exist_ok=True)


def _npm_sdk(owner: str, names: Sequence[str], made: Path) -> None:
    npm, what = shutil.which("npm"), f"the AWS SDK that Lambda's runtime brings ({', '.join(names)})"
    if npm is None:
        raise TemplateError(f"{owner}: {what} is not installed, for there is no npm on PATH")
    (made / "package.json").write_text("{}", "utf-8")
    left = list(names)
    while left:
        try:
            _run(owner, what, [npm, *_NPM, *_SDK_OPTIONS, *_specified(left)], made, os.environ)
            break
        except InstallError as error:
            known = [name for name in left if not _is_named(name, error.said)]
            if known == left or not _UNKNOWN.search(error.said):
                raise
            left = known
    (made / "node_modules").mkdir(exist_ok=True)


def _specified(names: Iterable[str]) -> list[str]:
    """Return packages of the SDK as npm takes them, with their versions."""
    return [f"{name}@{next(_SDK[start] for start in _SDK if name.startswith(start))}" for name in names]


def _is_named(package: str, said: str) -> bool:
    return re.search(f"{re.escape(package)}(?![a-z0-9._-])", said) is not None


def _run(owner: str, asked: object, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    what = f"what {asked} asks for" if isinstance(asked, Path) else asked
    print(f"postroom: {owner}: installing {what} (once)", file=sys.stderr)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TemplateError(f"{owner}: {asked}: not installed within {INSTALL_SECONDS} s") from error
    if done.returncode != 0:
        raise InstallError(f"{owner}: {asked}: {_cause(done.stderr or done.stdout)}", done.stderr)


def _cause(said: str) -> str:
    """Return in one line why pip or npm failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    pip = [line for line in lines if line.startswith("ERROR: ")]
    npm = [line for line in lines if line.startswith("npm error ") and not line.startswith("npm error A complete log")]
    return " ".join(pip[-1:] or npm[:4] or lines[-1:] or ["failed without a word"])[:_MOST_OF_A_CAUSE]


def _asks_for_something(requirements: Path) -> bool:
    if not requirements.is_file():
        return False
    lines = requirements.read_text("utf-8", "replace").splitlines()
    return any(line.strip() and not line.strip().startswith("#") for line in lines)


def _replace(folder: Path, made: Path) -> None:
    """Move the files of one folder into another, each in one step; no file is missing meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    there, wanted = ({entry.name: entry for entry in each.iterdir()} for each in (folder, made))
    for name, entry in wanted.items():
        old = there.get(name)
        is_folder = entry.is_dir() and not entry.is_symlink()
        if old is not None and is_folder != (old.is_dir() and not old.is_symlink()):
            _remove(old)
        if is_folder:
            _replace(folder / name, entry)
        else:
            entry.replace(folder / name)
    for name in there.keys() - wanted.keys():
        _remove(there[name])


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _names_files(requirements: str) -> bool:
    lines = [line.strip() for line in requirements.splitlines()]
    return any(line.startswith(("-", ".", "/")) or "file:" in line for line in lines)


def _dependencies(owner: str, source: Path) -> Mapping[str, Any]:
    path = source / "package.json"
    if not path.is_file():
        return {}
    try:
        package = json.loads(path.read_text("utf-8"))
        found = {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}
    except (ValueError, AttributeError, TypeError) as error:
        raise TemplateError(f"{owner}: {path}: {error}") from error
    return found


def _files(folder: Path) -> list[Path]:
    ignored = {"node_modules", "__pycache__", ".git", ".aws-sam"}
    found = [path for path in folder.rglob("*") if not ignored & set(path.relative_to(folder).parts)]
    return sorted(path for path in found if path.is_file())


def _contents(folder: Path, files: Iterable[Path]) -> str:
    return _digest(*(part for file in files for part in (str(file.relative_to(folder)), file.read_bytes())))


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
