"""Budgets: WeChat's limits (`saas.wx.limits`) counted over all processes, so that no call is made in vain.

A call takes its chance before it is sent, in one statement that no two workers can win together. It gives it back when
WeChat refused without counting. An outcome that nobody knows counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, and_, case, delete, false, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock, vault
from saas.components.models import Budget as BudgetRow
from saas.components.models import ComponentApp
from saas.config import Settings, UnsafeSettings, settings
from saas.db import new_id, run_at_once, tenant_session
from saas.errors import N_
from saas.wx import errors
from saas.wx.contract.operations import Operation
from saas.wx.limits import BY_NAME, LIMITS, Limit, Period, Scope, Sent, Told, limits_of, tells, told

Settle = Callable[[Any], None]
"""Is told how the call went: its answer, or the `CallFailed`."""

_KEY = ("component_id", "owner", "name", "starts_on")
_USED_UP = N_("本系统的计数显示次数已用完，这次没有请求微信")
_DEFAULT_ERRCODE = 45009
_PURPOSE = "budgets.owner"
_KEEP = {Period.DAY: timedelta(days=60), Period.MONTH: timedelta(days=397), Period.YEAR: timedelta(days=730)}


_TAKE = """
insert into budgets (id, created_at, provider_id, component_id, owner, name, starts_on, used)
values (%(id)s, %(now)s, %(provider)s, %(component)s, %(owner)s, %(name)s, %(starts_on)s, 1)
on conflict (component_id, owner, name, starts_on) do update set used = budgets.used + 1
where budgets.provider_id = excluded.provider_id
  and (not %(holds)s or coalesce(budgets.used < coalesce(%(given)s::int, budgets.told, %(amount)s::int), true))
returning id
"""


class OfProgram(Protocol):
    """A mini program, as far as its budgets are concerned."""

    @property
    def id(self) -> UUID: ...

    @property
    def component_id(self) -> UUID: ...

    @property
    def appid(self) -> str: ...


Owner = ComponentApp | OfProgram


@dataclass(frozen=True)
class _Named:
    id: UUID
    component_id: UUID
    appid: str


@dataclass(frozen=True)
class Budget:
    """What is left of a limit. `amount` and `left` are None where nobody knows how much there is.

    `returns_at` is when the count starts anew, None when it never does. `holds`: above it no call is made.
    """

    limit: Limit
    amount: int | None
    used: int
    returns_at: datetime | None
    holds: bool

    @property
    def left(self) -> int | None:
        return None if self.amount is None else max(0, self.amount - self.used)


def refuse_unknown_limits(config: Settings) -> None:
    """At the start: a limit that the setting misspells would silently keep WeChat's amount."""
    unknown = sorted(set(config.wechat_limits) - set(BY_NAME))
    if unknown:
        raise UnsafeSettings(f"DAIBAN_WECHAT_LIMITS: no limit is named {', '.join(unknown)}; see saas/wx/limits.py")


def left(db: Session, owner: Owner, name: str) -> Budget:
    """What a component app or a mini program has left of one limit; one query."""
    return left_in_bulk(db, [owner], [name])[owner.id, name]


def left_of(db: Session, component: ComponentApp, name: str, value: str) -> Budget:
    """What somebody has left who is known by an appid, or by what a field of the call holds, alone."""
    hashed = vault.keyed_hash(component.provider_id, value, purpose=_PURPOSE).hex()
    owner = _Named(component.id, component.id, hashed if BY_NAME[name].scope is Scope.FIELD else value)
    return left(db, owner, name)


def left_in_bulk(db: Session, owners: Iterable[Owner], names: Iterable[str]) -> dict[tuple[UUID, str], Budget]:
    """What many have left of some limits, by the owner's id and the limit's name; one query."""
    now, limits = clock.now(), [BY_NAME[name] for name in names]
    keys = {
        (owner.id, limit.name): (*_whose(owner), limit.name, limit.period.start(now))
        for owner in owners
        for limit in limits
    }
    columns = (BudgetRow.component_id, BudgetRow.owner, BudgetRow.name, BudgetRow.starts_on)
    query = select(*columns, BudgetRow.used, BudgetRow.told).where(tuple_(*columns).in_(keys.values()))
    found = {row[:4]: (row.used, row.told) for row in db.execute(query)}
    return {
        (owner_id, name): _budget(BY_NAME[name], key[3], *found.get(key, (0, None)))
        for (owner_id, name), key in keys.items()
    }


