"""Text messages: written in the reader's language, kept as rows, sent by a job after the commit.

The clouds send approved words only, so the words are a closed table; `params` are what is put into them, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.config import settings
from saas.queue import Lane, enqueue_for
from saas.tenants.models import OutgoingText


@dataclass(frozen=True)
class Words:
    """One approved text. `params` in the order in which the Chinese text, and so the cloud's template, uses them."""

    params: tuple[str, ...]
    chinese: str
    english: str


TEMPLATES: Mapping[str, Words] = {
    "sign_in_code": Words(
        ("code", "minutes"),
        "【代办】验证码 {code}，{minutes} 分钟内有效。请勿告诉任何人，包括自称工作人员的人。",
        "[Daiban] Your code is {code}, valid for {minutes} minutes. Tell it to nobody, not even to our staff.",
    ),
    "entry_link": Words(
        ("provider", "merchant", "link"),
        "【代办】{provider}邀请您办理“{merchant}”的小程序，请在微信中打开：{link}",
        "[Daiban] {provider} invites you to set up the mini program of {merchant}. Open in WeChat: {link}",
    ),
    "reminder": Words(
        ("program", "step", "link"),
        "【代办】“{program}”需要您处理：{step}。请打开：{link}",
        "[Daiban] {program} needs you: {step}. Please open: {link}",
    ),
}
_LONGEST_PARAM = 100


def send_text(
    db: Session, template: str, *, to: str, locale: str = "zh_CN", provider_id: UUID | None = None, **params: str
) -> OutgoingText:
    """Write a message to an E.164 number and send it once this transaction has committed.

    In a tenant's session `provider_id` must be its own.
    """
    words = TEMPLATES[template]
    flat = {name: " ".join(params[name].split())[:_LONGEST_PARAM] for name in words.params}
    text = (words.english if locale == "en" else words.chinese).format(**flat)
    message = OutgoingText(provider_id=provider_id, to=to, template=template, params=flat, text=text)
    db.add(message)
    db.flush()
    enqueue_for(db, provider_id, "jobs.tenants.send_text", message.id, lane=Lane.URGENT)
    return message


def ordered_params(message: OutgoingText) -> dict[str, str]:
    """A kept message's params in the words' order, which the database does not keep."""
    return {name: message.params[name] for name in TEMPLATES[message.template].params}


def empty(message: OutgoingText) -> None:
    """Forget number and words: they are personal and hold secrets. The demo keeps them to show them."""
    if not settings().sms_url.startswith("demo:"):
        message.to = message.text = ""
        message.params = {}


def list_texts(db: Session, limit: int = 100) -> list[OutgoingText]:
    """The newest messages, for the demo's page. In a platform session."""
    return list(db.scalars(select(OutgoingText).order_by(OutgoingText.id.desc()).limit(limit)))
