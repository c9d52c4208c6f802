"""The thread that delivers pushes, as WeChat does: 5 seconds for an answer, 3 tries."""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import httpx2

from saas.sandbox import mistakes
from saas.sandbox.clock import Clock
from saas.sandbox.pushes import SYSTEM_OPENID, cdata, push_event
from saas.sandbox.state import Db, Row, State, insert, one, random_text, rows, setting
from saas.sandbox.trials import end_trials
from saas.wx.crypto import Encrypted, MessageCrypto, signature

TICKET_SECONDS = 600
TICKET_LIVES = 12 * 3600
_TRIES = 3
_ANSWER_SECONDS = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """What came back. `status` is None when nothing did."""

    status: int | None
    ms: int
    answer: str

    @property
    def is_success(self) -> bool:
        return self.status == 200 and self.answer.strip() in ("", "success")


class Pusher:
    """Pushes of one component app go out one after the other, those of different ones side by side."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self.stopping = threading.Event()
        self._work = threading.Event()
        self._busy: set[str] = set()
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="push")
        self._http = httpx2.Client(timeout=_ANSWER_SECONDS, trust_env=False, verify=_tls())

    def start(self) -> None:
        """Take up what was left by the process before."""
        with self._state.turn() as db:
            db.execute("update push set state = 'waiting' where state = 'sending'")
        self._thread = threading.Thread(target=self._run, name="pusher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._work.set()
        if self._thread:
            self._thread.join(timeout=10)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def wake(self) -> None:
        """There may be something new to send."""
        self._work.set()

    def send(self, component: Row, url: str, plaintext: str, envelope: str, *, forged: bool = False) -> Delivery:
        """One encrypted POST. `envelope` is the clear-text element beside the ciphertext."""
        openid = {} if envelope.startswith("<AppId>") else {"openid": SYSTEM_OPENID}
        sealed = seal(component, plaintext)
        query = {
            "signature": signature(component["token"], sealed.timestamp, sealed.nonce),
            "timestamp": sealed.timestamp,
            "nonce": sealed.nonce,
            "encrypt_type": "aes",
            "msg_signature": secrets.token_hex(20) if forged else sealed.msg_signature,
            **openid,
        }
        body = f"<xml>{envelope}<Encrypt>{cdata(sealed.encrypted)}</Encrypt></xml>"
        started = time.perf_counter()
        status: int | None = None
        try:
            response = self._http.post(url, params=query, content=body.encode(), headers={"Content-Type": "text/xml"})
            status, answer = response.status_code, response.text[:4000]
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            answer = f"{type(error).__name__}: {error}"
        return Delivery(status, round((time.perf_counter() - started) * 1000), answer)

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                with self._state.turn() as db:
                    end_trials(db, self._clock.now())
                    _push_due_tickets(db, self._clock.now())
                    due = self._claim(db)
                for push, component in due:
                    self._pool.submit(self._deliver, push, component)
            except Exception:
                _log.exception("the pusher stumbled")
                self.stopping.wait(1)
            self._work.wait(0.5)
            self._work.clear()

    def _claim(self, db: Db) -> list[tuple[Row, Row]]:
        claimed = []
        for component in rows(db, "select * from component"):
            if component["appid"] in self._busy:
                continue
            push = one(
                db,
                "select * from push where state = 'waiting' and component = ? and due_at <= ? order by seq limit 1",
                component["appid"],
                time.time(),
            )
            if push:
                db.execute("update push set state = 'sending' where id = ?", (push["id"],))
                self._busy.add(component["appid"])
                claimed.append((push, component))
        return claimed

    def _deliver(self, push: Row, component: Row) -> None:
        try:
            url, envelope = _address(push, component)
            if url:
                outcome = self.send(component, url, push["xml"], envelope, forged=bool(push["forged"]))
            else:
                outcome = Delivery(None, 0, "没有填写回调地址")
            with self._state.turn() as db:
                _record(db, push, component, outcome, self._clock.now())
        except Exception:
            _log.exception("push %s could not be delivered", push["id"])
        finally:
            self._busy.discard(component["appid"])
            self.wake()


@cache
def _tls() -> ssl.SSLContext:
    """Slow to make, so made once."""
    return ssl.create_default_context()


def seal(component: Row, plaintext: str) -> Encrypted:
    """Encrypt for a component app with its present key."""
    crypto = MessageCrypto(token=component["token"], aes_key=component["aes_key"], appid=component["appid"])
    nonce = str(secrets.randbelow(10**10)).zfill(10)
    return crypto.encrypt(plaintext.encode(), timestamp=int(time.time()), nonce=nonce)


def push_ticket(db: Db, component: str, now: float) -> str:
    """Make a new ticket and push it; tickets of the last 12 hours stay good."""
    value = f"ticket@@@{random_text(86)}"
    insert(db, "ticket", value=value, component=component, created_at=now)
    db.execute("delete from ticket where component = ? and created_at < ?", (component, now - TICKET_LIVES * 2))
    db.execute("update component set ticket_at = ?, pushing = 1 where appid = ?", (now, component))
    push_event(db, component, "component_verify_ticket", {"ComponentVerifyTicket": value}, now)
    return value


def stop_tickets(db: Db, component: str) -> None:
    """No more tickets until api_start_push_ticket."""
    db.execute("update component set pushing = 0 where appid = ?", (component,))


def _push_due_tickets(db: Db, now: float) -> None:
    due = rows(
        db,
        "select appid from component where pushing = 1 and events_url <> '' and (ticket_at <= ? or ticket_at > ? + 60)",
        now - TICKET_SECONDS,
        now,
    )
    for component in due:
        push_ticket(db, component["appid"], now)


def _address(push: Row, component: Row) -> tuple[str, str]:
    if push["account"] is None:
        return component["events_url"], f"<AppId>{cdata(component['appid'])}</AppId>"
    url = component["messages_url"].replace("$APPID$", push["account"])
    to = push["xml"].partition("<ToUserName>")[2].partition("</ToUserName>")[0]
    return url, f"<ToUserName>{to}</ToUserName>"


def _record(db: Db, push: Row, component: Row, outcome: Delivery, now: float) -> None:
    insert(db, "delivery", push=push["id"], at=now, ms=outcome.ms, status=outcome.status, answer=outcome.answer[:500])
    attempts = push["attempts"] + 1
    refused_rightly = push["forged"] and outcome.status in (400, 401, 403)
    if outcome.is_success or refused_rightly:
        state = "refused" if refused_rightly else "delivered"
    else:
        state = "waiting" if attempts < _TRIES and not push["forged"] else "failed"
        if push["forged"]:
            what = "接受了签名不对的推送"
        elif outcome.status is None:
            what = "推送没有在 5 秒内得到应答"
        else:
            what = "推送的应答不是 success"
        mistakes.note(
            db,
            now,
            what,
            operation=push["name"],
            component=component["appid"],
            example=f"HTTP {outcome.status} {outcome.answer}",
        )
    if push["forged"] and outcome.is_success:
        state = "failed"
        mistakes.note(db, now, "接受了签名不对的推送", operation=push["name"], component=component["appid"])
    db.execute(
        "update push set state = ?, attempts = ?, due_at = ? where id = ?",
        (state, attempts, time.time() + attempts * float(setting(db, "retry_seconds", "1")), push["id"]),
    )