def used_up(db: Session, component_id: UUID, names: Iterable[str]) -> set[str]:
    """The mini programs of a component app, by appid, that have no chance left of one of these limits; one query."""
    limits = {name: (BY_NAME[name], BY_NAME[name].period.start(clock.now())) for name in names}
    query = select(BudgetRow.owner, BudgetRow.name, BudgetRow.starts_on, BudgetRow.used, BudgetRow.told).where(
        BudgetRow.component_id == component_id, BudgetRow.name.in_(limits),
        BudgetRow.starts_on.in_({start for _, start in limits.values()}),
    )  # fmt: skip
    found = set()
    for row in db.execute(query):
        limit, start = limits[row.name]
        if row.starts_on == start:
            left = _budget(limit, start, row.used, row.told)
            if left.holds and left.left == 0:
                found.add(row.owner)
    return found


def is_used_up(names: Iterable[str]) -> ColumnElement[bool]:
    """The rows of `Budget` whose limit, one of these, has nothing left now."""
    now = clock.now()
    conditions: list[ColumnElement[bool]] = [false()]
    for limit in (BY_NAME[name] for name in names):
        told_too = func.coalesce(BudgetRow.told, literal(limit.amount, Integer))
        amount = literal(_amount(limit)[0], Integer) if limit.name in settings().wechat_limits else told_too
        starts_on = limit.period.start(now)
        conditions.append(
            and_(BudgetRow.name == limit.name, BudgetRow.starts_on == starts_on, BudgetRow.used >= amount)
        )
    return or_(*conditions)


def read_budget(row: BudgetRow) -> Budget:
    """What a row of the running period means."""
    return _budget(BY_NAME[row.name], row.starts_on, row.used, row.told)


def history(db: Session, component: ComponentApp, name: str) -> list[Budget]:
    """How a component app's own limit was used in each period that is still kept, the newest first."""
    query = select(BudgetRow).where(
        BudgetRow.component_id == component.id, BudgetRow.owner == "", BudgetRow.name == name
    )
    return [read_budget(row) for row in db.scalars(query.order_by(BudgetRow.starts_on.desc()))]


def forget_old_budgets(db: Session) -> None:
    """Drop the counts of periods that were over long ago: days after two months, months after thirteen, years after
    two.
    """
    today = Period.DAY.start(clock.now())
    for period, keep in _KEEP.items():
        names = [limit.name for limit in LIMITS if limit.period is period]
        db.execute(delete(BudgetRow).where(BudgetRow.name.in_(names), BudgetRow.starts_on < today - keep))


def taker(provider_id: UUID, component_id: UUID) -> Callable[[Operation, str | None, Sent], Settle | None]:
    """The client's hook: takes a call's chances, or raises the `BudgetUsedUp` that WeChat would answer.

    A call without a limit costs nothing here.
    """

    def take(operation: Operation, appid: str | None, sent: Sent) -> Settle | None:
        limits = [limit for limit in limits_of(operation.id) if limit.period.seconds is None and limit.when(sent)]
        if not limits and not tells(operation.id):
            return None
        now = clock.now()

        def chance(limit: Limit) -> _Chance:
            owner = _owner(provider_id, limit, appid, sent)
            return _Chance(limit, component_id, provider_id, owner, limit.period.start(now))

        taken: list[_Chance] = []
        try:
            for one in map(chance, limits):
                if not one.take():
                    raise one.used_up(operation, appid)
                taken.append(one)
        except Exception:
            if taken:
                with tenant_session(provider_id) as db:
                    for other in taken:
                        other.give_back(db)
            raise

        def settle(outcome: Any) -> None:
            if isinstance(outcome, errors.CallFailed):
                if taken:
                    with tenant_session(provider_id) as db:
                        _give_back(db, taken, outcome)
            elif facts := told(operation.id, outcome):
                with tenant_session(provider_id) as db:
                    for fact in facts:
                        chance(fact.limit).believe(db, fact)

        return settle

    return take


