"""Jobs about people and providers: send mails, forget what is over."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from jobs.runner import job
from saas import clock, mail, sms
from saas.config import settings
from saas.db import settle
from saas.onboarding import data_exports
from saas.programs import importing
from saas.queue import Lane, enqueue_for
from saas.tenants import hand_overs, own_hosts, sign_in_codes, texts, wechat_messages
from saas.tenants.models import LoginSession, MailToken, OutgoingMail, OutgoingText, SignInCode, WeChatMessage
from saas.tenants.providers import own_provider
from saas.tenants.stored_files import drop_files_before


def _gave_up(db: Session, mail_id: UUID, error: BaseException) -> None:
    letter = _load(db, mail_id)
    if letter is not None:
        letter.error = f"{type(error).__name__}: {error}"[:500]


@job(attempts=8, gave_up=_gave_up)
def send_mail(db: Session, mail_id: UUID, _attempt: int) -> None:
    """Send one mail that is not sent yet.

    It is marked after the server took it, so a worker that dies in between sends it twice, with the same Message-ID:
    a mail that comes twice is better than one that never comes.
    """
    letter = _load(db, mail_id)
    if letter is None or letter.sent_at is not None:
        return
    settle(db)
    mail.send(
        to=letter.to, subject=letter.subject, text=letter.body_text, html=letter.body_html,
        message_id=f"<{letter.id}@daiban>", sender_name=letter.sender,
    )  # fmt: skip
    letter.sent_at = clock.now()
    letter.error = ""
    if not settings().mail_url.startswith("demo:"):
        letter.body_text = letter.body_html = ""  # it holds secret links


def _load(db: Session, mail_id: UUID) -> OutgoingMail | None:
    return db.scalar(select(OutgoingMail).where(OutgoingMail.id == mail_id))


def _text_gave_up(db: Session, text_id: UUID, error: BaseException) -> None:
    message = _load_text(db, text_id)
    if message is not None:
        message.error = f"{type(error).__name__}: {error}"[:500]
        texts.empty(message)


@job(attempts=5, gave_up=_text_gave_up)
def send_text(db: Session, text_id: UUID, _attempt: int) -> None:
    """Send one text message that is not sent yet; a code that nobody could use any more is not sent.

    It is marked after the gateway took it, so a worker that dies in between sends it twice.
    """
    message = _load_text(db, text_id)
    if message is None or message.sent_at is not None or message.error:
        return
    if message.template == "sign_in_code" and message.created_at + sign_in_codes.LIVES <= clock.now():
        message.error = "expired before it could be sent"
        texts.empty(message)
        return
    to, template, params, text = message.to, message.template, texts.ordered_params(message), message.text
    settle(db)
    sms.send(to, template, params, text)
    message.sent_at = clock.now()
    texts.empty(message)


def _load_text(db: Session, text_id: UUID) -> OutgoingText | None:
    return db.scalar(select(OutgoingText).where(OutgoingText.id == text_id))


def _message_gave_up(db: Session, message_id: UUID, _error: BaseException) -> None:
    wechat_messages.give_up(db, message_id)


@job(attempts=5, gave_up=_message_gave_up)
def send_wechat_message(db: Session, message_id: UUID, _attempt: int) -> None:
    """Send one message of a provider's service account that is not sent yet."""
    wechat_messages.send(db, own_provider(db), message_id)


@job(attempts=1)
def look_at_host(db: Session, provider_id: UUID, _attempt: int) -> None:
    """Ask a provider's own host whether it leads here."""
    provider = own_provider(db)
    if provider.id == provider_id:
        own_hosts.look_at_host(db, provider)


def look_at_hosts(db: Session) -> None:
    """Cron: ask all own hosts."""
    for provider_id in own_hosts.named_hosts(db):
        enqueue_for(db, provider_id, own_hosts.LOOK, provider_id, lane=Lane.POLL)


def forget_the_past(db: Session) -> None:
    """Cron: forget sign-ins, sent secrets, mails and messages that ended a month ago, tables of mini programs that
    nobody took over for a day, and merchants' downloads of yesterday.
    """
    drop_files_before(db, importing.FILE_KIND, clock.now() - timedelta(days=1))
    data_exports.forget_old_exports(db)
    before = clock.now() - timedelta(days=30)
    db.execute(delete(LoginSession).where((LoginSession.expires_at < before) | (LoginSession.revoked_at < before)))
    db.execute(delete(MailToken).where(MailToken.expires_at < before))
    db.execute(delete(OutgoingMail).where(OutgoingMail.created_at < before))
    db.execute(delete(OutgoingText).where(OutgoingText.created_at < before))
    db.execute(delete(WeChatMessage).where(WeChatMessage.created_at < before))
    db.execute(delete(SignInCode).where(SignInCode.expires_at < before))
    hand_overs.forget_hand_overs(db)
