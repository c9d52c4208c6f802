"""What merchants handed in, on a provider's screens: the list of what waits, and one page per part to decide on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.errors import N_, AppError, Conflict, Invalid, NotFound
from saas.onboarding import reviewing
from saas.onboarding.access import get_part
from saas.onboarding.fields import FORMS, Ask
from saas.onboarding.models import Part, PartStatus
from saas.onboarding.parts import Answers, Opened, answers_of, parts_of
from saas.onboarding.reviewing import give_back, is_readable, look_at_paper
from saas.onboarding.saving import shown
from saas.onboarding.wishes import category_wishes, profile_wish
from saas.programs.access import load_program
from saas.programs.listing import select_programs
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant
from saas.tenants.stored_files import read_file
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider

PAGE = 50
_COMMENT = "c:"


@dataclass(frozen=True)
class Row:
    """A field as it was handed in. `said` is what was said to it last time, `comment` what is being said now."""

    ask: Ask
    id: str
    text: str
    files: Sequence[str]
    said: str
    comment: str
    error: str
    problem: str


@dataclass(frozen=True)
class Use:
    """What has become of an accepted part, in one sentence, and where to go on. `again`: it may be handed over now."""

    text: str
    url: str = ""
    label: str = ""
    is_done: bool = False
    again: bool = False


_AFTER = {
    Part.COMPANY: N_("通过后，这里填写的公司和法人信息会写入商家资料，代替原有的内容。"),
    Part.PROFILE: N_("通过后，可以把名称、头像和介绍直接提交给微信，不用再填。"),
    Part.CATEGORIES: N_("通过后，可以带着这些照片把类目提交给微信，不用再上传。"),
    Part.CERTIFICATION: N_("通过后，会写入小程序的认证草稿，代替已填的内容。"),
    Part.FILING: N_("通过后，会写入小程序的备案草稿，代替已填的内容。"),
}
"""What accepting leads to."""


@provider.get("/onboarding")
def list_reviews() -> ResponseReturnValue:
    """What waits for a review, the longest waiting first."""
    after = request.args.get("after", type=UUID)
    rows = reviewing.waiting_parts(g.db, g.who, after=after, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    here = url_for("provider.list_reviews")
    return render(
        "provider/onboarding/list.html", rows=rows, forms=FORMS,
        next_url=f"{here}?after={rows[-1].part.id}" if more else "", first_url=here if after else "",
    )  # fmt: skip


@provider.get("/onboarding/<uuid:onboarding_id>/<part_key>")
def review_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    return _show(_answers(onboarding_id, part_key, Verb.VIEW))


@provider.post("/onboarding/<uuid:onboarding_id>/<part_key>/show")
def reveal_onboarding_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """Answers the page itself, so that nothing personal is in an address or in a stored message."""
    answers = _answers(onboarding_id, part_key, Verb.WORK)
    try:
        reviewing.reveal_part(g.db, answers, who=g.who)
    except Conflict as error:
        return _show(answers, trouble=error, status=409)
    return _show(answers, whole=True)


@provider.post("/onboarding/<uuid:onboarding_id>/<part_key>/files/show")
def show_onboarding_paper(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """A photo may show an identity card, so looking is a deed that the log keeps."""
    answers = _answers(onboarding_id, part_key, Verb.WORK)
    try:
        file_id = UUID(request.form.get("file", ""))
    except ValueError:
        raise NotFound() from None
    try:
        row = look_at_paper(g.db, answers, file_id, who=g.who)
    except Conflict as error:
        return _show(answers, trouble=error, status=409)
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "inline"
    return response


@provider.post("/onboarding/<uuid:onboarding_id>/<part_key>/return")
def give_part_back(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    answers = _answers(onboarding_id, part_key, Verb.WORK)
    said = {name.removeprefix(_COMMENT): text for name, text in request.form.items() if name.startswith(_COMMENT)}
    try:
        give_back(g.db, answers, said, version=_version(), who=g.who)
    except Invalid as error:
        return _show(answers, said=said, trouble=None if error.field else error, fault=error, status=422)
    except Conflict as error:
        return _show(answers, said=said, trouble=error, status=409)
    return done(_("已退回，商家会看到您写的说明"), url_for("provider.list_reviews"))


@provider.post("/onboarding/<uuid:onboarding_id>/<part_key>/accept")
def accept_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    answers = _answers(onboarding_id, part_key, Verb.WORK)
    try:
        reviewing.accept(g.db, answers, version=_version(), who=g.who)
    except Invalid as error:
        return _show(answers, trouble=error, status=422)
    except Conflict as error:
        return _show(answers, trouble=error, status=409)
    return done(_("已通过"), url_for("provider.list_reviews"))


@provider.post("/onboarding/<uuid:onboarding_id>/<part_key>/hand-over")
def hand_over_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """Hand over what could not flow when it was accepted, or when the mini program came."""
    answers = _answers(onboarding_id, part_key, Verb.WORK)
    try:
        reviewing.hand_over_again(g.db, answers, who=g.who)
    except Invalid as error:
        return _show(answers, trouble=error, status=422)
    except Conflict as error:
        return _show(answers, trouble=error, status=409)
    here = url_for("provider.review_part", onboarding_id=onboarding_id, part_key=part_key)
    return done(_("已写入草稿"), here)


@provider.app_template_global()
def onboardings_of(merchant: Merchant) -> list[tuple[Opened, str]]:
    """What is asked of a merchant, each with the mini program's name, for her page."""
    found = parts_of(g.db, [merchant.id])
    programs = select_programs(g.db, {one.onboarding.program_id for one in found if one.onboarding.program_id})
    names = {one.id: one.name or one.appid or "" for one in programs}
    return [(one, names.get(one.onboarding.program_id, "") if one.onboarding.program_id else "") for one in found]


