"""The forms that a merchant fills in on her phone: part by part, page by page, kept as they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.db import new_id, settle
from saas.errors import AppError, Invalid, NotFound
from saas.onboarding.access import get_onboarding, get_part
from saas.onboarding.fields import FORMS, Ask, Kind
from saas.onboarding.models import Onboarding, PartStatus
from saas.onboarding.parts import Answers, answers_of, opened
from saas.onboarding.saving import Locked, NotComplete, Outdated, hand_in, reveal, save_page, shown
from saas.programs.access import load_program
from saas.programs.filing_tables import Choices
from saas.tenants.access import Verb, Who
from saas.web.going import done
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.consent import consent_is_missing
from saas.web.pages import render

_NEW = "f-new"


@dataclass(frozen=True)
class Row:
    """A field as its page shows it. `kept` is the masked value of a personal field that is stored; `theirs` what
    another device saved meanwhile, in words; `choices` are the field's in the page's language.
    """

    ask: Ask
    id: str
    value: Any = ""
    kept: str = ""
    error: str = ""
    comment: str = ""
    theirs: str | None = None
    files: Sequence[str] = field(default_factory=tuple)
    choices: Mapping[str, Choices] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """The ids of the texts about it, for its control."""
        texts = {"comment": self.comment, "error": self.error, "help": self.ask.hint}
        return " ".join(f"{self.id}-{name}" for name, text in texts.items() if text)


@dataclass(frozen=True)
class Summary:
    """A page at a glance: what is there in words, the files, and the labels of what is missing or wrong."""

    key: str
    label: str
    facts: list[tuple[Ask, str, str]]
    files: list[tuple[Ask, Sequence[str], str]]
    open: list[str]


@merchant.get("/onboarding/<uuid:onboarding_id>")
def show_onboarding(onboarding_id: UUID) -> ResponseReturnValue:
    """All parts that are asked for, how far each is, and the one to go on with."""
    onboarding = get_onboarding(g.db, g.who, onboarding_id, Verb.VIEW)
    (found,) = opened(g.db, [onboarding])
    return render(
        "merchant/forms/onboarding.html", found=found, forms=FORMS, name=_name_of(onboarding),
        may=g.who.at(onboarding.merchant_id).may(Verb.ANSWER),
    )  # fmt: skip


@merchant.get("/onboarding/<uuid:onboarding_id>/<part_key>")
def show_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    return _show_part(answers_for(onboarding_id, part_key, Verb.VIEW))


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/show")
def reveal_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """The same page with personal data whole; the log keeps who looked."""
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    reveal(g.db, answers, who=who_answers(answers))
    return _show_part(answers, whole=True)


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/hand-in")
def hand_in_part(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    if consent_is_missing():
        here = url_for("merchant.show_part", onboarding_id=onboarding_id, part_key=part_key)
        return done(_("提交前请先看看您的资料怎么用"), url_for("merchant.show_consent", next=here), "info")
    try:
        hand_in(g.db, answers, version=_version(), who=who_answers(answers))
    except NotComplete as error:
        return _show_part(answers, trouble=error, status=422)
    except (Outdated, Locked) as error:
        text = _("这部分刚在别的设备上改过，请看过再提交") if isinstance(error, Outdated) else ""
        return _show_part(answers, trouble=error, text=text, status=409)
    return done(_("已提交，服务商会审核"), url_for("merchant.show_onboarding", onboarding_id=onboarding_id))


@merchant.get("/onboarding/<uuid:onboarding_id>/<part_key>/<page>")
def show_part_page(onboarding_id: UUID, part_key: str, page: str) -> ResponseReturnValue:
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    if page not in answers.form.pages:
        raise NotFound()
    if not answers.is_open:
        return redirect(url_for("merchant.show_part", onboarding_id=onboarding_id, part_key=part_key), code=303)
    errors = {}
    if too_large := request.args.get("too_large", ""):
        errors[too_large] = _("文件太大：一次最多上传 10 MB，请拍小一点或分几次上传")
    return render_page(answers, page, errors=errors)


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/<page>")
def save_part_page(onboarding_id: UUID, part_key: str, page: str) -> ResponseReturnValue:
    """Keep a page. `auto`: as it is typed, answered with a line; `redraw`: a choice changed which fields there are."""
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    if page not in answers.form.pages:
        raise NotFound()
    typed, auto = _typed(answers, page), "auto" in request.args
    try:
        save_page(
            g.db, answers, page, typed, version=_version(), who=who_answers(answers),
            cleared=request.form.getlist("clear"), page_id=_page_id(),
        )  # fmt: skip
    except Outdated as error:
        if auto:
            return _status(answers, _version(), _("刚在别的设备上改过，没有覆盖。请点“保存”查看两边的内容。"), 409)
        return render_page(answers, page, typed=typed, trouble=error, theirs=error.theirs, status=409)
    except Locked as error:
        return _status(answers, _version(), _(error.message), 409) if auto else _show_part(answers, error, status=409)
    except Invalid as error:
        if auto:
            return _status(answers, _version(), _text(error), 422)
        return render_page(answers, page, typed=typed, errors={error.field: _text(error)}, status=422)
    if auto:
        return _status(answers, answers.part.version)
    if "redraw" in request.values:
        return render_page(answers, page)
    names = {ask.name for ask in answers.asks(page)}
    if any(fault.field in names for fault in answers.faults()):
        settle(g.db)  # what is wrong is kept all the same, and shown with what is wrong about it
        return render_page(answers, page, wrong=True, status=422)
    return redirect(_next_page(answers, page), code=303)


def answers_for(onboarding_id: UUID, part_key: str, verb: Verb) -> Answers:
    """The part behind an address, for one who may do `verb` to it."""
    return answers_of(g.db, *get_part(g.db, g.who, onboarding_id, part_key, verb))


def who_answers(answers: Answers) -> Who:
    """The acting person, with her role at the merchant who is asked."""
    who: Who = g.who
    return who.at(answers.onboarding.merchant_id)


def render_page(
    answers: Answers, page: str, *, typed: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None,
    trouble: AppError | None = None, theirs: Mapping[str, Any] | None = None, wrong: bool = False, status: int = 200,
) -> Response:  # fmt: skip
    """A page of a part with what is stored, over it what was typed, and what is wrong at its field."""
    rows = page_rows(answers, page, typed or {}, errors or {}, theirs or {})
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.ask.group, []).append(row)
    pages = list(answers.form.pages)
    return render(
        "merchant/forms/page.html", block="form", status=status, answers=answers, page=page, groups=groups,
        trouble=trouble, has_files=any(row.ask.is_file for row in rows), wrong=wrong or bool(errors),
        problems=[row for row in rows if row.error], next_url=_next_page(answers, page),
        is_last=page == pages[-1], saved_text="", version=answers.part.version, page_id=_page_id() or str(new_id()),
        general=(errors or {}).get("", ""),
    )  # fmt: skip


def page_rows(
    answers: Answers, page: str, typed: Mapping[str, Any], errors: Mapping[str, str], theirs: Mapping[str, Any]
) -> list[Row]:
    """The fields of a page, each with what is in it."""
    stored, part = answers.values, answers.part
    values = {**stored, **{name: value for name, value in typed.items() if value}}
    faults = {fault.field: _text(fault) for fault in answers.faults() if fault.field not in typed}
    comments = part.comments if part.status == PartStatus.RETURNED else {}
    ids = _field_ids(answers)
    said = cache(_)  # many fields of a page choose from the same long list
    rows = []
    for ask in answers.asks(page, values):
        value = typed.get(ask.name, "" if ask.personal else stored.get(ask.name, ""))
        rows.append(
            Row(
                ask, ids.get(ask.name, _NEW), value or ("yes" if ask.kind is Kind.YES_NO else ""),
                kept=shown(ask, stored) if ask.personal else "",
                error=errors.get(ask.name) or faults.get(ask.name, ""), comment=comments.get(ask.name, ""),
                theirs=shown(ask, theirs) if ask.name in theirs else None, files=part.files.get(ask.name, ()),
                choices={
                    heading: [(one, said(words)) for one, words in some] for heading, some in ask.choices.items()
                },
            )
        )  # fmt: skip
    return rows


def field_id(answers: Answers, name: str) -> str:
    """The id of a field's place on its page."""
    return _field_ids(answers).get(name, _NEW)


