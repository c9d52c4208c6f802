"""The template library's screens: read, add, label, delete."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import event

from saas import db as database
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def forms(page: str, ending: str) -> list[str]:
    return re.findall(rf'action="([^"]+{ending})"', page)


def test_alice_reads_adds_and_deletes(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.control.add_draft(desk.component.appid, user_version="1.0.0", user_desc="点单首发版")
    alice = browser("alice")
    page = alice.text("/p/alice/templates")
    assert "草稿箱是空的" in page
    answer = alice.post(forms(page, "/templates/sync")[0])
    assert answer.status_code == 303
    page = alice.text(answer.location)
    assert "hx-trigger" in page
    assert "从微信读取草稿和模板…" in page
    desk.run_jobs()
    page = alice.text("/p/alice/templates")
    assert "hx-trigger" not in page
    assert "点单首发版" in page

    alice.post(forms(page, "/add")[0])
    desk.run_jobs()
    page = alice.text("/p/alice/templates")
    assert "已在模板库" in page
    assert "还能放 199 个（共 200 个）" in page
    (to_delete,) = re.findall(r'href="([^"]+/delete)"', page)
    assert "不能再用它上传" in alice.text(to_delete)
    assert alice.post(to_delete).status_code == 303
    desk.run_jobs()
    assert "模板库是空的" in alice.text("/p/alice/templates")
    assert alice.get(to_delete).status_code == 404


def test_a_fragment_is_answered_to_htmx_and_a_page_to_others(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    fragment = alice.text("/p/alice/templates", headers={"HX-Request": "true"})
    assert fragment.lstrip().startswith('<div class="stack" id="library"')
    assert "<html" in alice.text("/p/alice/templates")


def test_a_refusal_is_shown_where_it_was_asked_for(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    desk.control.fail_next("getTemplatedRaftList", 48001, errmsg="api unauthorized rid: 68f9a0c1-2a3b4c5d-6e7f8091")
    alice = browser("alice")
    alice.post(forms(alice.text("/p/alice/templates"), "/templates/sync")[0])
    desk.run_jobs()
    page = alice.text("/p/alice/templates")
    assert "48001" in page
    assert "68f9a0c1-2a3b4c5d-6e7f8091" in page


def test_a_template_that_an_upload_needs_is_not_deleted(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    template = desk.template()
    desk.start_upload(template)
    answer = browser("alice").post(f"/p/alice/templates/{template.id}/delete")
    assert answer.status_code == 422
    assert "正在用这个模板上传代码" in answer.get_data(as_text=True)


def test_a_provider_without_component_app_is_led_on(browser: Browsers, cast: object) -> None:
    assert "还没有第三方平台" in browser("charlie").text("/p/charlie/templates")


def test_the_library_asks_no_query_per_row(desk: Desk, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")

    def queries() -> int:
        seen: list[str] = []
        engine = database.engine("tenant")

        def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            alice.text("/p/alice/templates")
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    desk.template("1.0.0")
    few = queries()
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        desk.template(version)
    assert queries() == few
