"""A mini program's code screens, walked as alice's browser would; and who gets in."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import event, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from saas import db as database
from saas.releases.access import load_template
from saas.releases.models import Audit, AuditStatus, ReleaseStatus, Template
from tests.releases.conftest import CATEGORY, Desk, control, count_only, desk, sandbox  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def code(desk: Desk) -> str:  # noqa: F811
    return f"/p/alice/programs/{desk.program.id}/code"


def primary(text: str) -> list[str]:
    """Where the page's primary buttons lead."""
    return re.findall(r'<a class="btn btn-primary" href="([^"]+)"', text)


def upload_form(desk: Desk, template_id: object, **more: str) -> dict[str, str]:  # noqa: F811
    return {"template": str(template_id), "user_version": "1.0.0", "description": "首发", **more}


def audit_form(**more: str) -> dict[str, str]:
    return {
        "items-0-category": CATEGORY, "items-0-address": "pages/index/index", "items-0-title": "首页",
        "items-0-tag": "奶茶 外卖", "version_desc": "点单", **more,
    }  # fmt: skip


def test_alice_goes_from_upload_to_online_by_the_primary_buttons(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    alice = browser("alice")
    (to_upload,) = primary(alice.text(code(desk)))
    assert to_upload.endswith("/upload")
    assert "extAppid" in alice.text(to_upload)
    answer = alice.post(to_upload, upload_form(desk, template.id))
    assert answer.status_code == 303
    assert 'hx-trigger="load delay' in alice.text(answer.location)
    desk.run_jobs(wait=60)
    page = alice.text(answer.location)
    assert "hx-trigger" not in page
    assert "pages/menu/menu" in page
    picture = re.search(r'src="([^"]+/trial-qr[^"]*)"', page)
    assert picture
    assert alice.get(picture[1]).content_type == "image/png"

    (to_audit,) = primary(alice.text(code(desk)))
    page = alice.text(to_audit)
    assert "餐饮服务 / 点餐平台" in page
    assert "disabled" not in page.partition("提交前检查")[0]
    answer = alice.post(to_audit, audit_form())
    assert answer.status_code == 303
    desk.run_jobs()
    assert "审核中" in alice.text(answer.location)
    assert primary(alice.text(code(desk))) == []
    audit = desk.control.audits(appid=desk.program.appid)[0]
    desk.control.approve(audit["id"], push=False)
    desk.hear("weapp_audit_success", SuccTime=1)

    (to_release,) = primary(alice.text(code(desk)))
    assert "第一次上线" in alice.text(to_release)
    first, second = alice.post(to_release), alice.post(to_release)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    desk.run_jobs()
    assert "已在线上" in alice.text(first.location)
    assert desk.counts()["release"] == 1
    for kind in ("uploads", "audits", "releases"):
        assert "1.0.0" in alice.text(f"{code(desk)}/history?kind={kind}")


def test_a_rejection_shows_plain_reasons_and_pictures(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    audit = desk.submitted()
    desk.control.reject(
        audit.auditid, reason="1: 类目不符:<br>(1): 请补充 <a href='https://a.cn'>类目</a>", screenshots=2
    )
    desk.hear("weapp_audit_fail", FailTime=1)
    alice = browser("alice")
    page = alice.text(f"/p/alice/audits/{audit.id}")
    assert "审核不通过" in page
    assert "&lt;br&gt;" not in page
    assert "请补充 类目 (https://a.cn)" in page
    shots = re.findall(r'<img src="([^"]+/screenshots/[^"]+)"', page)
    assert len(shots) == 2
    assert {alice.get(shot).content_type for shot in shots} == {"image/png"}
    assert alice.get(f"/p/alice/audits/{audit.id}/screenshots/3").status_code == 404
    assert "类目不符" in alice.text(code(desk))


def test_the_head_follows_what_polls_below_it(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    audit, alice = desk.submitted(), browser("alice")
    (polled,) = re.findall(r'hx-get="([^"]+)"', alice.text(f"/p/alice/audits/{audit.id}"))
    polled = polled.replace("&amp;", "&")
    assert "HX-Refresh" not in alice.get(polled, headers={"HX-Request": "true"}).headers
    desk.control.approve(audit.auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    assert alice.get(polled, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_the_undo_page_counts_before_the_click(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    audit = desk.submitted()
    alice = browser("alice")
    page = alice.text(f"/p/alice/audits/{audit.id}/undo")
    assert "今天还能撤回 5 次（共 5 次）" in page
    assert "本月还能撤回 10 次（共 10 次）" in page
    assert alice.post(f"/p/alice/audits/{audit.id}/undo").status_code == 303
    desk.run_jobs(wait=60)
    assert desk.audit(audit).status == AuditStatus.UNDONE
    again = alice.post(f"/p/alice/audits/{audit.id}/undo")
    assert again.status_code == 409
    assert "今天还能撤回 4 次" in again.get_data(as_text=True)


def test_withdrawals_that_are_only_counted_are_not_offered_in_numbers(
    desk: Desk, browser: Browsers, count_only: Callable[..., None]  # noqa: F811
) -> None:  # fmt: skip
    count_only("undo_audit_day", "undo_audit_month")
    audit = desk.submitted()
    alice = browser("alice")
    for page in (f"/p/alice/audits/{audit.id}", f"/p/alice/audits/{audit.id}/undo"):
        text = alice.text(page)
        assert "撤回审核" in text
        assert "还能撤回" not in text


def test_a_refusal_of_wechat_is_explained_with_its_rid(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.control.fail_next("commit", 85044, errmsg="package too large rid: 68f9a0c1-2a3b4c5d-6e7f8091")
    upload = desk.start_upload(desk.template())
    desk.run_jobs()
    alice = browser("alice")
    for page in (alice.text(f"/p/alice/uploads/{upload.id}"), alice.text(code(desk))):
        assert "85044" in page
        assert "68f9a0c1-2a3b4c5d-6e7f8091" in page
        assert "怎么办" in page


def test_a_failed_submission_hides_no_approved_version(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    approved = desk.approved("1.0.0")
    newer = desk.uploaded("1.1.0")
    desk.control.fail_next("submitAudit", 85008)
    failed = desk.start_audit(newer)
    desk.run_jobs()
    assert desk.audit(failed).status == AuditStatus.FAILED
    alice = browser("alice")
    release = f"/p/alice/audits/{approved.id}/release"
    assert primary(alice.text(code(desk))) == [release]
    assert f'href="{release}"' in alice.text(f"/p/alice/programs/{desk.program.id}/versions")
    assert primary(alice.text(f"/p/alice/audits/{approved.id}")) == [release]
    assert primary(alice.text(f"/p/alice/audits/{failed.id}")) == [f"/p/alice/programs/{desk.program.id}/audit"]
    assert alice.post(release).status_code == 303
    desk.run_jobs()
    assert desk.state().online_version == "1.0.0"
    assert release not in alice.text(f"/p/alice/programs/{desk.program.id}/versions")


def test_a_submission_that_failed_later_is_told(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.released("1.0.0")
    upload = desk.uploaded("1.1.0")
    desk.control.fail_next("submitAudit", 85008)
    desk.start_audit(upload)
    desk.run_jobs()
    page = browser("alice").text(code(desk))
    assert "85008" in page


def test_a_bad_ext_json_names_line_and_key_and_is_not_saved(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    alice = browser("alice")
    text = '{\n  "ext": {"shop": "${shop}"},\n  "windw": {}\n}'
    answer = alice.post(f"/p/alice/templates/{template.id}", {"label": "标准版", "ext_json": text})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "第 3 行" in page
    assert "<code>windw</code>" in page
    assert "window" in page
    assert desk.reread_template(template).ext_json == ""
    good = text.replace("windw", "window")
    answer = alice.post(f"/p/alice/templates/{template.id}", {"label": "标准版", "ext_json": good})
    assert answer.status_code == 303

    address = f"/p/alice/programs/{desk.program.id}/upload"
    answer = alice.post(address, upload_form(desk, template.id))
    assert answer.status_code == 422
    assert "缺少变量 shop 的值" in answer.get_data(as_text=True)
    preview = alice.post(address, upload_form(desk, template.id, **{"value.shop": "梅记", "preview": "1"}))
    assert '"shop": "梅记"' in preview.get_data(as_text=True).replace("&#34;", '"')
    answer = alice.post(address, upload_form(desk, template.id, **{"value.shop": "梅记"}))
    assert answer.status_code == 303
    assert "梅记" in alice.text(answer.location)


def test_the_audit_form_answers_422_at_the_field(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.uploaded()
    alice = browser("alice")
    address = f"/p/alice/programs/{desk.program.id}/audit"
    more = alice.post(address, audit_form(more="1"))
    assert "items-1-category" in more.get_data(as_text=True)
    tags = " ".join(f"标签{number}" for number in range(11))
    answer = alice.post(address, audit_form(**{"items-0-tag": tags}))
    assert answer.status_code == 422
    assert "标签最多 10 个" in answer.get_data(as_text=True)
    answer = alice.post(address, audit_form(**{"items-0-category": "1-2"}))
    assert answer.status_code == 422
    assert "submitAudit" not in desk.counts()


def test_the_audit_form_takes_all_the_files_that_it_promises(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    upload = desk.uploaded()
    alice = browser("alice")
    address = f"/p/alice/programs/{desk.program.id}/audit"
    picture, video = b"\xff\xd8\xff" + bytes(2_000_000), b"\0\0\0\x18ftypmp42" + bytes(10_000_000)
    files = [FileStorage(io.BytesIO(one), "tea") for one in (video, *[picture] * 10)]
    boundary, body = encode_multipart({**audit_form(), "csrf_token": alice.csrf_token(), "files": files})
    answer = alice.client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert "/audits/" in answer.location
    with desk.session() as db:
        kept = db.scalars(select(Audit).where(Audit.upload_id == upload.id)).one().request["files"]
    assert [one["kind"] for one in kept] == ["video/mp4", *["image/jpeg"] * 10]


def test_more_than_it_promises_is_told_at_the_field(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.uploaded()
    address = f"/p/alice/programs/{desk.program.id}/audit"
    sent = {"content_length": 60_000_000, "content_type": "multipart/form-data; boundary=x"}
    alice = browser("alice").client
    answer = alice.post(address, input_stream=io.BytesIO(bytes(60_000_000)), **sent)
    assert answer.status_code == 303
    page = browser("alice").text(answer.location)
    assert re.search(r'id="files-error"[^>]*>[^<]*文件合计最多 40 MB', page)
    elsewhere = alice.post(code(desk) + "/refresh", input_stream=io.BytesIO(bytes(60_000_000)), **sent)
    assert elsewhere.status_code == 413
    anonymous = browser("").client.post(address, input_stream=io.BytesIO(bytes(60_000_000)), **sent)
    assert anonymous.status_code == 413


def test_a_template_may_have_very_many_variables(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    places = ",".join(f'"k{number}":"${{v{number}}}"' for number in range(501))
    with desk.session() as db:
        load_template(db, template.id).ext_json = f'{{"ext":{{{places}}}}}'
    page = browser("alice").text(f"/p/alice/templates/{template.id}/variables")
    assert 'name="variables-499-title"' in page


def test_alice_rolls_back_after_a_page_that_says_what_it_means(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.released("1.0.0")
    desk.released("1.1.0")
    alice = browser("alice")
    chooser = f"/p/alice/programs/{desk.program.id}/roll-back"
    (to_confirm,) = re.findall(r'href="([^"]+/past-versions/[^"]+)"', alice.text(chooser))
    assert "从 1.1.0 回到 1.0.0" in alice.text(to_confirm)
    answer = alice.post(to_confirm)
    assert answer.status_code == 303
    desk.run_jobs()
    assert "已在线上" in alice.text(answer.location)
    assert desk.state().online_version == "1.0.0"
    assert "没有可以回退到的版本" in alice.text(chooser)
    assert "已回退" in alice.text(code(desk))


PAGES = [
    ("get", "programs/{program}/code", 200), ("get", "programs/{program}/code/history", 200),
    ("get", "uploads/{upload}", 200), ("get", "uploads/{upload}/trial-qr", 200), ("get", "audits/{audit}", 200),
    ("get", "releases/{release}", 200), ("get", "templates", 200), ("get", "templates/{template}", 200),
    ("get", "programs/{program}/upload", 403), ("get", "programs/{program}/audit", 403),
    ("get", "audits/{audit}/undo", 403), ("get", "audits/{audit}/release", 403),
    ("get", "programs/{program}/roll-back", 403), ("get", "templates/{template}/delete", 403),
    ("post", "programs/{program}/code/refresh", 403), ("post", "programs/{program}/upload", 403),
    ("post", "programs/{program}/audit", 403), ("post", "uploads/{upload}/trial-qr", 403),
    ("post", "audits/{audit}/undo", 403), ("post", "audits/{audit}/release", 403),
    ("post", "programs/{program}/roll-back/versions", 403), ("post", "templates/{template}", 403),
    ("post", "templates/{template}/delete", 403), ("post", "components/{component}/templates/sync", 403),
    ("post", "components/{component}/drafts/71/add", 403),
]  # fmt: skip


def test_bob_looks_charlie_and_merchants_do_not_exist_here(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    row = desk.released()
    with desk.session() as db:
        from saas.releases.access import load_audit

        audit = load_audit(db, row.audit_id)  # type: ignore[arg-type]
    ids = {
        "program": desk.program.id, "upload": audit.upload_id, "audit": audit.id, "release": row.id,
        "template": desk.upload(type("U", (), {"id": audit.upload_id})()).template_row_id,  # type: ignore[arg-type]
        "component": desk.component.id,
    }  # fmt: skip
    for verb, path, bobs in PAGES:
        address = "/p/alice/" + path.format(**ids)
        for name, expected in (("bob", bobs), ("charlie", 404), ("mei", 404), ("ming", 404)):
            answer = getattr(browser(name), verb)(address)
            assert answer.status_code == expected, f"{name} {verb} {path}: {answer.status_code}"
        assert getattr(browser(""), verb)(address).status_code == 303, f"anonymous {verb} {path}"
        elsewhere = getattr(browser("charlie"), verb)("/p/charlie/" + path.format(**ids))
        if "{" in path:
            assert elsewhere.status_code == 404, f"charlie's own house {verb} {path}"
    assert "btn-primary" not in browser("bob").text(code(desk))


def test_max_may_work(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    answer = browser("max").post(f"/p/alice/programs/{desk.program.id}/upload", upload_form(desk, template.id))
    assert answer.status_code == 303


def test_history_asks_no_query_per_row(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    alice = browser("alice")

    def queries() -> int:
        seen: list[str] = []
        engine = database.engine("tenant")

        def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            alice.text(f"{code(desk)}/history")
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    def upload(version: str) -> None:
        desk.start_upload(template, version)
        desk.run_jobs(wait=60)

    upload("1.0.0")
    few = queries()
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        upload(version)
    assert queries() == few


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_every_page_is_drawn_in_both_languages(desk: Desk, browser: Browsers, language: str) -> None:  # noqa: F811
    row = desk.released()
    assert row.status == ReleaseStatus.DONE
    alice = browser("alice")
    alice.client.set_cookie("daiban_language", language)
    for path in (
        "code", "upload", "audit", "versions", "phased-release", "phased-release/cancel", "service/suspend",
        "service/resume", "base-library", "roll-back", "code/history?kind=audits", "code/history?kind=releases",
    ):  # fmt: skip
        alice.text(f"/p/alice/programs/{desk.program.id}/{path}")
    alice.text("/p/alice/templates")
    with desk.session() as db:
        template, audit = db.scalars(select(Template)).one(), db.scalars(select(Audit)).one()
    for path in (
        f"templates/{template.id}",
        f"templates/{template.id}/variables",
        f"templates/{template.id}/delete",
        f"audits/{audit.id}",
        f"audits/{audit.id}/undo",
        f"audits/{audit.id}/speed-up",
    ):
        alice.text(f"/p/alice/{path}")
    alice.text(f"/p/alice/programs/selection/checks?id={desk.program.id}")
    for action in ("upload", "submit", "undo", "release", "phase", "phase_cancel", "roll_back", "suspend", "library"):
        alice.text(f"/p/alice/programs/selection/start?action={action}&id={desk.program.id}")
