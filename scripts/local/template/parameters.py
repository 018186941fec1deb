"""Parameters of a template: where their values come from, and what CloudFormation allows them to be.

The command line wins over samconfig's `[local]`, that over `[default]`, which `sam deploy --guided` writes, and that
over the template's Default. Source of the constraints: AWS CloudFormation, "Parameters", and its reference for each
property.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from local.errors import TemplateError
from local.template.env_vars import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_SAMCONFIGS: Final = ("samconfig.toml", "samconfig.yaml", "samconfig.yml", "samconfig.json")
"""Source: AWS, "AWS SAM CLI configuration file": TOML, or YAML; JSON is YAML, too."""

_KEY: Final = r"""([A-Za-z0-9"']+)"""
_VALUE: Final = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^ "\\])+)"""
_PAIRS: Final = (re.compile(f"ParameterKey={_KEY},ParameterValue={_VALUE}"), re.compile(f" {_KEY}={_VALUE}"))
"""The two forms of an override. Source: AWS SAM CLI, CfnParameterOverridesType; the first that is found holds."""

_SHOWN: Final = 60
"""Characters of an override that an error shows."""

_PROPERTIES: Final = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LISTED: Final = re.compile(r"List<(.+)>")
_STORED: Final = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_PLAIN: Final = frozenset({"String", "Number", "CommaDelimitedList", "List<Number>", "AWS::SSM::Parameter::Name"})
_OF_AWS: Final = frozenset(
    {
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::Image::Id",
        "AWS::EC2::Instance::Id",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::VPC::Id",
        "AWS::EC2::Volume::Id",
        "AWS::Route53::HostedZone::Id",
    }
)
"""Types whose values CloudFormation looks up in the account; here any text will do."""


class MissingParametersError(TemplateError):
    """A template's parameters without a value."""


@dataclass(frozen=True)
class Overrides:
    """What is given for parameters, by name."""

    default: Mapping[str, str] = field(default_factory=dict)
    """From samconfig's `[default]`; sam leaves out what the template does not have."""
    local: Mapping[str, str] = field(default_factory=dict)
    """For the local stack alone: from samconfig's `[local]` and the command line."""

    @property
    def merged(self) -> dict[str, str]:
        """Everything; what is for the local stack wins."""
        return {**self.default, **self.local}


def overrides(folder: Path, asked: Mapping[str, str]) -> Overrides:
    """Read the samconfig of a project's folder.

    Args:
        folder: holds the template.
        asked: what the command line gives, and the template has.

    Raises:
        TemplateError: the file is neither TOML nor YAML, or an override in it is of no known form.
    """
    path = next((folder / name for name in _SAMCONFIGS if (folder / name).is_file()), None)
    if path is None:
        return Overrides(local=asked)
    try:
        text = path.read_text(encoding="utf-8")
        settings = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError) as error:
        raise TemplateError(f"{path}: {' '.join(str(error).split())}") from error
    found = [_of_environment(path, settings or {}, name) for name in ("default", "local")]
    return Overrides(default=found[0], local={**found[1], **asked})


def read_pairs(text: str, where: str) -> dict[str, str]:
    """Read `Key=Value Key2="a b"`, or `ParameterKey=Key,ParameterValue=Value …`.

    Args:
        where: begins the error.

    Raises:
        TemplateError: the text has neither form.
    """
    padded = f" {text.strip()}"
    for form in _PAIRS:
        if found := form.findall(padded):
            return {_unquoted(key): _unquoted(value) for key, value in found}
    if not text.strip():
        return {}
    raise TemplateError(f"{where}: {text[:_SHOWN]!r} is not of the form Key=Value")


def values(
    template: Mapping[str, Any], given: Overrides, stored: Callable[[str], str | None] = lambda _name: None
) -> dict[str, Any]:
    """Return every parameter's value: what is given, else the default; lists for types that are lists.

    Args:
        given: by name.
        stored: the value of a parameter of Systems Manager, None where there is none of that name.

    Raises:
        MissingParametersError: it names all that have no value.
        TemplateError: a parameter is declared wrongly, a value is not allowed, or a name is not a parameter.
    """
    declared: dict[str, dict[str, Any]] = template.get("Parameters") or {}
    for name, parameter in declared.items():
        _check_declaration(name, parameter)
    if unknown := sorted(set(given.local) - set(declared)):
        raise TemplateError(f"{', '.join(unknown)} is not a parameter of the template")
    merged = given.merged
    if missing := [name for name, one in declared.items() if name not in merged and "Default" not in one]:
        raise MissingParametersError(_say_missing(missing))
    found: dict[str, Any] = {}
    for name, parameter in declared.items():
        text = merged[name] if name in merged else _default(name, parameter)
        found[name] = _value(name, parameter, text, stored, is_own=name in given.local)
    return found


def _say_missing(names: list[str]) -> str:
    what = f"parameter {names[0]} has" if len(names) == 1 else f"parameters {', '.join(names)} have"
    form = " ".join(f"{name}=…" for name in names)
    return (
        f'{what} no default and no value: give --parameter-overrides "{form}", or parameter_overrides in samconfig.toml'
    )


def _of_environment(path: Path, settings: Mapping[str, Any], environment: str) -> dict[str, str]:
    """Return the overrides of one environment; a command's own setting takes the place of the one for all commands."""
    of_commands = settings.get(environment, {})
    given: Any = ""
    for command in ("global", "deploy"):
        given = of_commands.get(command, {}).get("parameters", {}).get("parameter_overrides", given)
    if isinstance(given, str):
        return read_pairs(given, str(path))
    found: dict[str, str] = {}
    for entry in given:
        found |= _entry(str(entry), str(path))
    return found


def _entry(text: str, where: str) -> dict[str, str]:
    """Read one entry of a list: one pair, whose value may hold spaces that nothing quotes, or several."""
    pairs = read_pairs(text, where)
    key, _, rest = text.strip().partition("=")
    if len(pairs) == 1 and key in pairs and rest[:1] not in ('"', "'") and "\\" not in rest:
        return {key: rest}
    return pairs


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text.replace("\\ ", " ").replace('\\"', '"').replace("\\'", "'")


def _check_declaration(name: str, parameter: object) -> None:
    if not isinstance(parameter, dict):
        raise TemplateError(f"parameter {name} is not a mapping")
    if unknown := sorted(str(key) for key in set(parameter) - _PROPERTIES):
        raise TemplateError(f"parameter {name}: a parameter has no property {', '.join(unknown)}")
    kind = parameter.get("Type")
    if not isinstance(kind, str):
        raise TemplateError(f"parameter {name} has no Type")
    stored = _STORED.fullmatch(kind)
    inner = stored[1] if stored else kind
    listed = _LISTED.fullmatch(inner)
    known = _PLAIN | {"List<String>"} if stored else _PLAIN
    if inner not in known and (listed[1] if listed else inner) not in _OF_AWS:
        raise TemplateError(f"parameter {name}: {kind} is not a type of a parameter")


def _default(name: str, parameter: Mapping[str, Any]) -> str:
    text = as_text(parameter["Default"])
    if text is None:
        raise TemplateError(f"parameter {name}: its Default is not text")
    return text


def _value(
    name: str, parameter: Mapping[str, Any], text: str, stored: Callable[[str], str | None], *, is_own: bool
) -> str | list[str]:
    kind = str(parameter["Type"])
    if of_store := _STORED.fullmatch(kind):
        kind = of_store[1]
        found = stored(text)
        if found is None and not is_own:
            raise TemplateError(
                f"parameter {name} ({parameter['Type']}): Systems Manager has no parameter {text!r} here; "
                f'give its value by --parameter-overrides "{name}=…"'
            )
        text = text if found is None else found
    if kind != "CommaDelimitedList" and not _LISTED.fullmatch(kind):
        _check_value(name, parameter, text, is_number=kind == "Number")
        return text
    members = [member.strip() for member in text.split(",")]
    for member in members:
        _check_value(name, parameter, member, is_number=kind == "List<Number>")
    return members


def _check_value(name: str, parameter: Mapping[str, Any], text: str, *, is_number: bool) -> None:
    shown = "its value" if str(parameter.get("NoEcho")).lower() == "true" else repr(text)
    for fault in _faults(name, parameter, text, is_number=is_number):
        said = f"{parameter['ConstraintDescription']} ({fault})" if "ConstraintDescription" in parameter else fault
        raise TemplateError(f"parameter {name}: {shown} fails its constraint: {said}")


def _faults(name: str, parameter: Mapping[str, Any], text: str, *, is_number: bool) -> Iterable[str]:
    """Yield what is wrong with one value, or one member of a list."""
    allowed = [as_text(one) for one in parameter.get("AllowedValues", [text])]
    if text not in allowed:
        yield f"it is not one of {', '.join(map(str, allowed))}"
    try:
        pattern = re.compile(str(parameter.get("AllowedPattern", r"(?s).*")))
    except re.error as error:
        raise TemplateError(f"parameter {name}: its AllowedPattern is not a regular expression: {error}") from error
    if not pattern.fullmatch(text):
        yield f"it does not match {parameter['AllowedPattern']}"
    if is_number and not _NUMBER.fullmatch(text):
        yield "it is no number"
        return
    what, measure = ("Value", float(text)) if is_number else ("Length", len(text))
    least, most = parameter.get(f"Min{what}"), parameter.get(f"Max{what}")
    if least is not None and measure < float(least):
        yield f"Min{what} is {least}"
    if most is not None and measure > float(most):
        yield f"Max{what} is {most}"
