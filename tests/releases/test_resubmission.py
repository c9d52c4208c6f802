"""A rejection by the sandbox's reviewers is submitted again as a batch, with what is said differently: once."""

from __future__ import annotations

import pytest

from saas.batches.access import load_item
from saas.batches.models import BatchItem, ItemStatus
from saas.programs.access import load_program
from saas.releases import rejects
from saas.releases.audits import newest_audit
from saas.releases.models import AuditStatus
from saas.releases.pictures import screenshot_files
from saas.releases.resubmission import Changes, categories_of, with_files
from saas.releases.submissions import Item, Submission, Ugc
from saas.trains import resubmitting
from tests.releases.conftest import CATEGORY, Desk

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def test_a_rejection_is_answered_once_with_words_and_pictures(desk: Desk) -> None:
    audit = desk.submitted("1.0.0")
    desk.control.reject(audit.auditid, reason="1: 规则:<br>(1): 涉及 3.4.1 的<b>空白</b>", screenshots=2, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    with desk.session() as db:
        group = rejects.find_group(db, "3.4.1")
        assert group is not None
        assert len(screenshot_files(group.example)) == 2
        given = Changes(feedback="已经补上内容", tag="奶茶", category="9-9")
        changes = with_files(db, given, who=desk.alice, files=(), feedback_files=[("改好.png", PNG)])
        begun = resubmitting.resubmit(db, "3.4.1", None, who=desk.alice, changes=changes)
        assert begun.by_batch == 1
    desk.run_jobs(wait=300)
    with desk.session() as db:
        item = db.query(BatchItem).filter(BatchItem.batch_id == begun.batch.id).one() if begun.batch else None
        assert item is not None
        assert load_item(db, item.id).status == ItemStatus.DONE
        newest = newest_audit(db, load_program(db, desk.program.id))
        assert newest is not None
        assert newest.status == AuditStatus.IN_REVIEW
        assert newest.request["feedback_info"] == "已经补上内容"
        assert len(newest.request["media"]) == 1
        assert newest.request["version_desc"] == "点单"
        assert newest.request["item_list"][0]["tag"] == "奶茶"
        assert newest.request["item_list"][0]["address"] == "pages/index/index"
        assert rejects.count_waiting(db) == 0
    assert desk.counts()["submitAudit"] == 2


def test_categories_are_offered_with_how_many_have_them(desk: Desk) -> None:
    desk.uploaded()
    with desk.session() as db:
        found = categories_of(db, [desk.program.id])
        assert CATEGORY in [key for key, _name, _count in found]
        assert {count for _key, _name, count in found} == {1}
        assert categories_of(db, []) == []


LAST = Submission(items=[Item("1", "pages/a", "旧", "首页"), Item("2")], version_desc="旧", order_path="pages/o")


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        (Changes(), "items", LAST.items),
        (Changes(version_desc="新"), "version_desc", "新"),
        (Changes(feedback="改好了"), "feedback", "改好了"),
        (Changes(feedback="改好了"), "version_desc", "旧"),
        (Changes(tag="新"), "items", [Item("1", "pages/a", "新", "首页"), Item("2")]),
        (Changes(category="2"), "items", [Item("2", "pages/a", "旧", "首页"), Item("2")]),
        (Changes(category="3"), "items", LAST.items),
        (Changes(ugc={"scenes": [0]}), "ugc", Ugc([0])),
        (Changes(files=[{"file": "1", "kind": "image/png"}]), "kept_files", [{"file": "1", "kind": "image/png"}]),
        (Changes(privacy_not_used=True, releases_itself=True), "releases_itself", True),
        (Changes(order_path="pages/p"), "order_path", "pages/p"),
    ],
)
def test_what_is_empty_stays_as_it_was(changes: Changes, name: str, value: object) -> None:
    for one in (changes, Changes.read(changes.stored())):
        assert getattr(one.applied(LAST, ["1", "2"]), name) == value
