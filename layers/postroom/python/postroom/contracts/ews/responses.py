"""What answers of operations share: response messages, each a success, a warning or an error.

A message's name begins with its operation. GetUserAvailability's has no operation in it: there, ``operation`` is empty.

Source: Microsoft, MS-OXWSCDATA 2.2.4.65 (ResponseMessageType): MessageText, ResponseCode, DescriptiveLinkKey come
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.names import m
from postroom.contracts.ews.soap import add, new

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

NO_ERROR: Final = "NoError"


def new_response(operation: str) -> tuple[Element, Element]:
    """Return the answer of an operation, and the element in it for its response messages."""
    response = new(m(f"{operation}Response"))
    return response, add(response, m("ResponseMessages"))


def add_message(parent: Element, operation: str) -> Element:
    """Append a response message of a success; what it returns follows."""
    message = add(parent, m(f"{operation}ResponseMessage"), ResponseClass="Success")
    add(message, m("ResponseCode"), NO_ERROR)
    return message


def add_problem(parent: Element, operation: str, code: str, text: str, *, warning: bool = False) -> Element:
    """Append a response message of an error, or of a warning, which a result may follow."""
    message = add(parent, m(f"{operation}ResponseMessage"), ResponseClass="Warning" if warning else "Error")
    add(message, m("MessageText"), text)
    add(message, m("ResponseCode"), code)
    add(message, m("DescriptiveLinkKey"), "0")
    return message
