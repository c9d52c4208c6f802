"""Codes and links against the sandbox: made, kept with their pictures, refused in words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import event, select

from saas import clock
from saas import db as database
from saas import files as stored
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_batch
from saas.components.budgets import left
from saas.db import after_commit, new_id
from saas.errors import Conflict, Invalid
from saas.pictures import picture_type
from saas.programs import codes
from saas.programs.access import get_code, load_program
from saas.programs.codes import FIELDS, CodeForm
from saas.programs.models import ProgramCode
from saas.tenants.access import Verb
from saas.tenants.stored_files import keep_file, load_file, read_file
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures

GIVEN: dict[str, Any] = {
    "page": "/pages/index/index", "query": "table=7", "scene": "t=7", "version": "release", "width": "430",
    "colour": "#1AAD19", "days": "7", "title": "点单",
}  # fmt: skip

NOTE = ("missing.txt", "lost:")


def make(desk: Desk, form: CodeForm, **changes: Any) -> BatchItem:  # noqa: F811
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        program.permission_sets = []
        item = codes.start_making(db, program, form, GIVEN | changes, who=desk.alice)
    desk.run_jobs(wait=60)
    with desk.session() as db:
        return db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one()


def kept(desk: Desk) -> list[ProgramCode]:  # noqa: F811
    with desk.session() as db:
        return codes.list_codes(db, load_program(db, desk.program.id))


def test_every_form_is_made_and_kept(desk: Desk) -> None:  # noqa: F811
    desk.released()
    for form in CodeForm:
        item = make(desk, form)
        assert (form, item.status) == (form, ItemStatus.DONE), (item.errcode, item.error)
    made = {CodeForm(code.form): code for code in kept(desk)}
    assert set(made) == set(CodeForm)
    for form, code in made.items():
        assert (code.file_id is not None, bool(code.link)) == (form.is_picture, not form.is_picture)
        assert code.made_by == desk.alice.name
        if code.file_id:
            with desk.session() as db:
                assert picture_type(read_file(load_file(db, code.file_id))) == "image/png"
    ends = made[CodeForm.URL_LINK].expires_at
    assert ends is not None
    assert timedelta(days=6) < ends - clock.now() <= timedelta(days=7)
    assert made[CodeForm.SHORT_LINK].link.startswith("#小程序://")
    with desk.session() as db:
        assert left(db, load_program(db, desk.program.id), "code_ever").used == 1


@pytest.mark.parametrize(
    ("form", "errcode"),
    [
        (CodeForm.UNLIMITED, 41030),
        (CodeForm.LIMITED, 40097),
        (CodeForm.URL_LINK, 85079),
        (CodeForm.SCHEME, 85079),
        (CodeForm.SHORT_LINK, 40066),
    ],
)
def test_wechats_refusal_is_the_items(desk: Desk, form: CodeForm, errcode: int) -> None:  # noqa: F811
    item = make(desk, form)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, errcode)
    assert kept(desk) == []


def test_before_the_first_release_a_page_need_not_be_online(desk: Desk) -> None:  # noqa: F811
    assert make(desk, CodeForm.UNLIMITED, unchecked=True, version="trial").status == ItemStatus.DONE


def test_without_an_upload_there_is_no_trial(desk: Desk) -> None:  # noqa: F811
    with pytest.raises(Conflict, match="还没有上传过代码"):
        make(desk, CodeForm.TRIAL)


def test_a_selection_gets_a_code_each(desk: Desk) -> None:  # noqa: F811
    desk.released()
    with desk.session() as db:
        params = codes.making(CodeForm.UNLIMITED, GIVEN)
        batch = start_batch(db, codes.MAKE, [Subject(desk.program.id, "梅记/茶铺")], who=desk.alice, params=params)
    desk.run_jobs()
    assert [code.settings["scene"] for code in kept(desk)] == ["t=7"]
    packed = io.BytesIO()
    with desk.session() as db:
        ((item, code),) = codes.codes_of_batch(db, batch)
        codes.pack_pictures(db, batch, packed, note=NOTE)
        assert (item.subject_name, code.id) == ("梅记/茶铺", kept(desk)[0].id)
    with ZipFile(packed) as found:
        (name,) = found.namelist()
        assert name == f"001-梅记_茶铺-{desk.program.appid}-unlimited.png"
        assert picture_type(found.read(name)) == "image/png"
    with desk.session() as db:
        program, code = get_code(db, desk.alice, kept(desk)[0].id, Verb.WORK)
        codes.delete_code(db, program, code, who=desk.alice)
    with desk.session() as db:
        assert codes.codes_of_batch(db, batch) == []


def test_a_lost_picture_is_left_out_and_told(desk: Desk) -> None:  # noqa: F811
    names = ["梅记", "阿明", "青禾", "小满"]
    with desk.session() as db:
        params, program = codes.making(CodeForm.UNLIMITED, GIVEN), {"program_id": desk.program.id}
        subjects = [Subject(new_id(), name) for name in names]
        batch = start_batch(db, codes.MAKE, subjects, who=desk.alice, params=params)
        files = {name: keep_file(db, desk.cast.alices, "code", b"\x89PNG", content_type="image/png") for name in names}
        for item in list_items(db, batch):
            code = ProgramCode(provider_id=desk.cast.alices, **program, form=CodeForm.UNLIMITED, settings={})
            code.file_id = files[item.subject_name].id
            db.add(code)
            db.flush()
            item.status, item.result = ItemStatus.DONE, {"code": str(code.id)}
        order = [item.subject_name for item in list_items(db, batch)]
        db.delete(files["阿明"])
        after_commit(db, lambda: stored.delete(desk.cast.alices, f"code/{files['青禾'].id}"))
    packed = io.BytesIO()
    with desk.session() as db, counting() as statements:
        codes.pack_pictures(db, batch, packed, note=NOTE)
    assert len([one for one in statements if "FROM stored_files" in one]) == 1
    lost = [name for name in order if name in ("阿明", "青禾")]
    with ZipFile(packed) as found:
        there = [name for name in found.namelist() if name != NOTE[0]]
        assert [name.split("-")[1] for name in there] == [name for name in order if name not in lost]
        assert found.read(NOTE[0]).decode().splitlines() == [NOTE[1], *lost]


@contextmanager
def counting() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    engine = database.engine("tenant")
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_deleted_code_takes_its_picture_along(desk: Desk) -> None:  # noqa: F811
    desk.uploaded()
    make(desk, CodeForm.TRIAL)
    (code,) = kept(desk)
    with desk.session() as db:
        program, found = get_code(db, desk.alice, code.id, Verb.WORK)
        codes.delete_code(db, program, found, who=desk.alice)
    assert kept(desk) == []


@pytest.mark.parametrize(
    ("form", "field", "value"),
    [
        (CodeForm.TRIAL, "page", "pages/首页"),
        (CodeForm.TRIAL, "page", "pages/index?x=1"),
        (CodeForm.LIMITED, "page", ""),
        (CodeForm.SHORT_LINK, "page", " "),
        (CodeForm.TRIAL, "query", "名=值"),
        (CodeForm.TRIAL, "query", "a" * 513),
        (CodeForm.UNLIMITED, "scene", ""),
        (CodeForm.UNLIMITED, "scene", "a" * 33),
        (CodeForm.UNLIMITED, "scene", "100%"),
        (CodeForm.UNLIMITED, "version", "develop"),
        (CodeForm.UNLIMITED, "width", "279"),
        (CodeForm.UNLIMITED, "width", "1281"),
        (CodeForm.UNLIMITED, "width", "宽"),
        (CodeForm.LIMITED, "colour", "green"),
        (CodeForm.URL_LINK, "days", "31"),
        (CodeForm.SCHEME, "days", "0"),
        (CodeForm.SHORT_LINK, "title", "长" * 21),
    ],
)
def test_what_wechat_would_not_take_is_refused_at_its_field(form: CodeForm, field: str, value: str) -> None:
    assert set(codes.check_settings(form, GIVEN)) == set(FIELDS[form])
    with pytest.raises(Invalid) as refused:
        codes.check_settings(form, GIVEN | {field: value})
    assert refused.value.field == field
