"""How a mini program stands, as its merchant sees it: the way online in plain words, whose turn it is, one button."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask_babel import gettext as _

from saas import clock
from saas.errors import N_
from saas.onboarding.entering import lacking_permissions
from saas.onboarding.guides import GUIDES
from saas.onboarding.parts import Opened, parts_of
from saas.programs import standing
from saas.programs.models import AuthorizationStatus, Program, ProgramStep
from saas.programs.words import Step, Turn, Word
from saas.tenants.access import Verb
from saas.web.language import span

_STEPS = {
    Step.REGISTER: N_("注册账号"), Step.AUTHORIZE: N_("授权"), Step.PROFILE: N_("名称与头像"),
    Step.CATEGORIES: N_("服务类目"), Step.CERTIFY: N_("微信认证"), Step.FILE: N_("备案"), Step.BUILD: N_("制作"),
    Step.AUDIT: N_("微信审核"), Step.ONLINE: N_("上线"),
}  # fmt: skip
_WORDS = {
    Word.UNREGISTERED: N_("还没有注册"), Word.REGISTER_CONFIRM: N_("等法人在微信里确认"),
    Word.UNAUTHORIZED: N_("等您授权"), Word.NO_CODE: N_("还没有制作"), Word.UPLOADING: N_("制作中"),
    Word.SCANNING: N_("制作中"), Word.UPLOAD_FAILED: N_("制作遇到问题"), Word.READY: N_("已做好，待提交审核"),
    Word.FILE_READY: N_("可以开始备案"), Word.FILE_NOT_READY: N_("备案前还有步骤没完成"),
}  # fmt: skip
"""Where the provider's word would not be understood, or speaks of the reader as somebody else."""
_RAN_OUT = (Word.REGISTER_EXPIRED, Word.FILE_FACE_FAILED)
"""Where she may have WeChat send its message again without waiting for the provider."""


@dataclass(frozen=True)
class Deed:
    """The one thing that she can do now. `by_post`: the button is a form."""

    label: str
    url: str
    by_post: bool = False


@dataclass(frozen=True)
class Station:
    """One step. `state`: done, act (hers), wait (somebody else's), failed, todo."""

    label: str
    state: str
    word: str = ""
    detail: str = ""
    since: datetime | None = None
    turn: str = ""


@dataclass(frozen=True)
class Now:
    """What counts for a mini program now: the word, whose turn it is, and for what is hers the advice, the time left in
    words and the one button, which lacks only where she may not press it. `since` is as old as the word.
    """

    word: str
    turn: str
    since: datetime | None = None
    is_hers: bool = False
    advice: str = ""
    remaining: str = ""
    deed: Deed | None = None


@dataclass(frozen=True)
class Card:
    """One mini program on her pages. `steps` are the rows that `stations` were made of."""

    program: Program
    name: str
    steps: Sequence[ProgramStep]
    stations: list[Station]
    now: Now
    may_answer: bool

    @property
    def done(self) -> int:
        return sum(one.state == "done" for one in self.stations)


def cards(programs: Collection[Program], open_cases: Iterable[Opened]) -> list[Card]:
    """The cards of these mini programs; those that wait for her come first. One query, whatever the number."""
    steps = standing.steps_of(g.db, [program.id for program in programs])
    cases: dict[UUID | None, Opened] = {one.onboarding.program_id: one for one in open_cases}
    made = [_card(program, steps[program.id], cases.get(program.id)) for program in programs]
    return sorted(made, key=lambda card: not card.now.is_hers)


def find_open_cases() -> list[Opened]:
    """What is asked of her merchants and not handed in yet. Two queries."""
    return [one for one in parts_of(g.db, g.who.merchant_ids) if one.next is not None]


def case_deed(case: Opened) -> Deed | None:
    """The button to the form, where she may fill it in."""
    return _to_forms(case) if g.who.at(case.onboarding.merchant_id).may(Verb.ANSWER) else None


def name_of(program: Program) -> str:
    return program.name or program.appid or _("新的小程序")


