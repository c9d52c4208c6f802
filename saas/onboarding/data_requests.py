"""A merchant wants her data deleted. She asks, and may take it back; the provider deletes all or part of it or refuses,
and says why: some of it law or WeChat want to be kept, and nothing goes that something under way still needs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.onboarding.erasing import erase_groups, hindrances, hold
from saas.onboarding.kept_data import ERASABLE, Group, entries_of
from saas.onboarding.models import DataRequest, DataRequestStatus
from saas.onboarding.notices import tell
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant, TaskKind
from saas.tenants.tasks import close_task, open_task

LONGEST = 500


class UnderWay(Conflict):
    """Something still needs her data; `what` are pairs of a msgid and a name."""

    def __init__(self, what: Collection[tuple[str, str]]) -> None:
        names = "、".join(name for _kind, name in what)
        super().__init__(N_("还有事情在办，现在不能删除：%(names)s"), hint=N_("等办完或取消后再删除。"), names=names)
        self.what = tuple(what)


class RequestOver(Conflict):
    """Settled or taken back already."""

    def __init__(self) -> None:
        super().__init__(N_("这个申请已经处理或撤回"))


@dataclass(frozen=True)
class Amount:
    """How much a group holds."""

    group: Group
    things: int
    papers: int


def ask_for_deletion(db: Session, merchant: Merchant, wish: str, *, who: Who) -> DataRequest:
    """Ask the provider to delete the merchant's data; an open request is the answer if there is one. Raises Invalid."""
    require(who, Verb.ANSWER)
    if not who.is_merchant:
        raise NotFound()
    wish = _words(wish, "wish")
    added = db.scalar(
        insert(DataRequest)
        .values(
            id=new_id(), created_at=clock.now(), provider_id=merchant.provider_id, merchant_id=merchant.id,
            asked_by=who.name, wish=wish,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id"], index_where=text("status = 'open'"))
        .returning(DataRequest.id)
    )  # fmt: skip
    if added is not None:
        open_task(db, merchant.provider_id, TaskKind.DATA_REQUEST, merchant.id, {"name": merchant.name})
        activity.record(db, who, "merchant.data.ask_delete", merchant)
    found = open_request(db, merchant)
    if found is None:
        raise RequestOver()
    return found


def withdraw(db: Session, merchant: Merchant, *, who: Who) -> None:
    """Take the open request back; raises RequestOver."""
    require(who, Verb.ANSWER)
    if not who.is_merchant:
        raise NotFound()
    _settle(db, merchant, _claim(db, merchant), DataRequestStatus.WITHDRAWN, "", who)
    activity.record(db, who, "merchant.data.withdraw", merchant)


def refuse(db: Session, merchant: Merchant, answer: str, *, who: Who) -> None:
    """Delete nothing and say why; raises Invalid and RequestOver."""
    _require_member(who)
    if not (answer := _words(answer, "answer")):
        raise Invalid(N_("请写明原因，商家会看到"), field="answer")
    request = _claim(db, merchant)
    _settle(db, merchant, request, DataRequestStatus.REFUSED, answer, who)
    activity.record(db, who, "merchant.data.refuse", merchant)
    _tell(db, request, N_("删除资料的申请没有通过"))


def erase(
    db: Session, merchant: Merchant, groups: Collection[Group], *, answer: str, typed: str, who: Who
) -> DataRequest:  # fmt: skip
    """Delete these groups for good, and tell the merchant. `typed` must be her name: it cannot be undone.

    Raises Invalid, RequestOver and UnderWay, and changes nothing then. What is not deleted of what could be needs a
    reason in `answer`.
    """
    _require_member(who)
    answer, chosen = _words(answer, "answer"), [group for group in ERASABLE if group in groups]
    if not chosen:
        raise Invalid(N_("请至少选一项"), field="groups")
    if len(chosen) < len(ERASABLE) and not answer:
        raise Invalid(N_("有资料要保留的话，请写明原因，商家会看到"), field="answer")
    if typed.strip() != merchant.name:
        raise Invalid(N_("和商家名称不一致"), field="typed")
    request = _claim(db, merchant)
    hold(db, merchant)
    if what := hindrances(db, merchant):
        raise UnderWay(what)
    erase_groups(db, merchant, chosen)
    request.erased = [group.value for group in chosen]
    _settle(db, merchant, request, DataRequestStatus.DONE, answer, who)
    activity.record(db, who, "merchant.data.erase", merchant, detail={"groups": request.erased})
    _tell(db, request, N_("您的资料已经删除") if len(chosen) == len(ERASABLE) else N_("您的资料已经删除一部分"))
    return request


def amounts(db: Session, merchant: Merchant, *, who: Who) -> list[Amount]:
    """How much there is to delete, by group."""
    found = []
    for group in ERASABLE:
        entries = entries_of(db, merchant, group, who=who)
        found.append(Amount(group, len(entries), sum(len(entry.papers) for entry in entries)))
    return found


def open_request(db: Session, merchant: Merchant) -> DataRequest | None:
    """What the provider has to settle for this merchant."""
    return db.scalar(
        select(DataRequest).where(DataRequest.merchant_id == merchant.id, DataRequest.status == DataRequestStatus.OPEN)
    )


def list_requests(db: Session, merchant: Merchant, *, limit: int = 10) -> list[DataRequest]:
    """What was asked for this merchant, the newest first."""
    query = select(DataRequest).where(DataRequest.merchant_id == merchant.id)
    return list(db.scalars(query.order_by(DataRequest.id.desc()).limit(limit)))


def merchants_who_ask(db: Session, merchant_ids: Collection[UUID]) -> set[UUID]:
    """Which of these merchants wait for their data to be deleted."""
    query = select(DataRequest.merchant_id).where(
        DataRequest.merchant_id.in_(merchant_ids), DataRequest.status == DataRequestStatus.OPEN
    )
    return set(db.scalars(query))


def _require_member(who: Who) -> None:
    require(who, Verb.WORK)
    if who.is_merchant:
        raise NotFound()


def _claim(db: Session, merchant: Merchant) -> DataRequest:
    """The open request, for the one who ends it: whoever comes at the same time waits, and finds it over."""
    query = select(DataRequest).where(
        DataRequest.merchant_id == merchant.id, DataRequest.status == DataRequestStatus.OPEN
    )
    found = db.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise RequestOver()
    return found


def _settle(
    db: Session, merchant: Merchant, request: DataRequest, status: DataRequestStatus, answer: str, who: Who
) -> None:  # fmt: skip
    request.status, request.answer = status, answer
    request.settled_at, request.settled_by = clock.now(), who.name
    close_task(db, merchant.provider_id, TaskKind.DATA_REQUEST, merchant.id)
    db.flush()


def _tell(db: Session, request: DataRequest, title: str) -> None:
    tell(
        db, request.provider_id, request.merchant_id, kind="merchant.data.settled", key=f"data_request:{request.id}",
        detail={"title": title, "reason": request.answer},
    )  # fmt: skip


def _words(text: str, name: str) -> str:
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid(N_("不能超过 %(most)d 个字"), field=name, most=LONGEST)
    return text
