"""What can go wrong in a call to WeChat, as classes that a caller can act on.

Two kinds: WeChat answered with an errcode (`WeChatError` and its children), or there is no answer to trust
(`WeChatUnreachable`, `UnreadableAnswer`). An errcode without a class of its own comes as plain `WeChatError`.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime

from saas.wx.failures import CallFailed as CallFailed
from saas.wx.failures import UnreadableAnswer as UnreadableAnswer
from saas.wx.failures import WeChatError as WeChatError
from saas.wx.failures import WeChatUnreachable as WeChatUnreachable
from saas.wx.failures import for_codes
from saas.wx.failures import from_answer as from_answer

_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:::ffff:|[0-9a-f]{0,4}:)[0-9a-f:.]*)(?![\w])", re.I)


@for_codes(-1, 89247, 86301, 886001, 89401)
class SystemBusy(WeChatError):
    """WeChat's side is busy; whether the call took effect is unknown."""


@for_codes(45011, 44990, 61038, 53011, ("getUnlimitedQRCode", 45009))
class RateLimited(WeChatError):
    """Too many calls in a short time; the same call works a minute later."""


@for_codes(9402202, 85090)
class PreviousStepRunning(RateLimited):
    """WeChat still works on the last upload or submission of this mini program."""


@for_codes(40001, 40014, 42001, 42006)
class TokenRefused(WeChatError):
    """The access token is not valid (any more): the client fetches a new one and repeats once by itself."""


@for_codes(40125, 41004, ("getComponentAccessToken", 40001), ("startPushTicket", 40001))
class SecretWrong(WeChatError):
    """The component app's AppSecret is wrong, probably reset in the console."""


@for_codes(61005, 61006)
class TicketInvalid(WeChatError):
    """The component_verify_ticket is expired (61005) or not WeChat's (61006)."""


@for_codes(61004, 40164, 45035)
class IpNotAllowed(WeChatError):
    """The address that this call came from is not on the component app's IP list."""

    @property
    def address(self) -> str | None:
        """The address as WeChat saw it, to be put on the list."""
        for match in _ADDRESS.finditer(self.message):
            try:
                address = ipaddress.ip_address(match[0])
            except ValueError:
                continue
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            return str(mapped or address)
        return None


@for_codes(40013, 61011, 61000, 61001)
class AppidInvalid(WeChatError):
    """The appid is malformed, or is not the account that the token belongs to."""


@for_codes(61028, 61029, 86031, 86033, 89254, 61016)
class ComponentNotPublished(WeChatError):
    """The component app has not been released to the whole network, or not with the permission sets needed."""


@for_codes(61023, 42002, 42007)
class RefreshTokenInvalid(WeChatError):
    """The refresh token is void: recover it from the authorizer list, else the merchant authorizes again."""


@for_codes(61003)
class NotAuthorized(WeChatError):
    """The merchant's account is not (any more) authorized to this component app."""


@for_codes(61009, 61010)
class AuthorizationCodeInvalid(WeChatError):
    """The authorization code is wrong or expired: only a new authorization brings another."""


@for_codes(61007, 48001, 61017)
class PermissionMissing(WeChatError):
    """The authorization lacks the permission set that this call needs."""


@for_codes(50002, 48004, 48002, 89013, 86007)
class AccountRestricted(WeChatError):
    """The account is frozen, punished or barred from this interface."""


@for_codes(41033, 91001, 40064)
class NotCreatedByApi(WeChatError):
    """This call works only for mini programs that were registered through the API."""


@for_codes(
    40033,
    40097,
    41001,
    41002,
    41018,
    41021,
    43001,
    43002,
    43003,
    44002,
    47001,
    47002,
    61012,
    61013,
    61014,
    61015,
    61020,
    61024,
    61037,
    86030,
    89253,
)
class RequestMalformed(WeChatError):
    """The request itself is wrong: a mistake in this program, not in anybody's data."""


