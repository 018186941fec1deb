"""What exchangelib makes of each code: the reason why the front writes one code for all failures (docs/parity.md)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import exchangelib
import pytest
from exchangelib import errors
from exchangelib.services import GetUserAvailability
from lxml import etree

from postroom.model.free_busy import FailureCode

MESSAGES: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
VERSION: Final = "5.6.0"


def response(code: str) -> Any:
    return etree.fromstring(
        f'<m:FreeBusyResponse xmlns:m="{MESSAGES}"><m:ResponseMessage ResponseClass="Error">'
        f"<m:MessageText>no</m:MessageText><m:ResponseCode>{code}</m:ResponseCode></m:ResponseMessage>"
        "</m:FreeBusyResponse>"
    )


def read(code: str) -> list[Any]:
    """Read two failed mailboxes as exchangelib does."""
    service = GetUserAvailability(
        protocol=SimpleNamespace(version=exchangelib.Version(exchangelib.version.EXCHANGE_2010))
    )
    return list(service._get_elements_in_response([response(code), response(code)]))


@pytest.mark.parametrize("code", FailureCode)
def test_one_code_of_six_is_a_value_and_the_others_lose_every_answer(code: FailureCode) -> None:
    assert exchangelib.__version__ == VERSION, "look again, and change docs/parity.md"
    raised: Any = getattr(errors, code.value)
    if code is FailureCode.MAIL_RECIPIENT_NOT_FOUND:
        assert [type(found) for found in read(code)] == [raised, raised]
        return
    with pytest.raises(raised):
        read(code)