def _field_ids(answers: Answers) -> dict[str, str]:
    return {ask.name: f"f-{number}" for number, ask in enumerate(answers.asks())}


def page_url(answers: Answers, page: str, **values: Any) -> str:
    return url_for(
        "merchant.show_part_page", onboarding_id=answers.onboarding.id, part_key=answers.part.key, page=page, **values
    )


def _show_part(
    answers: Answers, trouble: AppError | None = None, *, text: str = "", whole: bool = False, status: int = 200
) -> Response:
    open_fields = [*answers.faults(), *answers.gaps()] if answers.is_open else []
    values = answers.values
    return render(
        "merchant/forms/part.html", status=status, answers=answers, whole=whole, trouble=trouble, trouble_text=text,
        may=who_answers(answers).may(Verb.ANSWER),
        summaries=_summaries(answers, {fault.field for fault in open_fields}, whole), complete=not open_fields,
        first_open=_first_open(answers, open_fields), name=_name_of(answers.onboarding), Status=PartStatus,
        has_personal=any(ask.personal and values.get(ask.name) for ask in answers.asks()),
    )  # fmt: skip


def _summaries(answers: Answers, open_fields: set[str], whole: bool) -> list[Summary]:
    values, part = answers.values, answers.part
    comments = part.comments if part.status == PartStatus.RETURNED else {}
    found = []
    for key, label in answers.form.pages.items():
        asks = answers.asks(key)
        if asks:
            found.append(
                Summary(
                    key, label,
                    [(ask, text, comments.get(ask.name, "")) for ask in asks if not ask.is_file
                     and ((text := shown(ask, values, whole=whole)) or comments.get(ask.name))],
                    [(ask, part.files.get(ask.name, ()), comments.get(ask.name, "")) for ask in asks
                     if ask.is_file and (part.files.get(ask.name) or comments.get(ask.name))],
                    [_(ask.label) for ask in asks if ask.name in open_fields],
                )
            )  # fmt: skip
    return found