@for_codes(
    45029,
    45047,
    53200,
    53202,
    53300,
    61055,
    85400,
    86102,
    886000,
    89030,
    91030,
    9420000,
    ("secwxaapiReauth", 45009),
    ("setNickName", 45009),
)
class BudgetUsedUp(WeChatError):
    """A counted action has no chances left in its period; `returns_at` says when it has some again, if known."""

    returns_at: datetime | None = None


@for_codes(45009)
class DailyCallsUsedUp(BudgetUsedUp):
    """The interface's calls of today are used up; they can be reset ten times a month."""


@for_codes(48006)
class ResetsUsedUp(BudgetUsedUp):
    """This month's ten resets of the call counters are used up."""


@for_codes(85085)
class AuditQuotaUsedUp(BudgetUsedUp):
    """The provider's submissions of this month are used up."""


@for_codes(87013)
class UndoLimit(BudgetUsedUp):
    """The withdrawals of today or of this month are used up."""


@for_codes(89405)
class SpeedupsUsedUp(BudgetUsedUp):
    """The provider's fast reviews of this month are used up."""


@for_codes(85014, 85064)
class TemplateNotFound(WeChatError):
    """The template or draft is not in the library (any more)."""


@for_codes(85065)
class TemplateLibraryFull(WeChatError):
    """The library holds its maximum: delete a template first."""


@for_codes(85013, 85045, 85046, 85047, 85048, 85310, 85311, 9402203)
class ExtJsonRefused(WeChatError):
    """WeChat does not accept the ext_json with this template."""


@for_codes(85043, 85044, 80066, 80067, 80082, -60005)
class TemplateRefused(WeChatError):
    """The template itself cannot be uploaded: damaged, too large, or its plugins are not usable."""


@for_codes(85086, 86001)
class CodeNotUploaded(WeChatError):
    """No code of this component app is on the mini program: upload first."""


@for_codes(61039)
class PrivacyScanPending(WeChatError):
    """WeChat still scans the uploaded code for privacy interfaces: ask again in a minute, do not upload again."""


@for_codes(61040, 85312)
class PrivacyInterfaceRefused(WeChatError):
    """The code uses privacy interfaces that are not granted or not declared."""


@for_codes(86069, 86070, 86072, 86073, 86074, 86075)
class PrivacyGuideRefused(WeChatError):
    """WeChat does not accept the privacy guide."""


@for_codes(86002, 86020)
class ProfileIncomplete(WeChatError):
    """Name, avatar or introduction is missing."""


@for_codes(85008, 85077)
class CategoryMissing(WeChatError):
    """The mini program has no valid approved category."""


@for_codes(53301, 53302, 53303, 53304, 53305, 53306, 53307, 53308, 53310, 53311)
class CategoryRefused(WeChatError):
    """WeChat does not accept this change of categories."""


@for_codes(85009)
class AuditAlreadyRunning(WeChatError):
    """A submission is in audit already."""


@for_codes(85006, 85007, 85010, 85011, 85023, 85051, 85087, 85091, 85092, 85093, 85094, 87006, 9400001)
class SubmissionRefused(WeChatError):
    """Something in the submission is wrong: pages, tags, texts, pictures, declarations."""


@for_codes(86008, 86009, 86010)
class SubmissionBarred(WeChatError):
    """WeChat has barred the provider from submitting."""


@for_codes(85012, 85058)
class NoSuchAudit(WeChatError):
    """WeChat knows no such submission; for the newest one it means that nothing was ever submitted."""


@for_codes(("undoAudit", 87012), 89402, 89403, 89404)
class AuditNotOpen(WeChatError):
    """The submission is not in audit (any more), so it can neither be withdrawn nor sped up."""


@for_codes(85019, 85020, 85080)
class NothingToRelease(WeChatError):
    """There is no approved version that could go online."""


@for_codes(85052)
class AlreadyReleased(WeChatError):
    """The approved version is online already: done, if the online version is the expected one."""


@for_codes(("revertCodeRelease", 87012))
class CannotRollBack(WeChatError):
    """There is no earlier version to go back to, or the present one came from a roll-back."""


@for_codes(87011, 89258)
class PhasedReleaseRunning(WeChatError):
    """A phased release runs: finish or cancel it first."""


