"""Codes and links that open a mini program: made by WeChat, kept here, the pictures in the file store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import IO, Any
from uuid import UUID
from zipfile import ZipFile

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.db import settle
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.pictures import picture_type
from saas.programs.access import load_program
from saas.programs.changing import ACCOUNT, LINKS, client_of, obstacle
from saas.programs.models import Program, ProgramCode
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.stored_files import drop_file, find_files, keep_file, load_file, read_file
from saas.wx.chapter import Download
from saas.wx.client import WxClient
from saas.wx.permissions import DEVELOPMENT

MAKE = "saas.programs.codes.make_code"
STEPS = (MAKE,)
MOST_PACKED = 500
_PAGE = re.compile(r"[A-Za-z0-9_/.-]*", re.ASCII)
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}", re.ASCII)
_QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
_DAYS = timedelta(days=30)

Settings = dict[str, Any]


class CodeForm(StrEnum):
    """TRIAL opens the version that testers see; LIMITED codes are 100,000 for life and take any page with its query;
    UNLIMITED ones carry a short `scene`.
    """

    TRIAL = "trial"
    UNLIMITED = "unlimited"
    LIMITED = "limited"
    URL_LINK = "url_link"
    SCHEME = "scheme"
    SHORT_LINK = "short_link"

    @property
    def is_picture(self) -> bool:
        return self in (CodeForm.TRIAL, CodeForm.UNLIMITED, CodeForm.LIMITED)


_LOOK = ("width", "colour", "transparent")
FIELDS = {
    CodeForm.TRIAL: ("page", "query"),
    CodeForm.UNLIMITED: ("page", "scene", "version", "unchecked", *_LOOK),
    CodeForm.LIMITED: ("page", "query", "version", *_LOOK),
    CodeForm.URL_LINK: ("page", "query", "version", "days"),
    CodeForm.SCHEME: ("page", "query", "version", "days"),
    CodeForm.SHORT_LINK: ("page", "query", "title", "permanent"),
}
"""What can be said about each form."""
SETS = {
    CodeForm.TRIAL: DEVELOPMENT,
    CodeForm.UNLIMITED: ACCOUNT,
    CodeForm.LIMITED: ACCOUNT,
    CodeForm.URL_LINK: LINKS,
    CodeForm.SCHEME: LINKS,
    CodeForm.SHORT_LINK: LINKS,
}
"""The permission set that each form needs."""
BUDGETS = {
    CodeForm.LIMITED: ("code_ever",),
    CodeForm.URL_LINK: ("link_day",),
    CodeForm.SCHEME: ("link_day",),
    CodeForm.SHORT_LINK: ("short_link_day", "short_link_ever"),
}
_NO_TRIAL = N_("还没有上传过代码，没有可以体验的版本")
_NEEDS_PAGE = (CodeForm.LIMITED, CodeForm.SHORT_LINK)


def list_codes(db: Session, program: Program, *, limit: int = 60) -> list[ProgramCode]:
    """The newest first."""
    query = select(ProgramCode).where(ProgramCode.program_id == program.id)
    return list(db.scalars(query.order_by(ProgramCode.id.desc()).limit(limit)))


def codes_of_batch(
    db: Session, batch: Batch, *, after: UUID | None = None, limit: int = 60
) -> list[tuple[BatchItem, ProgramCode]]:
    """What a batch of MAKE has made and nobody deleted since, in the order of its items."""
    items = list_items(db, batch, status=ItemStatus.DONE, after=after, limit=limit)
    ids = {UUID(item.result["code"]): item for item in items if "code" in item.result}
    found = {code.id: code for code in db.scalars(select(ProgramCode).where(ProgramCode.id.in_(ids)))}
    return [(item, found[code_id]) for code_id, item in ids.items() if code_id in found]


def pack_pictures(db: Session, batch: Batch, into: IO[bytes], *, note: tuple[str, str]) -> None:
    """Write the first MOST_PACKED pictures of a batch into a ZIP, each named after its mini program.

    `note` is name and heading of a text file, which tells for which mini programs the picture is lost.
    """
    made = [(item.subject_name, code.file_id) for item, code in codes_of_batch(db, batch, limit=MOST_PACKED)]
    pictures = [(subject, file_id) for subject, file_id in made if file_id is not None]
    files = find_files(db, [file_id for _subject, file_id in pictures])
    lost: list[str] = []
    with ZipFile(into, "w") as packed:
        for number, (subject, file_id) in enumerate(pictures, 1):
            try:
                row = files[file_id]
                packed.writestr(f"{number:03}-{_UNFIT.sub('_', subject)}-{row.name}", read_file(row))
            except (KeyError, NotFound):
                lost.append(subject)
        if lost:
            name, heading = note
            packed.writestr(name, "\n".join([heading, *lost, ""]))


def hindrance(program: Program, form: CodeForm) -> str:
    """Why WeChat would refuse to make it, as a msgid; "" when nothing is known against it."""
    if form is CodeForm.TRIAL and not program.trial_version:
        return obstacle(program) or _NO_TRIAL
    return obstacle(program, SETS[form])


def check_settings(form: CodeForm, given: Mapping[str, Any]) -> Settings:
    """What may be said about this form, as WeChat takes it; raises Invalid at the field that is wrong."""
    checked = {name: _CHECKS[name](given.get(name)) for name in FIELDS[form]}
    if form in _NEEDS_PAGE and not checked["page"]:
        raise Invalid(N_("请填写页面路径"), field="page")
    return checked


def making(form: CodeForm, given: Mapping[str, Any]) -> dict[str, Any]:
    """The params of MAKE; raises Invalid at the field that is wrong."""
    return {"form": form.value, "settings": check_settings(form, given)}


def start_making(db: Session, program: Program, form: CodeForm, given: Mapping[str, Any], *, who: Who) -> BatchItem:
    params = making(form, given)
    if text := hindrance(program, form):
        raise Conflict(text)
    activity.record(db, who, "program.code.make", program, detail={"form": form.value})
    return start_one(db, MAKE, Subject(program.id, program.name or program.appid), who=who, params=params)


def delete_code(db: Session, program: Program, code: ProgramCode, *, who: Who) -> None:
    """Forget it here; at WeChat it goes on to work."""
    require(who, Verb.WORK)
    activity.record(db, who, "program.code.delete", program, detail={"form": code.form})
    if code.file_id is not None:
        drop_file(db, load_file(db, code.file_id))
    db.delete(code)


@step(label=N_("生成码或链接"))
def make_code(db: Session, item: BatchItem) -> dict[str, Any]:
    program = load_program(db, item.subject_id)
    form, settings = CodeForm(item.input["form"]), item.input["settings"]
    client = client_of(db, program)
    settle(db)
    made = _MAKERS[form](client, program.appid, settings)
    code = ProgramCode(
        provider_id=program.provider_id, program_id=program.id, form=form, settings=settings,
        made_by=item.batch.created_by_name, expires_at=_end(form, settings),
    )  # fmt: skip
    if isinstance(made, Download):
        kind = picture_type(made.content)
        if not kind:
            raise Conflict(N_("微信返回的不是图片，请稍后再试"))
        name = f"{program.appid}-{form}.{kind.removeprefix('image/').replace('jpeg', 'jpg')}"
        code.file_id = keep_file(db, program.provider_id, "code", made.content, content_type=kind, name=name).id
    else:
        code.link = made
    db.add(code)
    db.flush()
    return {"code": str(code.id)}


def _end(form: CodeForm, settings: Settings) -> Any:
    if form.is_picture or settings.get("permanent"):
        return None
    return clock.now() + (timedelta(days=settings["days"]) if "days" in settings else _DAYS)


def _path(settings: Settings) -> str:
    return f"{settings['page']}?{settings['query']}" if settings["query"] else str(settings["page"])


def _look(settings: Settings) -> Any:
    look: dict[str, Any] = {"width": settings["width"], "is_hyaline": settings["transparent"]}
    if colour := settings["colour"]:
        red, green, blue = bytes.fromhex(colour[1:])
        look["line_color"] = {"r": red, "g": green, "b": blue}
    return look


def _make_trial(client: WxClient, appid: str, settings: Settings) -> Download:
    return client.code.get_qrcode(appid, path=_path(settings) or None)


def _make_unlimited(client: WxClient, appid: str, settings: Settings) -> Download:
    return client.entries.getwxacodeunlimit(
        appid, scene=settings["scene"], page=settings["page"] or None, check_path=not settings["unchecked"],
        env_version=settings["version"], look=_look(settings),
    )  # fmt: skip


def _make_limited(client: WxClient, appid: str, settings: Settings) -> Download:
    look = _look(settings)
    return client.entries.getwxacode(appid, path=_path(settings), env_version=settings["version"], look=look)


def _make_url_link(client: WxClient, appid: str, settings: Settings) -> str:
    answer = client.entries.generate_urllink(
        appid, path=settings["page"] or None, query=settings["query"] or None, expire_interval=settings["days"],
        env_version=settings["version"],
    )  # fmt: skip
    return answer["url_link"]


def _make_scheme(client: WxClient, appid: str, settings: Settings) -> str:
    target: Any = {"path": settings["page"], "query": settings["query"], "env_version": settings["version"]}
    return client.entries.generatescheme(appid, jump_wxa=target, expire_interval=settings["days"])["openlink"]


def _make_short_link(client: WxClient, appid: str, settings: Settings) -> str:
    answer = client.entries.genwxashortlink(
        appid, page_url=_path(settings), page_title=settings["title"] or None, is_permanent=settings["permanent"]
    )  # fmt: skip
    return answer["link"]


_MAKERS: Mapping[CodeForm, Callable[[WxClient, str, Settings], Download | str]] = {
    CodeForm.TRIAL: _make_trial,
    CodeForm.UNLIMITED: _make_unlimited,
    CodeForm.LIMITED: _make_limited,
    CodeForm.URL_LINK: _make_url_link,
    CodeForm.SCHEME: _make_scheme,
    CodeForm.SHORT_LINK: _make_short_link,
}


def _check_page(given: Any) -> str:
    page = str(given or "").strip().removeprefix("/")
    if not _PAGE.fullmatch(page) or len(page) > 256:
        raise Invalid(N_("页面路径只含字母、数字和 / _ - .，参数填在下面一栏"), field="page")
    return page


def _check_query(given: Any) -> str:
    query = str(given or "").strip().removeprefix("?")
    if len(query) > 512 or not _QUERY.fullmatch(query):
        raise Invalid(N_("参数写成 a=1&b=2，最多 512 个字符；中文要先做 URL 编码"), field="query")
    return query


def _check_scene(given: Any) -> str:
    scene = str(given or "").strip()
    if not _SCENE.fullmatch(scene):
        raise Invalid(N_("请填写 1 到 32 个字符：字母、数字和 !#$&'()*+,/:;=?@-._~"), field="scene")
    return scene


def _check_version(given: Any) -> str:
    if given not in ("release", "trial"):
        raise Invalid(N_("请选择打开哪个版本"), field="version")
    return str(given)


def _check_number(name: str, least: int, most: int) -> Callable[[Any], int]:
    def check(given: Any) -> int:
        text = str(given if given is not None else "").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 6 and least <= int(text) <= most):
            raise Invalid(N_("请填写 %(least)d 到 %(most)d 之间的整数"), field=name, least=least, most=most)
        return int(text)

    return check


def _check_colour(given: Any) -> str:
    colour = str(given or "").strip()
    if colour and not _COLOUR.fullmatch(colour):
        raise Invalid(N_("颜色写成 #1aad19 这样的六位十六进制"), field="colour")
    return colour.lower()


def _check_title(given: Any) -> str:
    title = str(given or "").strip()
    if len(title) > 20:
        raise Invalid(N_("标题最多 20 个字，超出的部分微信不显示"), field="title")
    return title


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "page": _check_page,
    "query": _check_query,
    "scene": _check_scene,
    "version": _check_version,
    "width": _check_number("width", 280, 1280),
    "colour": _check_colour,
    "transparent": bool,
    "unchecked": bool,
    "days": _check_number("days", 1, 30),
    "title": _check_title,
    "permanent": bool,
}
