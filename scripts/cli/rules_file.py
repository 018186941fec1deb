"""A file of mail-flow rules: read, checked against `schemas/rules.schema.json`, and written.

YAML or JSON; the schema says what it may contain. Every fault is reported at once, with its line and place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.reader import Reader

from cli.errors import UsageError
from cli.repository import repository_root
from postroom.errors import InvalidPatternError
from postroom.model.limits import MAX_PATTERNS
from postroom.model.rules import Direction, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA: Final = repository_root() / "schemas" / "rules.schema.json"

WIDTH: Final = 120
"""Columns after which YAML is folded; only long descriptions are."""

MAX_SHOWN: Final = 160
"""Longest message of the schema that is repeated, in characters."""

Place = tuple[str | int, ...]
"""Where in the file: ``("inbound", 0, "name")``."""

Key = tuple[Direction, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCall:
    """How a rule calls a function, as a file has it.

    Attributes:
        function: a name, with ``:ALIAS`` or ``:VERSION`` where one is meant, of the organization's own account and
            Region; or an ARN.
        fallback: with a synchronous call, and only then, as ``timeout_minutes``.
    """

    function: str
    synchronous: bool
    fallback: str = ""
    timeout_minutes: int | None = None

    def members(self) -> dict[str, Any]:
        """Return the call as a file's member, in the order in which it is written."""
        members: dict[str, Any] = {"function": self.function, "synchronous": self.synchronous}
        if self.synchronous:
            members |= {"fallback": self.fallback, "timeoutMinutes": self.timeout_minutes}
        return members

    def __str__(self) -> str:
        if not self.synchronous:
            return f"{self.function}, asynchronous"
        minutes = "1 minute" if self.timeout_minutes == 1 else f"{self.timeout_minutes} minutes"
        how_long = f" for {minutes}" if self.timeout_minutes else ""
        return f"{self.function}, synchronous; {self.fallback} if it fails{how_long}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRule:
    """A rule as a file has it. Patterns are in their one way to be written, each once, in the order given.

    Attributes:
        gateway: name of the SMTP gateway that outbound mail takes, or takes that the function lets through.
    """

    direction: Direction = Direction.INBOUND
    name: str
    description: str = ""
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    action: str
    bounce_message: str = ""
    call: WrittenCall | None = None
    gateway: str = ""

    @property
    def key(self) -> Key:
        """What identifies a rule: direction and name, without regard to case."""
        return self.direction, self.name.casefold()

    def says_what(self, other: WrittenRule) -> bool:
        """Say whether both are the same, without regard to the order of patterns."""
        return self._meaning() == other._meaning()

    def _meaning(self) -> tuple[object, ...]:
        patterns = frozenset(self.senders), frozenset(self.recipients)
        return self.name, self.description, *patterns, self.action, self.bounce_message, self.call, self.gateway

    def members(self) -> dict[str, Any]:
        """Return the rule as a file's member, in the order in which it is written."""
        members = {
            "name": self.name,
            "description": self.description,
            "senders": list(self.senders),
            "recipients": list(self.recipients),
            "action": self.action,
            "bounceMessage": self.bounce_message,
            "gateway": "" if self.call else self.gateway,
            "lambda": self.call and self.call.members(),
            "thenGateway": self.gateway if self.call else "",
        }
        return {name: value for name, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of a file."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class RulesFile:
    """All rules of the directions that a file names; other directions are not concerned."""

    directions: frozenset[Direction]
    rules: list[WrittenRule]


def dump(rules: Sequence[WrittenRule], *, as_json: bool = False) -> str:
    """Return a file's text, of both directions; the same for the same rules, by name."""
    ordered = sorted(rules, key=lambda rule: (rule.key, rule.name))
    content = {
        direction.lower(): [rule.members() for rule in ordered if rule.direction is direction]
        for direction in Direction
    }
    if as_json:
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=WIDTH)


def read(path: Path) -> RulesFile:
    """Read a file; ``.json`` is JSON, everything else YAML.

    Raises:
        UsageError: it cannot be read, or says something that no rules can be; with every fault's line and place.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    return parse(text, str(path), is_json=path.suffix.lower() == ".json")


def parse(text: str, name: str, *, is_json: bool = False) -> RulesFile:
    """Read a file's text; ``name`` is what faults call it.

    Raises:
        UsageError: as ``read``.
    """
    if is_json:
        content = _json(text, name)
        # YAML reads all of JSON but tabs between its words, and characters that are none
        tree = _tree(Reader.NON_PRINTABLE.sub(" ", text.replace("\t", " ")), name)
    else:
        tree = _tree(text, name)
        content = _plain(text, name)
    faults = [*_repeated(tree), *_against_schema(content)]
    rules: list[WrittenRule] = []
    directions = [] if faults else [direction for direction in Direction if direction.lower() in content]
    if directions:
        rules = [
            _rule(found, (direction.lower(), number), faults)
            for direction in directions
            for number, found in enumerate(content[direction.lower()])
        ]
        faults += _together(rules)
    if faults:
        said = [f"{name}:{_line(tree, fault.place)}: {_path(fault.place)}{fault.what}" for fault in faults]
        raise UsageError(said[0] if len(said) == 1 else "\n  ".join([f"{name}: {len(said)} faults", *said]))
    return RulesFile(frozenset(directions), rules)


def _tree(text: str, name: str) -> yaml.Node | None:
    """Return the nodes of a YAML file, which know their lines; JSON is read as YAML, too."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{name}:{line}: {getattr(error, 'problem', None) or 'this is not YAML'}") from error


