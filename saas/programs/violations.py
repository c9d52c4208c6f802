"""Reading penalties: once a day per mini program, sooner when a call is refused because of one. WeChat pushes none.

One call tells the account's status, one the penalties of the last ninety days; appeals are read only of penalties that
may still be decided. A penalty that WeChat lists no more within its ninety days was taken back.

https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record-management/api_getillegalrecords
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import WeChatCall
from saas.components.origins import Origin
from saas.db import new_id, settle
from saas.errors import N_
from saas.failures import clear_failure, note_failure
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.polling import OpenRows, hurry, of_program, polled
from saas.programs.polling_models import Kind, Look
from saas.programs.profile import read_account
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.violation_models import STANDING, Violation, ViolationState, ViolationWatch
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarms, raise_alarm
from saas.wx.api.records import AppealRecord, IllegalRecord
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed

WINDOW = timedelta(days=90)
RECORDS, DEVELOPMENT = 76, 18
"""Permission sets of which WeChat's page names the first, and in a remark both; either is tried."""
REFUSED_BY_PENALTY = frozenset({48004, 50002, 89013})
"""Errcodes that say: look at what WeChat holds against this account."""
_READ_LATELY = timedelta(hours=1)
_APPEALABLE = timedelta(days=30)
_MOST_APPEALS = 20
_LACKING = N_("商家的授权里没有“违规和申诉管理”权限，请让商家重新授权并勾选它")
_APPEALS = {
    1: ViolationState.APPEALING, 2: ViolationState.LIFTED, 3: ViolationState.REFUSED, 4: ViolationState.OPEN,
}  # fmt: skip
_BELOW_TIME = 80
"""Bits of a UUIDv7 after its milliseconds."""


def _all_authorized() -> OpenRows:
    query = select(Program.id, Program.provider_id, Program.component_id, Program.id)
    return query.where(Program.authorization == AuthorizationStatus.AUTHORIZED, Program.appid != "")


@polled(Kind.VIOLATIONS, _all_authorized)
def look(db: Session, program_id: UUID) -> Standing | None:
    """The day's look at one mini program."""
    program = load_program(db, program_id)
    if program.authorization != AuthorizationStatus.AUTHORIZED or not program.appid:
        return None
    read_violations(db, program)
    return Standing(Rhythm.VIOLATIONS, program.created_at)


def request_reading(db: Session, program: Program, *, who: Who) -> None:
    """Have the account and its penalties read now."""
    require(who, Verb.WORK)
    hurry(db, of_program(Kind.VIOLATIONS, program), tries=1)


def read_violations(db: Session, program: Program) -> None:
    """Read the account's status and its penalties, and keep what is new. A refusal is kept, too, and raised."""
    refused = read_account(db, program)
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return
    if refused is not None:
        _fail(db, program, refused)
    watch = _watch(db, program)
    if program.permission_sets and not {RECORDS, DEVELOPMENT} & set(program.permission_sets):
        clear_failure(watch)
        watch.error = _LACKING
        return
    client, asked_at = client_of(db, program), clock.now()
    settle(db)
    try:
        records = client.records.getillegalrecords(program.appid).get("records") or []
        known = _known(db, program)
        told = _appeals(db, client, program, [str(one["illegal_record_id"]) for one in records], known)
    except CallFailed as error:
        _fail(db, program, error)
    watch = _watch(db, program)
    clear_failure(watch)
    watch.read_at = clock.now()
    _keep(db, program, records, told, asked_at)


def look_at_refusals(db: Session, *, since: timedelta) -> int:
    """Cron, in a platform session: whoever was refused because of a penalty is read at once; says how many were.

    Refusals of our own asking do not count, nor is anybody read who was lately, or whose reading just fails: else the
    reading's own refusals would bring about the next one for ever.
    """
    first = UUID(int=((new_id().int >> _BELOW_TIME) - int(since / timedelta(milliseconds=1))) << _BELOW_TIME)
    lately = select(Look.id).where(
        Look.kind == Kind.VIOLATIONS, Look.subject_id == Program.id,
        (Look.failures > 0) | (Look.looked_at > clock.now() - _READ_LATELY),
    )  # fmt: skip
    query = (
        select(Program)
        .join(WeChatCall, (WeChatCall.component_id == Program.component_id) & (WeChatCall.appid == Program.appid))
        .where(
            WeChatCall.id >= first, WeChatCall.errcode.in_(REFUSED_BY_PENALTY), WeChatCall.origin != Origin.POLLING,
            Program.authorization == AuthorizationStatus.AUTHORIZED, ~lately.exists(),
        )
        .distinct()
        .limit(1000)
    )  # fmt: skip
    found = list(db.scalars(query))
    for program in found:
        hurry(db, of_program(Kind.VIOLATIONS, program), tries=1)
    return len(found)


