"""What orders, and pointers to them, have in common: a form that older and newer versions read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field, ValidationError

from postroom.contracts.base import Kept
from postroom.errors import InvalidNotificationError

if TYPE_CHECKING:
    from typing import Self

FORMAT: Final = 1
"""The form of orders and pointers, but for delivery orders of ``LISTED_FORMAT``."""

LISTED_FORMAT: Final = 2
"""The form of delivery orders that are listed, or were (docs/decisions/0025); the newest that this version reads.

A version that knows no lists would find no row and drop the message as delivered. It cannot read this form.
"""


class RawLocation(Kept):
    """Where the bytes of a message are: the object that SES stored, or one of ours under ``transit/``."""

    bucket: str
    key: str


class Stored(Kept):
    """What orders and pointers to them have in common."""

    says: ClassVar[str]
    """What it is, for errors."""

    _every_member: ClassVar[set[str]]

    version: int = Field(default=FORMAT, ge=1, le=LISTED_FORMAT)
    trace: str
    organization_id: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._every_member = set(cls.model_fields)

    @classmethod
    def read(cls, body: str) -> Self:
        """Read one from a queue's message or a row's body.

        Raises:
            InvalidNotificationError: it is none.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise InvalidNotificationError(f"not {cls.says}") from error

    @classmethod
    def trusted(cls, members: dict[str, Any]) -> Self:
        """Return one of members that are known to be valid, every one of them given; nothing is checked.

        A decision makes hundreds of orders of values that were checked before. This takes 0.4 of the time of the
        constructor; pydantic's ``model_construct`` takes longer than that (2.14).
        """
        made, keep = cls.__new__(cls), object.__setattr__
        keep(made, "__dict__", members)
        keep(made, "__pydantic_fields_set__", cls._every_member)
        keep(made, "__pydantic_extra__", None)
        keep(made, "__pydantic_private__", None)
        return made