def _plain(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:  # a tag that the safe loader does not know, say
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{name}:{mark.line + 1 if mark else 1}: {getattr(error, 'problem', error)}") from error
    except ValueError as error:  # a date like 2026-99-99
        raise UsageError(f"{name}: {error}") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: {error.msg}") from error


def _repeated(tree: yaml.Node | None) -> Iterator[Fault]:
    """Yield members that are given twice in one mapping: YAML and JSON silently take the last."""
    waiting: list[tuple[Place, yaml.Node | None]] = [((), tree)]
    seen: set[int] = set()  # an alias may lead back to itself
    while waiting:
        place, node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*place, number), inner) for number, inner in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            names = [str(key.value) for key, _ in node.value]
            for member in dict.fromkeys(each for each in names if names.count(each) > 1):
                yield Fault((*place, member), "is given twice")
            waiting += [((*place, str(key.value)), inner) for key, inner in node.value]


@cache
def _validator() -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def _against_schema(content: Any) -> list[Fault]:
    """Return what the published schema finds wrong."""
    return [
        Fault(tuple(error.absolute_path), _said(error))
        for error in sorted(_validator().iter_errors(content), key=lambda error: [str(step) for step in error.path])
    ]


def _said(error: Any) -> str:
    """Return a fault in words, if those of the schema are hard to understand."""
    if error.validator == "not":
        return "must be one line without control characters (in YAML, >- folds lines)"
    if error.validator == "const":
        steps = list(error.absolute_schema_path)
        member = steps[steps.index("dependentSchemas") + 1]
        return f"{member} goes with {_plainly(error.validator_value)}, not with {_plainly(error.instance)}"
    if error.validator == "minProperties":
        return "names neither inbound nor outbound rules"
    if error.validator == "pattern":
        if error.path[-1] == "function":
            return f"{error.instance!r} is not a function: a name or an ARN, with :ALIAS or :VERSION if one is meant"
        return "begins or ends with a space"
    if error.validator in ("maxItems", "maxLength"):
        things = "entries" if error.validator == "maxItems" else "characters"
        return f"has {len(error.instance)} {things}; {error.validator_value} are allowed"
    said = str(error.message)
    return said if len(said) <= MAX_SHOWN else f"{said[:MAX_SHOWN]}…"


def _plainly(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rule(found: dict[str, Any], place: Place, faults: list[Fault]) -> WrittenRule:
    recipients = _patterns(found["recipients"], (*place, "recipients"), faults)
    call = _call(found.get("lambda"))
    if call is not None and call.synchronous and recipients != ("*",):
        faults.append(Fault((*place, "recipients"), "a rule that waits for a function has the one recipient pattern *"))
    return WrittenRule(
        direction=Direction(str(place[0]).upper()),
        name=found["name"],
        description=found.get("description", ""),
        senders=_patterns(found["senders"], (*place, "senders"), faults),
        recipients=recipients,
        action=found["action"],
        bounce_message=found.get("bounceMessage", ""),
        call=call,
        gateway=found.get("gateway") or found.get("thenGateway", ""),
    )


def _call(found: dict[str, Any] | None) -> WrittenCall | None:
    if found is None:
        return None
    return WrittenCall(
        function=found["function"],
        synchronous=found["synchronous"],
        fallback=found.get("fallback", ""),
        timeout_minutes=found.get("timeoutMinutes"),
    )


def _patterns(texts: Sequence[str], place: Place, faults: list[Fault]) -> tuple[str, ...]:
    parsed: dict[str, None] = {}
    for number, text in enumerate(texts):
        try:
            parsed[Pattern.parse(text).text] = None
        except InvalidPatternError as error:
            faults.append(Fault((*place, number), str(error)))
    return tuple(parsed)


def _together(rules: Sequence[WrittenRule]) -> Iterator[Fault]:
    """Yield faults of several rules together: names used twice, and too many patterns."""
    for direction in Direction:
        first: dict[Key, tuple[int, str]] = {}
        for number, rule in enumerate(rule for rule in rules if rule.direction is direction):
            other, name = first.setdefault(rule.key, (number, rule.name))
            if other != number:
                where = direction.lower()
                yield Fault((where, number, "name"), f"{where}[{other}] has the name {name!r} already")
    count = sum(len(rule.senders) for rule in rules)
    if count > MAX_PATTERNS:
        yield Fault((), f"{count} sender patterns together; an organization has at most {MAX_PATTERNS}")


def _path(place: Place) -> str:
    """Return ``inbound[0].name: `` for a place; nothing for the file as a whole."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")
    return f"{text}: " if text else ""


def _line(tree: yaml.Node | None, place: Place) -> int:
    """Return the line, from 1, of a place, or of the innermost thing around it that has one."""
    node = tree
    line = node.start_mark.line if node is not None else 0
    for step in place:
        inner = None
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            inner = node.value[step]
            line = inner.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(key.value) == step:  # the last of several, as YAML takes it
                    inner, line = value, key.start_mark.line
        if inner is None:
            break
        node = inner
    return line + 1
