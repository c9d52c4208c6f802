"""Which mini programs an action on many is for. What does not suit is left out instead of failing.

The conditions have names, so that work that is planned for later can ask them again when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from saas.programs import codes, filing
from saas.programs.changing import obstacle
from saas.programs.codes import CodeForm
from saas.programs.models import Program
from saas.programs.permissions import BASIC_INFO
from saas.wx.permissions import DEVELOPMENT


class Suits(StrEnum):
    """What a mini program must have. Plans keep these names: one that is renamed needs a migration."""

    ANY = "any"
    APPID = "appid"
    NO_APPID = "no_appid"
    MERCHANT = "merchant"
    OF_MERCHANT = "of_merchant"
    DEVELOPMENT = "development"
    BASIC_INFO = "basic_info"
    CATEGORIES = "categories"
    FILING = "filing"
    TRIAL_CODES = "trial_codes"
    CODES = "codes"

    def fits(self, program: Program) -> bool:
        return _CONDITIONS[self](program)


_CONDITIONS: Mapping[Suits, Callable[[Program], bool]] = {
    Suits.ANY: lambda _program: True,
    Suits.APPID: lambda program: bool(program.appid),
    Suits.NO_APPID: lambda program: not program.appid,
    Suits.MERCHANT: lambda program: program.merchant_id is not None,
    Suits.OF_MERCHANT: lambda program: bool(program.appid) and program.merchant_id is not None,
    Suits.DEVELOPMENT: lambda program: bool(program.appid) and not obstacle(program, DEVELOPMENT),
    Suits.BASIC_INFO: lambda program: not obstacle(program, BASIC_INFO),
    Suits.CATEGORIES: lambda program: not obstacle(program, BASIC_INFO, by_api=True),
    Suits.FILING: lambda program: not filing.hindrance(program),
    Suits.TRIAL_CODES: lambda program: not codes.hindrance(program, CodeForm.TRIAL),
    Suits.CODES: lambda program: not codes.hindrance(program, CodeForm.UNLIMITED),
}