@for_codes(85079, 85074, 41030, 40066)
class NothingOnline(WeChatError):
    """The mini program has never been released, or this page is not online."""


@for_codes(85081, 85082)
class PercentageRefused(WeChatError):
    """The percentage of a phased release is not valid, or not higher than the present one."""


@for_codes(40007, 46001, 86205)
class MediaNotFound(WeChatError):
    """The media id is unknown, older than three days, or belongs to another account."""


@for_codes(40004, 40005, 40006, 40009, 40126, 41005, 41006, 61032, 61033, 86201)
class MediaRefused(WeChatError):
    """WeChat does not accept the file: its kind, format, size, or its name's ending."""


@for_codes(
    53010,
    53012,
    53013,
    53014,
    53015,
    53016,
    53017,
    53018,
    53019,
    86011,
    86017,
    91002,
    91003,
    91004,
    91005,
    91006,
    91007,
    91008,
    91010,
    91012,
    91013,
    91014,
    91015,
    91016,
    91017,
    91018,
    91019,
)
class NameRefused(WeChatError):
    """WeChat does not accept the name."""


@for_codes(91009)
class NameNeedsProof(NameRefused):
    """The name is possible, but proof has to be uploaded; `answer["wording"]` says which."""


@for_codes(89019, 85017)
class NothingToChange(WeChatError):
    """The wanted state is the present state."""


@for_codes(85018, 89020, 89021)
class DomainNotRegistered(WeChatError):
    """The host is not registered for the component app, which has to come first."""


@for_codes(45082, 85016, 85301, 85302, 85303, 86100, 86101, 89029, 89231, 506015, 9410016, 9420001, 9420002)
class DomainRefused(WeChatError):
    """WeChat does not accept a host: form, ICP filing, or a limit."""


@for_codes(86103, 85069)
class CheckFileMissing(WeChatError):
    """The check file is not at the host, or differs by a byte."""


@for_codes(85001, 85002, 85003)
class TesterRefused(WeChatError):
    """This person cannot become a tester: unknown WeChat id, or a list is full."""


@for_codes(85004)
class TesterAlreadyBound(WeChatError):
    """This person is a tester already."""


@for_codes(
    61026,
    61027,
    61051,
    61052,
    61053,
    61054,
    61056,
    61058,
    61060,
    61061,
    61063,
    61064,
    61065,
    61066,
    61067,
    61068,
    61069,
    61070,
    61071,
    61072,
    85026,
    85027,
    85060,
    85061,
    85062,
    85063,
    86004,
    86005,
    86012,
    86021,
    86022,
    86032,
    86034,
    86036,
    86040,
    89248,
    89255,
    89295,
    91020,
    91021,
)
class RegistrationRefused(WeChatError):
    """The registration data or a person in it is not accepted; the explanation says what."""


@for_codes(61057, 89249, 89251, 89252)
class RegistrationRunning(WeChatError):
    """A registration of this subject is already under way."""


@for_codes(89000)
class OpenAccountAlreadyBound(WeChatError):
    """The account is bound to an open-platform account already."""


@for_codes(89002)
class OpenAccountNotBound(WeChatError):
    """The account is not bound to any open-platform account: a state, not a failure."""


@for_codes(89601, 89602, 89603, 89609, 89620, 89621, 89623, 89630, 89636, 89637, 89639, 89640)
class CertificationRefused(WeChatError):
    """WeChat does not accept the certification data."""


@for_codes(89604, 89605)
class CertificationRunning(WeChatError):
    """A certification of this mini program is under way."""


@for_codes(86202, 86302, 86303, 86308, 86355, ("applyIcpFiling", 86328), ("submitAuthAndIcp", 86328))
class FilingRefused(WeChatError):
    """WeChat does not accept the filing data; `answer["hints"]` names the fields."""


@for_codes(86324, 86358)
class FilingRunning(WeChatError):
    """A filing of this mini program is under way."""


@for_codes(86328, 86330, 86353, 86368)
class NoSuchFiling(WeChatError):
    """There is nothing of this filing to read, withdraw or cancel."""
