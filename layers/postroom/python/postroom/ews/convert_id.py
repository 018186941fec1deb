"""ConvertId: clients send it to learn the server's version; no item has an id of EWS yet.

exchangelib converts ``DUMMY`` and takes the version from the header of the answer. It gives the error per id back as a
value, so that its probe succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.names import m
from postroom.contracts.ews.responses import add_problem, new_response
from postroom.contracts.ews.soap import schema_fault

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context

OPERATION: Final = "ConvertId"


def answer(call: Call, _asking: Asking, _context: Context) -> Element:
    """Answer each id with ErrorInvalidIdMalformed.

    Raises:
        FaultError: there is no id; ErrorSchemaValidation.
    """
    ids = call.request.find(m("SourceIds"))
    if ids is None or len(ids) == 0:
        raise schema_fault("SourceIds has no id")
    response, messages = new_response(OPERATION)
    for _ in ids:
        add_problem(messages, OPERATION, "ErrorInvalidIdMalformed", "Id is malformed.")
    return response
