"""A SAM project on the local stack: its template deployed to the emulator, its functions ready to run."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import UsageError
from local.errors import TemplateError
from local.functions.node_packages import with_sdk
from local.functions.runtimes import RUNTIMES, runtime
from local.settings import ACCOUNT, REGION, function_arn
from local.template import function_properties, unexecuted
from local.template.makers import MAKERS, NOT_EXECUTED
from local.template.makers.base import Made, Resource
from local.template.parameters import MissingParametersError, overrides, values
from local.template.reading import ODD, Resolver, check, load
from local.template.unexecuted import placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.installs import Installs

_FUNCTION: Final = "AWS::Serverless::Function"
_LAYER: Final = "AWS::Serverless::LayerVersion"
_PERMISSION: Final = "AWS::Lambda::Permission"
_API: Final = "AWS::Serverless::Api"
_TEMPLATES: Final = ("template.yaml", "template.yml", "template.json")
"""Names of a template. Source: AWS, "sam build", --template-file."""
_NAME: Final = re.compile(r"[a-zA-Z0-9-_]{1,64}")
"""Source: Lambda API, CreateFunction, FunctionName."""

_MOST_OF_A_CAUSE: Final = 300
"""Characters of a refusal that a note carries."""

_IMPLICIT_API: Final = "ServerlessRestApi"


@dataclass(frozen=True)
class EventSource:
    """One entry of a function's Events, resolved."""

    function: Function
    name: str
    kind: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class CustomResource:
    """A custom resource, to be made by invoking its function once workers run."""

    logical_id: str
    kind: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Permission:
    """A line of a function's resource policy; `properties` are AddPermission's members."""

    statement_id: str
    properties: Mapping[str, Any]


