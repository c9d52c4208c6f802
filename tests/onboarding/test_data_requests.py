"""A merchant asks for her data to be deleted; the provider settles it, and then they are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.onboarding import data_requests
from saas.onboarding.data_requests import RequestOver, UnderWay, ask_for_deletion, erase, open_request
from saas.onboarding.kept_data import ERASABLE, Group, entries_of
from saas.onboarding.models import DataExport, DataRequest, DataRequestStatus, Notice, Onboarding, OnboardingPart
from saas.programs.certification import START
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity, StoredFile, Task, TaskKind
from tests.cast import Cast, add_merchant
from tests.onboarding.scenes import Scene, scene
from tests.onboarding.test_data_exports import ask as ask_for_download
from tests.onboarding.test_data_exports import fill

__all__ = ["scene"]


def ask(cast: Cast, wish: str = "", name: str = "mei") -> DataRequest:
    with tenant_session(cast.alices) as db:
        return ask_for_deletion(db, load_merchant(db, cast.meis), wish, who=cast.who[name])


def settle(cast: Cast, *groups: Group, answer: str = "", typed: str = "梅记茶铺", name: str = "alice") -> DataRequest:
    with tenant_session(cast.alices) as db:
        return erase(
            db, load_merchant(db, cast.meis), groups or ERASABLE, answer=answer, typed=typed, who=cast.who[name]
        )


def newest(cast: Cast) -> DataRequest:
    with tenant_session(cast.alices) as db:
        return data_requests.list_requests(db, load_merchant(db, cast.meis))[0]


def tasks(cast: Cast) -> list[str]:
    with tenant_session(cast.alices) as db:
        return list(db.scalars(select(Task.kind).where(Task.done_at.is_(None))))


def files_kept(cast: Cast) -> list[str]:
    """Every file of the provider, wherever it lies."""
    folder = settings().files_folder / str(cast.alices)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_asking_twice_is_one_request_and_one_task(cast: Cast) -> None:
    assert ask(cast, "不做了").id == ask(cast, "真的").id
    assert newest(cast).wish == "不做了"
    assert tasks(cast) == [TaskKind.DATA_REQUEST]


def test_she_may_take_it_back_and_ask_again(cast: Cast) -> None:
    first = ask(cast)
    with tenant_session(cast.alices) as db:
        data_requests.withdraw(db, load_merchant(db, cast.meis), who=cast.who["mei"])
    assert newest(cast).status == DataRequestStatus.WITHDRAWN
    assert tasks(cast) == []
    with tenant_session(cast.alices) as db, pytest.raises(RequestOver):
        data_requests.withdraw(db, load_merchant(db, cast.meis), who=cast.who["mei"])
    assert ask(cast).id != first.id


def test_who_may_not(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        ask(cast, name="hana")
    with pytest.raises(NotFound):
        ask(cast, name="alice")
    ask(cast)
    with pytest.raises(Forbidden):
        settle(cast, name="mei")
    with pytest.raises(Forbidden):
        settle(cast, name="bob")
    with tenant_session(cast.alices) as db, pytest.raises(Forbidden):
        data_requests.withdraw(db, load_merchant(db, cast.meis), who=cast.who["hana"])


def test_all_of_it_is_gone_for_good(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    cast = scene.cast
    fill(scene)
    case = scene.register(status=RegistrationStatus.EXPIRED)
    with scene.session() as db:
        row = db.scalars(select(Registration).where(Registration.id == case)).one()
        row.person_name, row.person_wechat, row.person_hash = "陈梅", "chenmei_1988", b"x"
    ask_for_download(cast)
    run_jobs()
    assert len(files_kept(cast)) == 4
    ask(cast)
    settle(cast)
    assert files_kept(cast) == []
    with scene.session() as db:
        merchant = load_merchant(db, cast.meis)
        left = {group: entries_of(db, merchant, group, who=cast.who["mei"]) for group in Group}
        assert db.scalar(select(func.count()).select_from(StoredFile)) == 0
        assert db.scalar(select(func.count()).select_from(DataExport)) == 0
        assert db.scalar(select(func.count()).select_from(OnboardingPart)) == 0
        row = db.scalars(select(Registration).where(Registration.id == case)).one()
        assert (row.status, row.person_hash, row.company_code) == (RegistrationStatus.CANCELLED, None, "")
        certification, filing = db.scalars(select(Certification)).one(), db.scalars(select(Filing)).one()
        assert (certification.status, certification.data_sealed) == (CertificationStatus.PASSED, None)
        assert (filing.status, filing.number, filing.content_sealed) == (FilingStatus.FILED, "粤A1", None)
    told = str(left)
    assert "陈" not in told
    assert "1390000" not in told
    assert [line.value for line in left[Group.COMPANY][0].lines] == ["梅记茶铺"], "by which the provider knows her"
    assert left[Group.AUTHORIZATIONS], "the mini program stays hers"
    request = newest(cast)
    assert (request.status, request.erased) == (DataRequestStatus.DONE, [group.value for group in ERASABLE])
    assert tasks(cast) == []
    with scene.session() as db:
        assert [one.detail["title"] for one in db.scalars(select(Notice))] == ["您的资料已经删除"]
        logged = db.scalars(select(Activity).where(Activity.verb == "merchant.data.erase")).one()
    assert "陈梅" not in str(logged.detail)


def test_a_part_needs_a_reason_and_leaves_the_rest(scene: Scene) -> None:
    cast = scene.cast
    fill(scene)
    ask(cast)
    with pytest.raises(Invalid) as refused:
        settle(cast, Group.CONTACT, Group.ANSWERS)
    assert refused.value.field == "answer"
    settle(cast, Group.CONTACT, Group.ANSWERS, answer="备案信息要保留")
    with scene.session() as db:
        merchant = load_merchant(db, cast.meis)
        assert (merchant.contact_phone, merchant.legal_name) == ("", "陈梅")
        assert db.scalars(select(Filing)).one().values != {}
        notice = db.scalars(select(Notice).where(Notice.kind == "merchant.data.settled")).one()
    assert notice.detail == {"title": "您的资料已经删除一部分", "reason": "备案信息要保留"}
    assert newest(cast).erased == ["contact", "answers"]
    assert len(files_kept(cast)) == 2


def test_nothing_of_another_merchant_goes(scene: Scene) -> None:
    cast = scene.cast
    other = add_merchant(cast, "隔壁家")
    with scene.session() as db:
        asked = Onboarding(provider_id=cast.alices, merchant_id=other)
        neighbour = load_merchant(db, other)
        neighbour.legal_name = "王"
        db.add(asked)
        db.flush()
        part = OnboardingPart(provider_id=cast.alices, onboarding_id=asked.id, key="company")
        part.values = {"person_name": "王"}
        db.add(part)
    ask(cast)
    settle(cast)
    with scene.session() as db:
        assert load_merchant(db, other).legal_name == "王"
        assert db.scalars(select(OnboardingPart)).one().values == {"person_name": "王"}


@pytest.mark.parametrize("typed", ["", "梅记", "隔壁家"])
def test_the_name_must_be_typed(cast: Cast, typed: str) -> None:
    ask(cast)
    with pytest.raises(Invalid) as refused:
        settle(cast, typed=typed)
    assert refused.value.field == "typed"
    assert newest(cast).status == DataRequestStatus.OPEN


def test_without_a_request_nothing_is_deleted(cast: Cast) -> None:
    with pytest.raises(RequestOver):
        settle(cast)


def test_never_while_something_is_under_way(scene: Scene) -> None:
    cast = scene.cast
    fill(scene)
    ask(cast)

    def refused() -> str:
        with pytest.raises(UnderWay) as found:
            settle(cast)
        with scene.session() as db:
            assert load_merchant(db, cast.meis).legal_name == "陈梅"
        assert newest(cast).status == DataRequestStatus.OPEN
        return str(list(found.value.what))

    scene.change(Certification, status=CertificationStatus.SENT_BACK)
    assert refused() == "[('微信认证', '梅记点单')]"
    scene.change(Certification, status=CertificationStatus.PASSED)
    for status in (FilingStatus.FACE, FilingStatus.SMS, FilingStatus.AUTHORITY_REVIEW):
        scene.change(Filing, status=status)
        assert refused() == "[('备案', '梅记点单')]"
    scene.change(Filing, status=FilingStatus.FILED)
    case = scene.register()
    assert refused() == "[('注册', '梅记餐饮有限公司')]"
    with scene.session() as db:
        db.scalars(select(Registration).where(Registration.id == case)).one().status = RegistrationStatus.CANCELLED
        batch = Batch(provider_id=cast.alices, step=START, lane="default", total=1)
        db.add(batch)
        db.flush()
        db.add(
            BatchItem(
                provider_id=cast.alices, batch_id=batch.id, step=START, subject_id=scene.program_id,
                status=ItemStatus.QUEUED,
            )
        )  # fmt: skip
    assert refused() == "[('微信认证', '梅记点单')]"


def test_a_draft_of_a_certification_goes_and_the_step_with_it(scene: Scene) -> None:
    fill(scene)
    scene.change(Certification, status=CertificationStatus.DRAFT)
    ask(scene.cast)
    settle(scene.cast)
    with platform_session("test") as db:
        assert db.scalar(select(func.count()).select_from(Certification)) == 0


def test_refusing_needs_a_reason_and_tells_her(cast: Cast) -> None:
    ask(cast)
    with tenant_session(cast.alices) as db, pytest.raises(Invalid):
        data_requests.refuse(db, load_merchant(db, cast.meis), " ", who=cast.who["alice"])
    with tenant_session(cast.alices) as db:
        data_requests.refuse(db, load_merchant(db, cast.meis), "合同还没到期", who=cast.who["alice"])
    request = newest(cast)
    assert (request.status, request.answer, request.settled_by) == (DataRequestStatus.REFUSED, "合同还没到期", "Alice")
    with tenant_session(cast.alices) as db:
        assert open_request(db, load_merchant(db, cast.meis)) is None
        assert db.scalars(select(Notice)).one().detail["reason"] == "合同还没到期"


def test_of_two_who_settle_at_once_one_does(scene: Scene) -> None:
    fill(scene)
    ask(scene.cast)
    over: list[Any] = []

    def run() -> None:
        try:
            settle(scene.cast)
        except RequestOver as error:
            over.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(over) == 2
    with platform_session("test") as db:
        assert db.scalar(select(func.count()).where(Activity.verb == "merchant.data.erase")) == 1
