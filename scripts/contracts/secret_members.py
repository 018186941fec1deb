"""Members of WorkMail's inputs and outputs that the API trail leaves out.

These are the shapes with the model's ``sensitive`` trait, and those of ``UNMARKED``. ``SHOWN`` are exceptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

UNMARKED: Final = frozenset({"ImpersonationToken"})
"""Shapes that are secrets, though botocore's model (1.44) does not mark them: a token that opens mailboxes."""

SHOWN: Final = frozenset({("CreateUser", "DisplayName")})
"""Members with a sensitive shape that WorkMail's own record shows. Source: guide, ZH:1963."""

Path = tuple[str, ...]


def paths(model: dict[str, Any], side: str) -> dict[str, tuple[Path, ...]]:
    """Return the paths of members to leave out, by operation; lists on the way add nothing to a path.

    Args:
        model: of the service, with our operations.
        side: ``input`` or ``output``.
    """
    found = {
        name: tuple(path for path in _secrets(model["shapes"], operation[side]["shape"]) if (name, *path) not in SHOWN)
        for name, operation in sorted(model["operations"].items())
        if side in operation
    }
    return {name: its_paths for name, its_paths in found.items() if its_paths}


def _secrets(shapes: dict[str, Any], name: str, path: Path = (), above: Path = ()) -> Iterator[Path]:
    shape = shapes[name]
    if shape.get("sensitive") or name in UNMARKED:
        yield path
        return
    if name in above:
        return  # a shape in itself has the paths of its first place
    if shape["type"] == "list":
        yield from _secrets(shapes, shape["member"]["shape"], path, (*above, name))
    for member, target in shape.get("members", {}).items():
        yield from _secrets(shapes, target["shape"], (*path, member), (*above, name))
