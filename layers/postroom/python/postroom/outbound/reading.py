"""Reads the orders of transmit's queue, by their kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.messages import read_message
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.errors import InvalidNotificationError
from postroom.outbound.journal import JournalCarried
from postroom.outbound.mail import MailCarried

if TYPE_CHECKING:
    from postroom.outbound.carried import Carried
    from postroom.outbound.inside import OwnAddresses
    from postroom.ports.raw_mail import RawMail


@dataclass(frozen=True, slots=True)
class OrderReader:
    """Reads mail, and journal reports."""

    raw: RawMail
    own: OwnAddresses

    def read(self, body: str) -> Carried:
        """Read one order.

        Raises:
            InvalidNotificationError: it is none that is transmitted.
        """
        order = read_message(body)
        if isinstance(order, TransmitOrder):
            return MailCarried(order, self.raw)
        if isinstance(order, JournalOrder):
            return JournalCarried(order, self.raw, self.own.directory, self.own)
        raise InvalidNotificationError("not an order to transmit")


def names_gateway(body: str) -> bool:
    """Say whether an order goes to an SMTP gateway, which may take minutes; ``False`` for what is no order."""
    try:
        return bool(json.loads(body)["gateway_id"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return False
