"""Mails: in both languages, sent after the commit, again after a failure, never twice, and without leftovers."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from saas.config import Settings, settings
from saas.db import platform_session
from saas.queue import Job, JobStatus
from saas.tenants.letters import LOCALES, render_letter, send_letter
from saas.tenants.models import OutgoingMail

TEMPLATES = sorted((Path("saas") / "templates" / "mail").glob("*.zh_CN.txt"))
VALUES = {
    "name": "诺拉", "link": "http://localhost:8000/x", "sign_in": "http://localhost:8000/sign-in", "ip": "203.0.113.7",
    "inviter": "爱丽", "provider": "爱丽服务", "role": "成员", "email": "nora@example.com", "merchant": "梅记",
    "program": "梅记点单", "due": "2026-12-02 10:00", "what": "bound_phone",
    "step": "备案短信核验", "title": "【代办】已恢复", "lines": ["甲", "", "http://localhost:8000/x"],
    "appid": "wx0123456789abcdef",
}  # fmt: skip


class _Mailbox(socketserver.StreamRequestHandler):
    """A small SMTP server that keeps what it is given, or refuses."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self._say("220 ready")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self._say("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line)
                server.letters.append(b"".join(lines).decode())
                self._say("250 taken")
            elif verb == b"RCPT" and server.refuses:
                self._say("451 come back later")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mailbox)
        self.letters: list[str] = []
        self.refuses = False


@pytest.fixture
def post_office(ground: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("DAIBAN_MAIL_URL", f"smtp://127.0.0.1:{server.server_address[1]}/?from=daiban@example.com")
    settings.cache_clear()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    monkeypatch.undo()
    settings.cache_clear()


def write() -> None:
    with platform_session("test") as db:
        send_letter(db, "verify_email", to="nora@example.com", name="诺拉", link="http://localhost:8000/verify/x")


def mail() -> OutgoingMail:
    with platform_session("test") as db:
        return db.scalars(select(OutgoingMail)).one()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_letter_exists_in_every_language(installed: Settings, template: Path, locale: str) -> None:
    subject, text = render_letter(template.name.split(".")[0], locale, VALUES)
    assert subject
    assert "http://localhost:8000/" in text
    assert "{{" not in subject + text


def test_a_letter_of_a_rolled_back_deed_is_not_sent(ground: Settings) -> None:
    def undone() -> None:
        with platform_session("test") as db:
            send_letter(db, "verify_email", to="nora@example.com", name="诺拉", link="http://localhost:8000/verify/x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    with platform_session("test") as db:
        assert db.scalars(select(OutgoingMail)).all() == db.scalars(select(Job)).all() == []


def test_a_letter_goes_out_with_its_own_id_and_its_secrets_are_emptied(
    post_office: _Server, run_jobs: Callable[..., list[str]]
) -> None:
    write()
    assert run_jobs() == ["jobs.tenants.send_mail"]
    (letter,) = post_office.letters
    assert f"Message-ID: <{mail().id}@daiban>" in letter
    assert "To: nora@example.com" in letter
    assert "multipart/alternative" in letter
    assert (mail().body_text, mail().body_html) == ("", "")
    assert mail().sent_at


def test_a_refused_letter_is_sent_later(post_office: _Server, run_jobs: Callable[..., list[str]]) -> None:
    post_office.refuses = True
    write()
    run_jobs()
    assert mail().sent_at is None
    post_office.refuses = False
    run_jobs(wait=60)
    assert len(post_office.letters) == 1
    assert mail().sent_at


def test_a_letter_that_is_never_taken_is_given_up_and_says_why(
    post_office: _Server, run_jobs: Callable[..., list[str]]
) -> None:
    post_office.refuses = True
    write()
    assert len(run_jobs(wait=86400)) == 8
    assert smtplib.SMTPRecipientsRefused.__name__ in mail().error
    with platform_session("test") as db:
        assert db.scalars(select(Job.status)).all() == [JobStatus.FAILED]