@provider.app_template_global()
def onboarding_part_label(key: str) -> str:
    return str(_(next(form.label for part, form in FORMS.items() if part.value == key)))


def _answers(onboarding_id: UUID, part_key: str, verb: Verb) -> Answers:
    return answers_of(g.db, *get_part(g.db, g.who, onboarding_id, part_key, verb))


def _show(
    answers: Answers, *, whole: bool = False, said: Mapping[str, str] | None = None, trouble: AppError | None = None,
    fault: Invalid | None = None, status: int = 200,
) -> Response:  # fmt: skip
    part, onboarding = answers.part, answers.onboarding
    program = load_program(g.db, onboarding.program_id) if onboarding.program_id else None
    readable = is_readable(answers)
    asks = answers.asks()
    return render(
        "provider/onboarding/part.html", status=status, answers=answers, part=part, Status=PartStatus, whole=whole,
        merchant=load_merchant(g.db, onboarding.merchant_id), trouble=trouble, readable=readable,
        program=program, groups=_groups(answers, whole, said or {}, fault) if readable else {},
        said=[(ask, part.comments[ask.name]) for ask in asks if ask.name in part.comments],
        may_decide=g.who.may(Verb.WORK) and readable and onboarding.closed_at is None,
        has_personal=readable and any(ask.personal and answers.values.get(ask.name) for ask in asks),
        longest=reviewing.LONGEST_COMMENT, after=_AFTER[answers.key],
        use=_use(answers, program) if part.status == PartStatus.ACCEPTED else None,
    )  # fmt: skip


def _use(answers: Answers, program: Program | None) -> Use:
    key, part = answers.key, answers.part
    if key is Part.COMPANY:
        return Use(_("已写入商家资料，注册小程序时直接用。"), is_done=True)
    if key in (Part.CERTIFICATION, Part.FILING):
        is_filing = key is Part.FILING
        if program is None:
            return Use(_("小程序注册成功后，会自动写入它的草稿。"))
        url = url_for("provider.show_filing" if is_filing else "provider.show_certification", program_id=program.id)
        label = _("去备案") if is_filing else _("去认证")
        if part.taken_over_at is not None:
            return Use(_("已写入小程序的草稿，不用再填。"), url, label, is_done=True)
        return Use(
            _("还没有写入小程序的草稿：当时可能正在提交，或已经在微信那边。能修改后，再写入一次。"),
            url,
            label,
            again=True,
        )
    if program is None or not program.appid:
        return Use(_("小程序注册成功后，在这里提交给微信。"))
    if key is Part.PROFILE:
        wish = profile_wish(g.db, program)
        if wish is not None and wish.open:
            url = url_for("provider.show_profile", program_id=program.id, wishes=1)
            return Use(_("名称、头像和介绍会先填好，看过后提交给微信。"), url, _("用到小程序"))
    elif any(one.is_open for one in category_wishes(g.db, program)):
        url = url_for("provider.show_categories", program_id=program.id)
        return Use(_("类目和照片会先带上，看过后提交给微信。"), url, _("用到小程序"))
    return Use(_("已使用，没有要提交的了。"), is_done=True)


def _groups(answers: Answers, whole: bool, said: Mapping[str, str], fault: Invalid | None) -> dict[str, list[Row]]:
    """The fields page by page, under the page's name."""
    values, part = answers.values, answers.part
    wrong = {one.field: _text(one) for one in reviewing.problems(answers)}
    groups: dict[str, list[Row]] = {}
    for number, ask in enumerate(answers.asks()):
        text = "" if ask.is_file else shown(ask, values, whole=whole)
        groups.setdefault(answers.form.pages[ask.page], []).append(
            Row(
                ask, f"f-{number}", _(text) if ask.choices and text else text, part.files.get(ask.name, ()),
                said=part.comments.get(ask.name, ""), comment=said.get(ask.name, ""),
                error=_text(fault) if fault is not None and fault.field == ask.name else "",
                problem=wrong.get(ask.name, ""),
            )
        )  # fmt: skip
    return groups


def _version() -> int:
    return request.form.get("version", -1, type=int)


def _text(error: AppError) -> str:
    return str(_(error.message, **error.params))