def _first_open(answers: Answers, open_fields: Sequence[Invalid]) -> str:
    """The page to go on with: the first that has something open, for what came back the first with a comment."""
    names = {fault.field for fault in open_fields} or set(answers.part.comments)
    pages = [ask.page for ask in answers.asks() if ask.name in names]
    return pages[0] if pages else next(iter(answers.form.pages))


def _next_page(answers: Answers, page: str) -> str:
    """Where saving leads: the next page that asks for something, in the end the summary."""
    pages = list(answers.form.pages)
    for key in pages[pages.index(page) + 1 :]:
        if answers.asks(key):
            return page_url(answers, key)
    return url_for("merchant.show_part", onboarding_id=answers.onboarding.id, part_key=answers.part.key)


def _typed(answers: Answers, page: str) -> dict[str, Any]:
    """What was sent, by field; where she prefers what another device saved, nothing was."""
    lists = {ask.name for ask in answers.asks(page) if ask.kind is Kind.LIST}
    taken = set(request.form.getlist("take"))
    return {
        name: request.form.getlist(name) if name in lists else request.form[name]
        for name in request.form
        if name not in taken
    }


def _version() -> int:
    return request.form.get("version", -1, type=int)


def _page_id() -> str:
    """The id that the page got when it was opened, as far as it sends one."""
    return request.form.get("page_id", "")[:36]


def _status(answers: Answers, version: int, text: str = "", status: int = 200) -> Response:
    """The line that says whether what was typed is kept, with the version of the page."""
    return render("merchant/forms/_saved.html", status=status, answers=answers, saved_text=text, version=version)


def _text(error: AppError) -> str:
    return str(_(error.message, **error.params))


def _name_of(onboarding: Onboarding) -> str:
    """The mini program that it is about; "" for one that is still to be registered."""
    program = load_program(g.db, onboarding.program_id) if onboarding.program_id else None
    return (program.name or program.appid) if program else ""