def find_watch(db: Session, program: Program) -> ViolationWatch | None:
    """When it was read last, or why not."""
    return db.scalar(select(ViolationWatch).where(ViolationWatch.program_id == program.id))


def _watch(db: Session, program: Program) -> ViolationWatch:
    made = insert(ViolationWatch).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id, operation="",
        rid="", error="",
    )  # fmt: skip
    db.execute(made.on_conflict_do_nothing(index_elements=["program_id"]))
    return db.scalars(select(ViolationWatch).where(ViolationWatch.program_id == program.id)).one()


def _fail(db: Session, program: Program, error: CallFailed) -> NoReturn:
    note_failure(_watch(db, program), error, again=True)
    settle(db)
    raise error


def _known(db: Session, program: Program) -> dict[str, Violation]:
    query = select(Violation).where(Violation.program_id == program.id)
    return {row.record_id: row for row in db.scalars(query)}


def _appeals(
    db: Session, client: WxClient, program: Program, record_ids: Sequence[str], known: Mapping[str, Violation]
) -> dict[str, list[AppealRecord]]:
    """The appeals against what may still be decided: new penalties, open appeals, and lately refused ones."""
    now, wanted = clock.now(), []
    for record_id in record_ids:
        row = known.get(record_id)
        is_over = row is not None and row.state == ViolationState.LIFTED
        is_old = row is not None and row.state != ViolationState.APPEALING and row.happened_at < now - _APPEALABLE
        if not is_over and not is_old:
            wanted.append(record_id)
    settle(db)
    return {
        record_id: list(
            client.records.getappealrecords(program.appid, illegal_record_id=record_id).get("records") or []
        )
        for record_id in wanted[:_MOST_APPEALS]
    }


def _keep(
    db: Session, program: Program, records: Sequence[IllegalRecord], told: Mapping[str, list[AppealRecord]],
    asked_at: datetime,
) -> None:  # fmt: skip
    db.refresh(program, with_for_update={"key_share": True})
    known = _known(db, program)
    listed = set()
    for record in records:
        record_id = str(record["illegal_record_id"])
        listed.add(record_id)
        row = known.get(record_id)
        if row is None:
            row = _new(db, program, record, record_id)
        if record_id in told:
            row.appeals = [_appeal(one) for one in told[record_id]]
        newest = row.appeals[-1]["status"] if row.appeals else 0
        _move(db, program, row, _APPEALS.get(newest, ViolationState.OPEN))
    for row in known.values():
        if row.record_id not in listed and row.happened_at > asked_at - WINDOW and row.state in STANDING:
            _move(db, program, row, ViolationState.GONE)


def _new(db: Session, program: Program, record: IllegalRecord, record_id: str) -> Violation:
    created = int(record.get("create_time") or 0)
    row = Violation(
        id=new_id(), provider_id=program.provider_id, program_id=program.id, record_id=record_id,
        happened_at=datetime.fromtimestamp(created, UTC) if created else clock.now(),
        reason=_text(record, "illegal_reason"), content=_text(record, "illegal_content"),
        rule_name=_text(record, "rule_name"), rule_url=_text(record, "rule_url"), state=ViolationState.OPEN,
    )  # fmt: skip
    db.add(row)
    db.flush()
    activity.record(db, system(program.provider_id), "program.violation", program, detail={"reason": row.reason[:200]})
    name = program.name or program.appid
    detail = {"name": name, "reason": row.reason[:200], "program_id": str(program.id)}
    raise_alarm(db, program.provider_id, AlarmKind.VIOLATION, row.id, detail)
    return row


def _move(db: Session, program: Program, row: Violation, state: ViolationState) -> None:
    if row.state == state:
        return
    row.state, row.state_at = state.value, clock.now()
    if state in (ViolationState.LIFTED, ViolationState.GONE):
        clear_alarms(db, program.provider_id, [AlarmKind.VIOLATION], [row.id])
    if state is not ViolationState.OPEN:
        detail = {"reason": row.reason[:200]}
        activity.record(db, system(program.provider_id), f"program.violation.{state}", program, detail=detail)


def _appeal(record: AppealRecord) -> dict[str, Any]:
    decided = int(record.get("audit_time") or 0)
    return {
        "id": str(record.get("appeal_record_id") or ""), "at": int(record.get("appeal_time") or 0),
        "by_provider": int(record.get("appeal_from") or 0) == 1, "status": int(record.get("appeal_status") or 0),
        "decided_at": decided, "reason": str(record.get("audit_reason") or ""),
    }  # fmt: skip


def _text(record: Mapping[str, Any], name: str) -> str:
    return str(record.get(name) or "").strip()