@dataclass(frozen=True)
class _Chance:
    """One use of a limit in one period."""

    limit: Limit
    component_id: UUID
    provider_id: UUID
    owner: str
    starts_on: date

    def take(self) -> bool:
        """Committed at once, so that no worker waits for another's transaction."""
        amount, holds = _amount(self.limit)
        if holds and amount == 0:
            return False
        return bool(run_at_once(_TAKE, {
            "id": new_id(), "now": clock.now(), "provider": self.provider_id, "component": self.component_id,
            "owner": self.owner, "name": self.limit.name, "starts_on": self.starts_on, "holds": holds,
            "given": _given(self.limit), "amount": self.limit.amount,
        }, repeat=False))  # fmt: skip

    def give_back(self, db: Session) -> None:
        self._update(db, used=func.greatest(BudgetRow.used - 1, 0))

    def exhaust(self, db: Session) -> None:
        """WeChat says that nothing is left: uses elsewhere count, too. An unknown amount is known now."""
        known = self._known()
        self._update(
            db,
            used=func.greatest(BudgetRow.used, known),
            told=case((known.is_(None), BudgetRow.used), else_=BudgetRow.told),
        )

    def believe(self, db: Session, fact: Told) -> None:
        amount = fact.amount if fact.amount is not None else _amount(self.limit)[0]
        used = fact.used if fact.used is not None else max(0, (amount or 0) - (fact.rest or 0))
        self._write(db, {"used": used, "told": fact.amount}, None, used=used, told=fact.amount)

    def used_up(self, operation: Operation, appid: str | None) -> errors.WeChatError:
        answer = {"errcode": self.limit.errcode or _DEFAULT_ERRCODE, "errmsg": _USED_UP}
        return self.mark(errors.from_answer(answer, operation=operation.id, appid=appid))

    def mark(self, error: errors.WeChatError) -> errors.WeChatError:
        if isinstance(error, errors.BudgetUsedUp):
            error.returns_at = self.limit.period.end(self.starts_on)
        return error

    def _known(self) -> ColumnElement[int | None]:
        return func.coalesce(literal(_given(self.limit), Integer), BudgetRow.told, literal(self.limit.amount, Integer))

    def _write(self, db: Session, change: Mapping[str, Any], only_if: Any, **first: Any) -> bool:
        row = insert(BudgetRow).values(
            id=new_id(), created_at=clock.now(), provider_id=self.provider_id, component_id=self.component_id,
            owner=self.owner, name=self.limit.name, starts_on=self.starts_on, **first,
        )  # fmt: skip
        written = row.on_conflict_do_update(index_elements=_KEY, set_=change, where=only_if).returning(BudgetRow.id)
        return db.execute(written).first() is not None

    def _update(self, db: Session, **change: Any) -> None:
        mine = (
            BudgetRow.component_id == self.component_id, BudgetRow.owner == self.owner,
            BudgetRow.name == self.limit.name, BudgetRow.starts_on == self.starts_on,
        )  # fmt: skip
        db.execute(update(BudgetRow).where(*mine).values(**change).execution_options(synchronize_session=False))


def _give_back(db: Session, taken: list[_Chance], failure: errors.CallFailed) -> None:
    for chance in taken:
        if not _counted(chance.limit, failure):
            chance.give_back(db)
    if isinstance(failure, errors.WeChatError):
        reached = next((one for one in taken if one.limit.errcode == failure.code), None)  # of two, the shorter period
        if reached is not None:
            reached.exhaust(db)
            reached.mark(failure)


def _counted(limit: Limit, failure: errors.CallFailed) -> bool:
    """Whether a failed call took a chance at WeChat, as far as anybody knows."""
    if isinstance(failure, errors.WeChatUnreachable):
        return failure.sent_maybe
    if isinstance(failure, errors.WeChatError):
        return limit.counts_refused and not isinstance(failure, errors.TokenRefused | errors.SystemBusy)
    return True


def _owner(provider_id: UUID, limit: Limit, appid: str | None, sent: Sent) -> str:
    owner = limit.owner(appid, sent)
    return vault.keyed_hash(provider_id, owner, purpose=_PURPOSE).hex() if limit.scope is Scope.FIELD else owner


def _whose(owner: Owner) -> tuple[UUID, str]:
    return (owner.id, "") if isinstance(owner, ComponentApp) else (owner.component_id, owner.appid)


def _budget(limit: Limit, starts_on: date, used: int, told_amount: int | None) -> Budget:
    amount, holds = _amount(limit, told_amount)
    return Budget(limit, amount, used, limit.period.end(starts_on), holds)


def _given(limit: Limit) -> int | None:
    return settings().wechat_limits.get(limit.name)


def _amount(limit: Limit, told_amount: int | None = None) -> tuple[int | None, bool]:
    """How much there is, and whether that is held to: what the setting says, else WeChat's answers, else its pages."""
    if limit.name in settings().wechat_limits:
        given = _given(limit)
        return (limit.amount if given is None else given), given is not None
    return (limit.amount if told_amount is None else told_amount), limit.holds
