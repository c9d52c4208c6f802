"""Outgoing mail over SMTP. Rows that wait to be sent are `tenants.OutgoingMail`; the demo shows them instead."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

from saas.config import settings


def send(*, to: str, subject: str, text: str, html: str = "", message_id: str = "", sender_name: str = "") -> None:
    """Send one message by DAIBAN_MAIL_URL (``smtp`` with STARTTLS, ``smtps``, or ``demo:`` which sends nothing).

    `sender_name` stands before the address of DAIBAN_MAIL_URL, which does not change.
    Raises OSError or smtplib.SMTPException when the server cannot be reached or refuses.
    """
    address = urlsplit(settings().mail_url)
    if address.scheme in ("", "demo"):
        return
    sender = parse_qs(address.query).get("from", [f"daiban@{address.hostname}"])[0]
    message = EmailMessage()
    if sender_name:
        message["From"] = Address(display_name=sender_name, addr_spec=parseaddr(sender)[1])
    else:
        message["From"] = sender
    message["To"], message["Subject"] = to, subject
    message["Date"], message["Message-ID"] = formatdate(), message_id or make_msgid(domain="daiban")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    context = ssl.create_default_context()
    host, port = address.hostname or "localhost", address.port
    server: smtplib.SMTP
    if address.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port or 465, timeout=20, context=context)
    else:
        server = smtplib.SMTP(host, port or 587, timeout=20)
    with server:
        server.ehlo()
        if address.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        server.send_message(message)
