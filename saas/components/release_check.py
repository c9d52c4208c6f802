"""WeChat's full-network release check (全网发布检测): its test accounts are authorized and answered like no other."""

from __future__ import annotations

from sqlalchemy.orm import Session

from saas import clock
from saas.components.authorizations import store_authorization
from saas.components.models import ComponentApp
from saas.components.wechat import wechat
from saas.db import settle
from saas.wx.errors import AuthorizationCodeInvalid
from saas.wx.events import Authorized
from saas.wx.release_check import AnswerByMessage


def note_release_check(db: Session, component: ComponentApp) -> None:
    """Remember that WeChat is testing, for the page that shows how it went."""
    component.release_check_at = clock.now()
    db.flush()


def authorize_test_account(db: Session, component: ComponentApp, event: Authorized) -> None:
    """Exchange the code as for any account. A used code is no fault: this job may run twice."""
    settle(db)
    try:
        answer = wechat(component).component.api_query_auth(authorization_code=event.code)
    except AuthorizationCodeInvalid:
        return
    store_authorization(db, component, answer["authorization_info"], granted_at=event.created_at)


def answer_by_message(db: Session, component: ComponentApp, appid: str, answer: AnswerByMessage) -> None:
    """Exchange the code that the test person wrote and send her the expected text with the token that it brings."""
    settle(db)
    client = wechat(component)
    try:
        info = client.component.api_query_auth(authorization_code=answer.code)["authorization_info"]
    except AuthorizationCodeInvalid:  # exchanged already by the first run of this job, so its token is stored
        pass
    else:
        store_authorization(db, component, info, granted_at=clock.now())
        settle(db)
    client.messages.send(appid, touser=answer.touser, content=answer.content)
