"""The full-network release check (全网发布检测): what WeChat's test accounts must be answered.

WeChat authorizes one of its test accounts, writes to the message URL, and expects the answers below within five
seconds. Test accounts are nobody's mini program: exchange their codes, but create, bill and notify nothing.
https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/operation/thirdparty/releases_instructions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from saas.wx.callbacks import text_reply
from saas.wx.contract import operations

TEXT_SENT = "TESTCOMPONENT_MSG_TYPE_TEXT"
TEXT_ANSWERED = "TESTCOMPONENT_MSG_TYPE_TEXT_callback"
CODE_PREFIX = "QUERY_AUTH_CODE:"


@dataclass(frozen=True)
class AnswerNow:
    """Answer with this text, encrypted, in the response to the push."""

    to: str
    from_: str
    content: str

    def plaintext(self, created_at: int) -> bytes:
        """The reply before encryption; `created_at` is Unix seconds."""
        return text_reply(self.to, self.from_, self.content, created_at)


@dataclass(frozen=True)
class AnswerByMessage:
    """Answer the push with an empty body; right afterwards exchange `code` and send `content` to `touser`.

    The message is sent with the token that `api_query_auth` answers for the code.
    """

    touser: str
    code: str = field(repr=False)

    @property
    def content(self) -> str:
        return f"{self.code}_from_api"


def is_test_account(appid: str) -> bool:
    """Whether the appid is one of WeChat's accounts for the check, official account or mini program."""
    return appid in _official_accounts() or appid in _mini_programs()


def answer_to(appid: str, message: Mapping[str, Any]) -> AnswerNow | AnswerByMessage | None:
    """What a decrypted message for `appid` must be answered; None: it is no case of the check."""
    if not is_test_account(appid):
        return None
    sender, account = _text(message, "FromUserName"), _text(message, "ToUserName")
    match _text(message, "MsgType"):
        case "text":
            content = _text(message, "Content")
            if content == TEXT_SENT:
                return AnswerNow(sender, account, TEXT_ANSWERED)
            if content.startswith(CODE_PREFIX) and content != CODE_PREFIX:
                return AnswerByMessage(sender, content.removeprefix(CODE_PREFIX))
        case "event" if appid in _official_accounts() and _text(message, "Event"):
            return AnswerNow(sender, account, f"{_text(message, 'Event')}from_callback")
    return None


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""


@cache
def _official_accounts() -> frozenset[str]:
    return frozenset(group["officialAccount"]["appid"] for group in operations.release_check()["test-accounts"])


@cache
def _mini_programs() -> frozenset[str]:
    return frozenset(group["miniProgram"]["appid"] for group in operations.release_check()["test-accounts"])
