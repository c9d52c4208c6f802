"""Drafts and templates: mirrored, added, deleted, labelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from saas import clock
from saas.components.access import load_component
from saas.errors import Conflict, Invalid
from saas.releases import templates
from saas.releases.access import load_template
from saas.releases.models import LibraryAction, Template, UploadStatus
from saas.releases.templates import ExtJsonInvalid, Use
from tests.demo.running import until
from tests.releases.conftest import Desk


def delete(desk: Desk, template: Template, *, although_used: bool = False) -> None:
    with desk.session() as db:
        component, row = load_component(db, desk.component.id), load_template(db, template.id)
        templates.delete_template(db, component, row, who=desk.alice, although_used=although_used)


def last_action(desk: Desk) -> LibraryAction:
    with desk.session() as db:
        return templates.list_actions(db, load_component(db, desk.component.id))[0]


def test_gone_templates_are_marked_and_gone_drafts_forgotten(desk: Desk) -> None:
    template = desk.template("1.0.0")
    desk.control.add_draft(desk.component.appid, user_version="1.1.0")
    desk.sync()
    with desk.session() as db:
        component = load_component(db, desk.component.id)
        assert [one.user_version for one in templates.list_drafts(db, component)] == ["1.1.0"]
        assert component.templates_synced_at is not None
    delete(desk, template)
    desk.run_jobs()
    assert desk.reread_template(template).gone_at is not None
    with desk.session() as db:
        assert templates.list_templates(db, desk.component.id) == []


def test_a_draft_that_is_in_the_library_is_not_added_again(desk: Desk) -> None:
    template = desk.template()
    with desk.session() as db, pytest.raises(Conflict):
        templates.add_draft(db, load_component(db, desk.component.id), template.draft_id, who=desk.alice)


def test_a_template_in_use_by_an_upload_is_not_deleted(desk: Desk) -> None:
    template = desk.template()
    upload = desk.start_upload(template)
    with pytest.raises(Conflict):
        delete(desk, template, although_used=True)
    desk.run_jobs(wait=60)
    assert desk.upload(upload).status == UploadStatus.READY
    with pytest.raises(Invalid) as refused:
        delete(desk, template)
    assert refused.value.field == "sure"
    delete(desk, template, although_used=True)
    with pytest.raises(Exception, match="正在删除"):
        desk.start_upload(template, "1.0.1")
    desk.run_jobs()
    with pytest.raises(Exception, match="已经没有这个模板"):
        desk.start_upload(template, "1.0.1")


def test_uses_are_counted(desk: Desk) -> None:
    row = desk.released()
    with desk.session() as db:
        (template,) = templates.list_templates(db, desk.component.id)
        assert templates.count_uses(db, [template.id]) == {template.id: Use(trial=1, online=1)}
    assert row.user_version == "1.0.0"


def test_pages_are_known_after_an_upload_and_checked_from_then_on(desk: Desk) -> None:
    upload = desk.uploaded()
    text = '{"tabBar": {"list": [{"pagePath": "pages/gone/gone", "text": "x"}]}}'
    with desk.session() as db:
        template = load_template(db, upload.template_row_id)
        with pytest.raises(ExtJsonInvalid) as caught:
            templates.save_template(db, template, who=desk.alice, label="标准", text=text)
    assert caught.value.faults[0].key == "tabBar.list[0].pagePath"


def test_a_new_template_inherits_the_ext_json_of_the_one_before(desk: Desk) -> None:
    first = desk.template("1.0.0")
    with desk.session() as db:
        templates.save_template(db, load_template(db, first.id), who=desk.alice, label="标准", text='{"ext": {}}')
    assert desk.template("1.1.0").ext_json == '{"ext": {}}'
    with desk.session() as db:
        templates.save_template(db, load_template(db, first.id), who=desk.alice, label="", text="")
    desk.sync()
    assert desk.reread_template(first).ext_json == ""


def test_a_refused_action_is_kept_with_its_reason(desk: Desk) -> None:
    desk.control.add_draft(desk.component.appid, user_version="1.0.0")
    desk.sync()
    desk.control.fail_next("addToTemplate", 85065)
    with desk.session() as db:
        component = load_component(db, desk.component.id)
        draft = templates.list_drafts(db, component)[0]
        templates.add_draft(db, component, draft.draft_id, who=desk.alice)
    desk.run_jobs()
    action = last_action(desk)
    assert (action.status, action.errcode, action.operation) == ("failed", 85065, "addToTemplate")


def test_a_second_sync_is_the_same_while_one_runs(desk: Desk) -> None:
    with desk.session() as db:
        component = load_component(db, desk.component.id)
        first = templates.request_sync(db, component, who=desk.alice)
        assert templates.request_sync(db, component, who=desk.alice).id == first.id


def test_of_two_who_choose_a_default_at_once_the_later_wins(desk: Desk) -> None:
    rows = [desk.template("1.0.0"), desk.template("1.1.0")]

    def choose(row: Template) -> None:
        with desk.session() as db:
            templates.set_default(db, load_template(db, row.id), who=desk.alice, on=True)

    with ThreadPoolExecutor(1) as other:
        with desk.session() as db:
            templates.set_default(db, load_template(db, rows[0].id), who=desk.alice, on=True)
            db.flush()
            later = other.submit(choose, rows[1])
            until(lambda: db.scalar(text("select count(*) from pg_locks where not granted")), 10, "the other waits")
        later.result(10)
    with desk.session() as db:
        assert [load_template(db, row.id).is_default for row in rows] == [False, True]


def test_a_template_that_went_meanwhile_is_no_default(desk: Desk) -> None:
    template = desk.template()
    with desk.session() as db:
        row = load_template(db, template.id)
        with desk.session() as other:
            load_template(other, template.id).gone_at = clock.now()
        with pytest.raises(Conflict):
            templates.set_default(db, row, who=desk.alice, on=True)
