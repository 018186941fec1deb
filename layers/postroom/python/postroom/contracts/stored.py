"""The base classes of orders and of pointers to them: a form that older and newer versions read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field, ValidationError

from postroom.contracts.base import Kept
from postroom.errors import InvalidNotificationError

if TYPE_CHECKING:
    from typing import Self

    from postroom.model.facts import Fact

MOST_SWEEPS: Final = 3
"""How often something open is sent again before it is parked. Ours."""

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


class Order(Stored):
    """What every order has. ``kind`` tells the classes apart; it is part of every body."""

    kind: str

    @classmethod
    def read_if_own(cls, body: str) -> Self | None:
        """Read an order from a message of a queue that has others, too; ``None`` if it is none of this kind.

        For classes with one kind.

        Raises:
            InvalidNotificationError: it is an order of this kind, and malformed.
        """
        own = f'"kind":"{cls.model_fields["kind"].default}"'
        return cls.read(body) if own in body else None  # in a text of JSON, the quotes would be escaped

    @property
    def key(self) -> str:
        """The order's name within its trace: unique, and without a prefix of ``ports.parked`` or ``EXPANSION``."""
        raise NotImplementedError

    @property
    def station(self) -> str:
        """The station that carries it out: a name in ``contracts.orders.STATIONS``."""
        raise NotImplementedError

    @property
    def group(self) -> str:
        """Its fair queue's group: a busy one does not hold up the others. At most 128 characters."""
        raise NotImplementedError

    @property
    def message(self) -> str:
        """What its station's queue gets: the whole order, unless it may be too long for a message."""
        return self.model_dump_json()

    @property
    def has_row(self) -> bool:
        """Whether it has a row in transit: all have, but listed orders."""
        return True

    @property
    def most_sweeps(self) -> int:
        """How often the sweep sends it again before it is parked: what is open for hours is stuck."""
        return MOST_SWEEPS

    def open_since_ms(self, now_ms: int) -> int:
        """Return since when the order is open, if it gets its row now."""
        return now_ms

    def stopped(self, at: int) -> Fact | None:  # noqa: ARG002 - a kind of order that has a queue is sent again
        """Return the fact that ends the order where its station stopped; ``None``: it is sent to its station again."""
        return None
