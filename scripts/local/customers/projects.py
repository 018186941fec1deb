"""Customers' own functions: the SAM projects of `--functions`, deployed beside ours."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cli.errors import UsageError
from cli.repository import STACK_NAME
from local.errors import TemplateError
from local.functions.installs import Installs
from local.functions.invocations import UnknownFunctionError
from local.sources import mappings
from local.template.env_vars import EnvVars
from local.template.parameters import MissingParametersError, read_pairs
from local.template.project import Project, template_path
from local.template.reading import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.service import LambdaService

_LONGEST_NAME: Final = 30
"""Characters of a stack's name that we make of a folder's: names of buckets, which begin with it, end at 63."""


class Customers:
    """The projects of `--functions`, with `--env-vars` and `--parameter-overrides`."""

    def __init__(self, folders: Sequence[Path], env_vars: Path | None, overrides: Sequence[str] = ()) -> None:
        """Check what can be refused before anything is started.

        Raises:
            UsageError: a folder is missing or given twice, the file of variables cannot be read, or overrides
                are not of the form `Key=Value`.
        """
        self._folders = [folder.resolve() for folder in folders]
        for folder in self._folders:
            if folder.is_file():
                raise UsageError(f"--functions {folder}: not a folder; name the one that the project's template is in")
            if not folder.is_dir():
                raise UsageError(f"--functions {folder}: there is no such folder")
        if len(set(self._folders)) < len(self._folders):
            raise UsageError("--functions: the same folder is given twice")
        if env_vars is not None and not self._folders:
            raise UsageError("--env-vars is for the functions of --functions, and there are none")
        if overrides and not self._folders:
            raise UsageError("--parameter-overrides is for the templates of --functions, and there are none")
        self._asked: dict[str, str] = {}
        for text in overrides:
            self._asked |= read_pairs(text, "--parameter-overrides")
        self._env_vars = EnvVars(env_vars)

    def deploy(self, aws: Aws, packages: Path, exports: Mapping[str, str]) -> list[Project]:
        """Make the resources of every project, and read its functions.

        Args:
            aws: the emulator.
            packages: folder that keeps installed packages from one run to the next.
            exports: what `up` exports; functions see it, too, unless their template or the file says otherwise.

        Raises:
            TemplateError: a template cannot be deployed, or packages cannot be installed.
        """
        projects = self._read(aws, Installs(packages))
        for project in projects:
            project.deploy()
            project.functions = [self._with_variables(function, exports) for function in project.functions]
            named = ", ".join(sorted(function.name for function in project.functions)) or "none"
            project.notes.insert(0, f"functions of {project.folder}: {named}")
            project.events, notes = mappings.executed(project.events)
            project.notes += notes
        functions = [function for project in projects for function in project.functions]
        if projects and (unused := self._env_vars.unused(functions)):
            projects[0].notes.append(f"--env-vars names {', '.join(unused)}, and there is no such function")
        return projects

    def _read(self, aws: Aws, installs: Installs) -> list[Project]:
        """Read every template; what is missing in any of them is reported at once."""
        if self._asked:
            templates = [load(template_path(folder)) for folder in self._folders]
            known = {name for template in templates for name in template.get("Parameters") or ()}
            if unknown := sorted(set(self._asked) - known):
                raise UsageError(f"--parameter-overrides: no template has a parameter {', '.join(unknown)}")
        projects: list[Project] = []
        missing: list[str] = []
        for folder, name in _stack_names(self._folders).items():
            try:
                projects.append(Project(folder, name, aws, {}, installs, self._asked))
            except MissingParametersError as error:
                missing.append(str(error))
        if missing:
            raise MissingParametersError("; ".join(missing))
        return projects

    def _with_variables(self, function: Function, exports: Mapping[str, str]) -> Function:
        environment = {**function.environment, **self._env_vars.of(function)}
        return replace(function, exports=exports, environment=environment)


def refuse_same_names(projects: Iterable[Project], ours: Project) -> None:
    """Refuse two functions that share a name; a customer may use a logical id of ours.

    Raises:
        UsageError: it says which, and where they are.
    """
    found: dict[str, tuple[Project, str]] = {one.name: (ours, one.logical_id) for one in ours.functions}
    for project in projects:
        for function in project.functions:
            for name in {function.name, function.logical_id}:
                other, logical_id = found.setdefault(name, (project, function.logical_id))
                if (other, logical_id) != (project, function.logical_id):
                    raise UsageError(f"two functions are called {name}: in {other.path} and in {project.path}")


def deploy_permissions(projects: Iterable[Project], service: LambdaService) -> None:
    """Put every AWS::Lambda::Permission into its function's resource policy.

    Raises:
        TemplateError: it names no function that runs here, or lacks a member.
    """
    for project in projects:
        for permission in project.permissions:
            try:
                service.allow(permission.statement_id, permission.properties)
            except UnknownFunctionError as error:
                raise TemplateError(f"{project.path}: {permission.statement_id}: no function {error} here") from error
            except KeyError as error:
                raise TemplateError(f"{project.path}: {permission.statement_id}: no {error.args[0]}") from error


def _stack_names(folders: Iterable[Path]) -> dict[Path, str]:
    """Return each folder's stack name: its own as CloudFormation allows it, numbered where two would be the same."""
    names: dict[Path, str] = {}
    for folder in folders:
        words = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:_LONGEST_NAME] or "functions"
        taken, name, number = {*names.values(), STACK_NAME}, words, 2
        while name in taken:
            name, number = f"{words}-{number}", number + 1
        names[folder] = name
    return names