def turn_words(turn: str) -> str:
    """Whose turn it is, said to the merchant."""
    words = {
        Turn.MERCHANT: _("等您处理"), Turn.WECHAT: _("等待微信"), Turn.AUTHORITY: _("等待管局审核"),
        Turn.PROVIDER: _("“%(name)s”正在办理", name=g.brand.name),
    }  # fmt: skip
    return str(words.get(Turn(turn), _("无需处理")))


def word_for_her(word: str) -> str:
    """How a step stands, said to the merchant."""
    return str(_(_WORDS.get(Word(word), Word(word).label)))


def _card(program: Program, rows: Sequence[ProgramStep], case: Opened | None) -> Card:
    may_answer = g.who.at(program.merchant_id).may(Verb.ANSWER)
    now = _now(program, case)
    return Card(
        program, name_of(program), rows, _stations(program, rows), now if may_answer else replace(now, deed=None),
        may_answer,
    )  # fmt: skip


def _now(program: Program, case: Opened | None) -> Now:
    """Without an authorization nothing can be done; then comes what has a clock, then what has none."""
    word, hers = Word(program.stage), turn_words(Turn.MERCHANT)
    stands = Now(word_for_her(word), hers, program.stage_since, True)
    if program.appid and program.authorization != AuthorizationStatus.AUTHORIZED:
        return replace(stands, deed=_to_authorize(program, _("去授权")))
    if program.turn == Turn.MERCHANT:
        left = program.due_at - clock.now() if program.due_at else timedelta()
        return replace(
            stands, advice=_(GUIDES[word].brief) if word in GUIDES else "",
            remaining=span(left.total_seconds()) if left > timedelta() else "",
            deed=_to_waiting(program, _("看看怎么做")),
        )  # fmt: skip
    if word in _RAN_OUT:
        return replace(stands, deed=_to_waiting(program, _("请微信再发一次")))
    if program.appid and lacking_permissions(program):
        return Now(_("缺少必需的权限"), hers, None, True, deed=_to_authorize(program, _("重新授权")))
    if case is not None:
        return Now(_("等您填写资料"), hers, None, True, deed=_to_forms(case))
    return Now(word_for_her(word), turn_words(program.turn), program.stage_since)


def _to_authorize(program: Program, label: str) -> Deed:
    return Deed(label, url_for("merchant.authorize_program", program_id=program.id), by_post=True)


def _to_waiting(program: Program, label: str) -> Deed:
    return Deed(label, url_for("merchant.show_waiting", program_id=program.id))


def _to_forms(case: Opened) -> Deed:
    return Deed(_("去填写资料"), url_for("merchant.show_onboarding", onboarding_id=case.onboarding.id))


def _stations(program: Program, rows: Sequence[ProgramStep]) -> list[Station]:
    known = {Step(row.step): row for row in rows}
    return [_station(program, step, known.get(step)) for step in Step]


def _station(program: Program, step: Step, row: ProgramStep | None) -> Station:
    label = _(_STEPS[step])
    if row is None:
        came = step is Step.REGISTER and bool(program.appid)  # it was not registered here, and is
        return Station(label, "done" if came else "todo", word_for_her(Word.REGISTERED) if came else "")
    if step is Step.AUTHORIZE and row.turn == Turn.NOBODY and lacking_permissions(program):
        return Station(label, "act", _("缺少必需的权限"), since=row.since)
    turn = turn_words(row.turn) if row.turn != Turn.NOBODY else ""
    overtaken = standing.overtaken_label(row)
    word = _(overtaken) if overtaken else word_for_her(row.word)
    return Station(label, _state(row), word, _detail(row.detail), row.since, turn)


def _state(row: ProgramStep) -> str:
    if row.turn == Turn.NOBODY:
        return "done" if standing.is_done(row) else "todo"
    if row.turn == Turn.MERCHANT:
        return "act"
    return "failed" if Word(row.word).tone == "danger" else "wait"


def _detail(detail: Mapping[str, Any]) -> str:
    return " · ".join(str(detail[key]) for key in ("name", "version", "reason", "number") if detail.get(key))