class Project:
    """One template and its folder, deployed."""

    def __init__(
        self,
        folder: Path,
        stack_name: str,
        aws: Aws,
        extra: Mapping[str, str],
        installs: Installs | None = None,
        asked: Mapping[str, str] | None = None,
        suffix: Callable[[], str] = str,
    ) -> None:
        """Read the template with samconfig's overrides; nothing is made yet.

        Args:
            folder: holds template.yaml.
            stack_name: `AWS::StackName`, and the beginning of physical names.
            aws: the emulator.
            extra: variables that every function gets in addition (those of ours that only the local stack has).
            installs: gives functions and layers their packages; None for our own, which run from their folders.
            asked: the command line's overrides of parameters, those that the template does not have among them.
            suffix: gives the end of each physical name.

        Raises:
            MissingParametersError: parameters have no value.
            TemplateError: the template cannot be read, or a parameter has a wrong value.
        """
        self.folder = folder
        self.name = stack_name
        self._aws = aws
        self._extra = extra
        self._installs = installs
        self._suffix = suffix
        self.path = template_path(folder)
        self._template = load(self.path)
        check(self._template, self.path)
        self.notes: list[str] = []
        self.parameters = self._read_parameters(asked or {})
        pseudo = {"AWS::AccountId": aws.account()}
        self._resolver = Resolver(self._template, pseudo | self.parameters, stack_name, self._attribute)
        self._made: dict[str, Made] = {}
        self._making: list[str] = []
        resources: dict[str, dict[str, Any]] = self._template["Resources"]
        self._resources = {name: resource for name, resource in resources.items() if self._is_wanted(name, resource)}
        self._unmade: dict[str, str] = {}
        for name, resource in self._resources.items():
            self._check_type(name, str(resource.get("Type")))
        self.functions: list[Function] = []
        self.sources: dict[str, set[Path]] = {}
        """The folders that a function is made of, by logical id: its CodeUri, and the ContentUri of its layers."""
        self._read_properties: dict[str, Mapping[str, Any]] = {}
        self.events: list[EventSource] = []
        self.custom_resources: list[CustomResource] = []
        self.permissions: list[Permission] = []

    def deploy(self) -> None:
        """Make every resource and read every function.

        Raises:
            TemplateError: a resource cannot be made, or a function's folder is missing.
        """
        for name in self._resources:
            with self._reading(name):
                self._make(name)
        for name, resource in self._resources.items():
            with self._reading(name):
                self._read(name, resource)
        for name, resource in self._resources.items() if self._installs else ():
            with self._reading(name):
                self._read_beside(name, resource)

    def _read_beside(self, name: str, resource: Mapping[str, Any]) -> None:
        """Read what invokes functions beside their own events, once all functions are known."""
        kind = resource["Type"]
        if name in self._unmade or kind not in (*unexecuted.STATE_MACHINES, unexecuted.RULE, unexecuted.SCHEDULE):
            return
        properties = self._resolve(name, resource.get("Properties", {}))
        self.notes += unexecuted.of_resource(name, kind, properties, self.functions)
        for function, said in unexecuted.scheduled(kind, properties, self.functions):
            self.events.append(EventSource(function, name, "Schedule", said))

    def _read_parameters(self, asked: Mapping[str, str]) -> dict[str, Any]:
        declared = set(self._template.get("Parameters") or {})
        with self._reading("the samconfig beside it"):
            given = overrides(self.folder, {name: asked[name] for name in asked if name in declared})
            if unknown := sorted(set(given.default) - declared):
                self.notes.append(
                    f"samconfig gives {', '.join(unknown)}, which {self.path} does not have as a parameter"
                )
        with self._reading("Parameters"):
            return values(self._template, given, self._stored)

    def _stored(self, name: str) -> str | None:
        """Return the value of a parameter of Systems Manager."""
        ssm = self._aws.client("ssm")
        try:
            return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Turn errors into one line that names the template and the part that is wrong."""
        try:
            yield
        except UsageError as error:
            text = " ".join(str(error).splitlines())
            kind = MissingParametersError if isinstance(error, MissingParametersError) else TemplateError
            raise kind(text if text.startswith(f"{self.path}: ") else f"{self.path}: {text}") from error
        except (*ODD, OSError) as error:
            raise TemplateError(f"{self.path}: {what} cannot be read: {type(error).__name__}: {error}") from error

    def _is_wanted(self, name: str, resource: Mapping[str, Any]) -> bool:
        with self._reading(f"Condition of {name}"):
            return self._has_condition(resource)

    def _has_condition(self, part: Mapping[str, Any]) -> bool:
        return "Condition" not in part or self._resolver.condition(part["Condition"])

    def _read(self, name: str, resource: Mapping[str, Any]) -> None:
        kind = resource["Type"]
        if kind == _FUNCTION:
            self._read_function(name)
        elif kind == _PERMISSION or _is_custom(kind):
            properties = self._resolve(name, resource.get("Properties", {}))
            callee = properties.get("FunctionName" if kind == _PERMISSION else "ServiceToken")
            if callee in self._placeholders():
                self.notes.append(f"{name} ({kind}) has no effect here, for the function of it does not run")
            elif kind == _PERMISSION:
                self.permissions.append(Permission(f"{self.name}-{name}", properties))
            else:
                self.custom_resources.append(CustomResource(name, kind, properties))

    def outputs(self) -> dict[str, str]:
        """Return the template's outputs; call it after `deploy`."""
        with self._reading("Outputs"):
            found: dict[str, dict[str, Any]] = self._template.get("Outputs") or {}
            wanted = {name: each for name, each in found.items() if self._has_condition(each)}
            return {name: str(self._resolve(name, each["Value"])) for name, each in wanted.items()}

    def properties(self, name: str) -> Mapping[str, Any]:
        """Return a resource's properties as the service gets them; call it after `deploy`."""
        found: Mapping[str, Any] = self._resolve(name, self._resources[name].get("Properties", {}))
        return found

    def attribute(self, name: str, attribute: str | None = None) -> str:
        """Return what Ref (no attribute) or GetAtt gives for a resource that was made."""
        return str(self._attribute(name, attribute))

    @property
    def binary_types(self) -> frozenset[str]:
        """The media types that the API hands to functions base64-encoded."""
        found = [
            media_type
            for name, resource in self._resources.items()
            if resource["Type"] == _API
            for media_type in self._resolve(name, resource.get("Properties", {})).get("BinaryMediaTypes", ())
        ]
        return frozenset(media_type.replace("~1", "/").lower() for media_type in found)

    @property
    def apis(self) -> dict[str, Mapping[str, Any]]:
        """The properties of the APIs, by what Ref gives for them."""
        return {
            self._made[name].ref: self._resolve(name, resource.get("Properties", {}))
            for name, resource in self._resources.items()
            if resource["Type"] == _API
        }

    def _check_type(self, name: str, kind: str) -> None:
        known = kind in MAKERS or kind in NOT_EXECUTED or kind in (_FUNCTION, _LAYER, _API) or _is_custom(kind)
        if not known and self._installs is None:
            raise TemplateError(f"{self.path}: {name}: {kind} is not known to the local stack")
        if not known:
            self._unmade[name] = kind
            self.notes.append(f"{self.path}: {name} ({kind}) is not made here")

    def _placeholders(self) -> set[str]:
        """Return how resources that are not made are referred to."""
        parts = (None, "Arn")
        return {placeholder(self.name, name, kind, part) for name, kind in self._unmade.items() for part in parts}

    def _attribute(self, name: str, attribute: str | None) -> Any:
        made = self._make(name)
        if attribute is None:
            return made.ref
        if name in self._unmade:
            return placeholder(self.name, name, self._unmade[name], attribute)
        if attribute not in made.attributes:
            raise TemplateError(f"{name} has no attribute {attribute} here")
        return made.attributes[attribute]

    def _make(self, name: str) -> Made:
        if name in self._made:
            return self._made[name]
        if name not in self._resources:
            return self._implicit(name)
        if name in self._making:
            raise TemplateError(f"circular references: {' → '.join([*self._making, name])}")
        self._making.append(name)
        resource = self._resources[name]
        depends = resource.get("DependsOn", [])
        for other in [depends] if isinstance(depends, str) else depends:
            if other in self._resources:
                self._make(other)
        made = self._made[name] = self._make_one(name, resource)
        self._making.pop()
        return made

    def _make_one(self, name: str, resource: Mapping[str, Any]) -> Made:
        kind = resource["Type"]
        if kind == _FUNCTION:
            own = resource.get("Properties", {}).get("FunctionName")
            function_name = str(self._resolver.resolve(own)) if own else self._function_name(name)
            if not _NAME.fullmatch(function_name):
                raise TemplateError(f"{name}: {function_name} cannot be a function's name")
            return Made(function_name, {"Arn": function_arn(function_name)})
        if kind == _LAYER:
            return Made(f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}:1")
        if kind == _API:
            return Made(name.lower(), {"RootResourceId": "root"})
        if kind in NOT_EXECUTED or _is_custom(kind) or name in self._unmade:
            return Made(placeholder(self.name, name, kind, None))
        properties = self._resolve(name, resource.get("Properties", {}))
        try:
            return MAKERS[kind](Resource(self._aws, name, self.name, properties, self.folder, self._suffix()))
        except (BotoCoreError, ClientError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            if kind in unexecuted.STATE_MACHINES:
                self._unmade[name] = kind
                said = " ".join(str(error).split())[:_MOST_OF_A_CAUSE]
                self.notes.append(f"{self.path}: {name} ({kind}) is not made here: {type(error).__name__}: {said}")
                return Made(placeholder(self.name, name, kind, None))
            raise TemplateError(f"{self.path}: {name} ({kind}): {type(error).__name__}: {error}") from error

    def _function_name(self, name: str) -> str:
        """Return the name of a function that gives itself none: ours begin with the stack's, as they do on AWS.

        Customers' are called by their logical ids, which may well be the same as ours.
        """
        return f"{self.name}-{name}{self._suffix()}" if self._installs is None else name

    def _implicit(self, name: str) -> Made:
        """Answer for what SAM adds to a template: a function's own role, the implicit API and its stage."""
        owner = self._resources.get(name.removesuffix("Role"), {}).get("Type")
        if name.endswith("Role") and owner in (_FUNCTION, *unexecuted.STATE_MACHINES):
            role = f"{self.name}-{name}"
            return Made(role, {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"})
        if name == _IMPLICIT_API:
            return Made(name.lower())
        raise TemplateError(f"there is no resource or parameter {name}")

    def _resolve(self, name: str, value: Any) -> Any:
        try:
            return self._resolver.resolve(value)
        except TemplateError as error:
            raise TemplateError(f"{name}: {error}") from error

    def _read_function(self, name: str) -> None:
        own = self._resolve(name, self._resources[name].get("Properties", {}))
        shared = self._resolve("Globals", (self._template.get("Globals") or {}).get("Function") or {})
        properties = function_properties.with_globals(own, shared)
        if self._installs and (index := function_properties.index_file(properties)):
            written = self._installs.inline(f"{self.name}-{name}", index, properties["InlineCode"])
            properties["CodeUri"] = str(written)
        function_properties.check(f"{self.path}: {name}", properties)
        self._read_properties[name] = properties
        code, packages = self._code(name, properties)
        layers = tuple(self._layers(name, properties["Layers"]))
        role = self._implicit(f"{name}Role").attributes["Arn"]
        places = {"code": code, "packages": packages, "layers": layers}
        function = function_properties.made(self._made[name].ref, name, properties, role, self._extra, **places)
        if self._installs is not None:
            function = self._completed(function, properties, self._installs)
        self.functions.append(function)
        for event_name, event in properties.get("Events", {}).items():
            self.events.append(EventSource(function, event_name, event["Type"], event.get("Properties", {})))

    def renewed(self, function: Function) -> Function:
        """Return a customer's function as its folders are now: copied, built and with its packages where needed.

        Raises:
            TemplateError: it cannot be built.
        """
        name = function.logical_id
        properties = self._read_properties[name]
        code, packages = self._code(name, properties)
        layers = tuple(self._layers(name, properties["Layers"]))
        function = replace(function, code=code, packages=packages, layers=layers)
        return function if self._installs is None else self._completed(function, properties, self._installs)

    def _completed(self, function: Function, properties: Mapping[str, Any], installs: Installs) -> Function:
        """Return a customer's function with what its runtime brings; note what is missing."""
        self.notes += unexecuted.of_function(function.logical_id, properties)
        if runtime(function.runtime).handler_file(function) is None:
            self.notes.append(f"{function.logical_id}: there is no module for its handler {function.handler}")
        elif function.runtime.startswith("nodejs"):
            function, notes = with_sdk(function, installs)
            self.notes += notes
        return function

    def _code(self, name: str, properties: Mapping[str, Any]) -> tuple[Path, tuple[Path, ...]]:
        """Return the folder that a function runs from, and those of its Python packages."""
        folder = self._folder(name, properties["CodeUri"])
        self.sources.setdefault(name, set()).add(folder)
        try:
            runtime(properties["Runtime"]).here()
        except UsageError as error:
            raise TemplateError(f"{self.path}: {name}: {error}") from error
        if self._installs is None:
            return folder, ()
        method = self._resources[name].get("Metadata", {}).get("BuildMethod", properties["Runtime"])
        if not str(method).startswith(tuple(RUNTIMES)):
            raise TemplateError(f"{self.path}: {name}: BuildMethod {method} is not executed here")
        if properties["Runtime"].startswith("nodejs"):
            return self._installs.node(name, folder, f"{self.name}-{name}"), ()
        return folder, self._installs.python(name, folder)

    def _folder(self, name: str, uri: object) -> Path:
        folder = (self.folder / str(uri)).resolve()
        if not folder.is_dir():
            raise TemplateError(f"{self.path}: {name}: there is no folder {folder}")
        return folder

    def _layers(self, function: str, arns: Iterable[str]) -> Iterator[Path]:
        for arn in arns:
            name = "" if arn in self._placeholders() else arn.split(":")[6]
            if self._resources.get(name, {}).get("Type") != _LAYER:
                self.notes.append(f"{function} runs without layer {arn}, which is not in {self.path}")
                continue
            resource = self._resources[name]
            folder = self._folder(name, self._resolve(name, resource.get("Properties", {}))["ContentUri"])
            self.sources.setdefault(function, set()).add(folder)
            method = resource.get("Metadata", {}).get("BuildMethod")
            yield folder if self._installs is None else self._installs.layer(name, folder, method)


def template_path(folder: Path) -> Path:
    """Return the template of a project's folder; the first possible name if there is none."""
    return next((folder / name for name in _TEMPLATES if (folder / name).is_file()), folder / _TEMPLATES[0])


def _is_custom(kind: str) -> bool:
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
