"""Reads a SAM template: YAML with CloudFormation's tags, conditions and intrinsic functions."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from local.errors import TemplateError
from local.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ODD: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError, re.error)
"""Errors that reading raises if a part of a template is not of its form."""

NO_VALUE: Final = object()
"""What `!Ref AWS::NoValue` resolves to: the member or list entry is left out."""

_FIND_IN_MAP_WITH_DEFAULT: Final = 4
"""Arguments of Fn::FindInMap, the last of them the value if the mapping lacks the keys."""

_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]+)\}")


class _Loader(yaml.SafeLoader):
    """Safe YAML with CloudFormation's tags; dates stay strings, as CloudFormation reads them."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own shape
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third and last kind
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> dict[str, Any]:
    """Read a template.

    Raises:
        TemplateError: it is missing, is not UTF-8 or YAML, or has no resources.
    """
    try:
        template = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a SafeLoader
    except FileNotFoundError as error:
        raise TemplateError(f"{path.parent} is not a SAM project: it has no {path.name}") from error
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError(f"{path}: no Resources")
    return template


def check(template: Mapping[str, Any], path: Path) -> None:
    """Check the form of a template, so that later code need not.

    Raises:
        TemplateError: it says which part is not of its form.
    """
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateError(f"{path}: {name} has no Type")
        if not isinstance(resource.get("Properties", {}), dict):
            raise TemplateError(f"{path}: {name}: Properties are no mapping")
    for section in ("Globals", "Parameters", "Conditions", "Mappings"):
        if not isinstance(template.get(section) or {}, dict):
            raise TemplateError(f"{path}: {section} is not a mapping")


class Resolver:
    """Resolves intrinsic functions of one template."""

    def __init__(
        self,
        template: Mapping[str, Any],
        values: Mapping[str, Any],
        stack_name: str,
        attribute: Callable[[str, str | None], Any],
    ) -> None:
        """Keep where values come from.

        Args:
            template: as loaded.
            values: the parameters.
            stack_name: `AWS::StackName`.
            attribute: gives a resource's Ref (attribute None) or GetAtt value, making the resource if need be.
        """
        self._conditions: dict[str, Any] = template.get("Conditions") or {}
        self._mappings: dict[str, Any] = template.get("Mappings") or {}
        self._attribute = attribute
        self._values = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/local",
            "AWS::StackName": stack_name,
            "AWS::URLSuffix": "amazonaws.com",
            **values,
        }
        self._functions = self._intrinsics()

    def _intrinsics(self) -> dict[str, Callable[[Any], Any]]:
        """Return what each intrinsic function does with its argument."""
        return {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
            "Fn::Not": lambda one: not self.resolve(one[0]),
            "Fn::And": lambda members: all(self.resolve(member) for member in members),
            "Fn::Or": lambda members: any(self.resolve(member) for member in members),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Select": lambda pair: self.resolve(pair[1])[int(self.resolve(pair[0]))],
            "Fn::Split": lambda pair: str(self.resolve(pair[1])).split(pair[0]),
            "Fn::GetAZs": lambda region: [f"{self.resolve(region) or REGION}{letter}" for letter in "abc"],
            "Fn::ImportValue": self._import_value,
            "Fn::Length": lambda members: len(self.resolve(members)),
            "Fn::ToJsonString": lambda value: json.dumps(self.resolve(value), separators=(",", ":")),
            "Fn::Base64": lambda text: base64.b64encode(str(self.resolve(text)).encode()).decode(),
        }

    def condition(self, name: str) -> bool:
        """Evaluate a condition by name.

        Raises:
            TemplateError: there is no such condition.
        """
        if name not in self._conditions:
            raise TemplateError(f"there is no condition {name}")
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, value: Any) -> Any:
        """Return a value with every intrinsic function in it resolved.

        Raises:
            TemplateError: an unknown function, name or attribute.
        """
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                # "Condition" is a function only where it names one; policies have a member of that name, too.
                if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                    return self._functions[name](argument)
                if isinstance(name, str) and name.startswith("Fn::"):
                    raise TemplateError(f"{name} is not known to the local stack")
            members = ((key, self.resolve(member)) for key, member in value.items())
            return {key: member for key, member in members if member is not NO_VALUE}
        if isinstance(value, list):
            return [member for member in map(self.resolve, value) if member is not NO_VALUE]
        return value

    def _ref(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._attribute(name, None)

    def _get_att(self, argument: str | list[str]) -> Any:
        argument = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(argument[0], ".".join(str(self.resolve(part)) for part in argument[1:]))

    def _sub(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match: re.Match[str]) -> str:
            if match[1]:
                return f"${{{match[2]}}}"
            name = match[2].strip()
            if name in local:
                return str(self.resolve(local[name]))
            head, dot, attribute = name.partition(".")
            return str(self._attribute(head, attribute) if dot else self._ref(name))

        return _VARIABLE.sub(replaced, text)

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(str(part) for part in self.resolve(argument[1]))

    def _if(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def _import_value(self, argument: Any) -> Any:
        name = self.resolve(argument)
        raise TemplateError(f"Fn::ImportValue: there is no other stack here that exports {name}")

    def _find_in_map(self, argument: list[Any]) -> Any:
        first, second, third = (self.resolve(part) for part in argument[:3])
        try:
            return self.resolve(self._mappings[first][second][third])
        except KeyError as error:
            if len(argument) == _FIND_IN_MAP_WITH_DEFAULT and "DefaultValue" in argument[3]:
                return self.resolve(argument[3]["DefaultValue"])
            raise TemplateError(f"mapping {first} has no {second}.{third}") from error
