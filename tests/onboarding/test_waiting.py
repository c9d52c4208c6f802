"""What waits for the merchant's side follows from the rows, and she may have it sent again where WeChat allows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.db import tenant_session
from saas.errors import Conflict, Forbidden
from saas.onboarding import waiting
from saas.onboarding.guides import FACE_OF_BOTH, GUIDES
from saas.onboarding.waiting import Kind
from saas.programs import filing_sending
from saas.programs.access import load_program
from saas.programs.certification_models import OF_ADMINISTRATOR, Certification, CertificationStatus
from saas.programs.filing import find_filing
from saas.programs.filing_fields import PROGRAM_PERSON, SUBJECT_PERSON
from saas.programs.filing_models import FACE_TIME, FilingStatus
from saas.programs.models import AuthorizationStatus
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.programs.words import Turn, Word
from saas.tenants.models import Activity
from tests.cast import Cast
from tests.onboarding.scenes import Scene, scene  # noqa: F401 - fixture
from tests.programs.filing_data import fill_in
from tests.programs.shop import Shop, control, sandbox, shop  # noqa: F401 - fixtures


def test_every_word_that_waits_for_her_has_a_guide() -> None:
    hers = {word for word in Word if word.turn is Turn.MERCHANT}
    assert set(GUIDES) == hers
    for guide in GUIDES.values():
        assert guide.actor
        assert guide.brief
        assert guide.todo
        assert guide.lost


def test_nothing_waits_for_a_mini_program_that_is_well(scene: Scene) -> None:  # noqa: F811
    assert scene.waitings() == []


def test_a_registration_waits_for_a_day_and_can_then_be_sent_again(scene: Scene) -> None:  # noqa: F811
    case = scene.register()
    assert scene.waitings() == [], "the mini program has its appid already"
    prepared = scene.prepare(case)
    [one] = scene.waitings(prepared)
    assert (one.kind, one.link, one.is_active, one.again_at) == (
        Kind.REGISTER,
        "https://mp.weixin.qq.com/x",
        True,
        None,
    )
    with scene.session() as db:
        row = db.get(Registration, case)
        assert row is not None
        row.status, row.finished_at = RegistrationStatus.EXPIRED, clock.now()
    [one] = scene.waitings(prepared)
    assert (one.is_over, one.link, one.may_be_sent_again) == (True, "", True)


def test_the_administrators_errands_share_one_clock(scene: Scene) -> None:  # noqa: F811
    began = clock.now() - timedelta(hours=3)
    with scene.session() as db:
        row = Certification(
            **scene.own, status=CertificationStatus.ADMIN_PENDING, changed_at=began, started_at=began, task_id="7",
            auth_url="https://mp.weixin.qq.com/auth", papers={},
        )  # fmt: skip
        db.add(row)
    for status in OF_ADMINISTRATOR:
        scene.change(Certification, status=status, changed_at=clock.now())
        [one] = scene.waitings()
        assert (one.kind, one.began_at, one.ends_at) == (Kind.CERTIFY, began, began + timedelta(hours=24))
        assert one.link == "https://mp.weixin.qq.com/auth"
        assert one.again_at is None
    scene.change(Certification, status=CertificationStatus.PAY_PENDING)
    [one] = scene.waitings()
    assert (one.kind, one.ends_at, one.link) == (Kind.PAY, None, "")
    scene.change(Certification, status=CertificationStatus.TASK_EXPIRED)
    assert scene.waitings() == [], "only the provider can begin it anew"


def test_a_text_message_goes_to_masked_numbers(scene: Scene) -> None:  # noqa: F811
    people = {SUBJECT_PERSON: "13800138000", PROGRAM_PERSON: "13900139000"}
    values = {"same_person": "no"} | {f"{place}.mobile": number for place, number in people.items()}
    scene.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=20), values=values)
    [one] = scene.waitings()
    assert (one.kind, one.word, one.again_at) == (Kind.SMS, Word.FILE_SMS, None)
    with scene.session() as db:
        assert waiting.numbers_told(db, scene.program(db)) == ["138****8000", "139****9000"]


def test_missing_permissions_wait_since_the_authorization(scene: Scene) -> None:  # noqa: F811
    with scene.session() as db:
        program = scene.program(db)
        program.permission_sets = [18]
        began = program.authorized_at
    [one] = scene.waitings()
    assert (one.kind, one.began_at, one.ends_at) == (Kind.AUTHORIZE, began, None)
    with scene.session() as db:
        program = scene.program(db)
        program.authorization, program.unauthorized_at = AuthorizationStatus.LOST, clock.now()
        lost_at = program.unauthorized_at
    assert scene.waitings()[0].began_at == lost_at


def test_what_ran_out_is_late_until_wechat_says_so(scene: Scene) -> None:  # noqa: F811
    scene.file(FilingStatus.FACE, due_at=clock.now() - timedelta(minutes=1), face_asked_at=clock.now() - FACE_TIME)
    [one] = scene.waitings()
    assert (one.is_late, one.is_active, one.is_over) == (True, False, False)


def test_only_an_owner_of_the_merchant_has_it_sent_again(scene: Scene, cast: Cast) -> None:  # noqa: F811
    with tenant_session(cast.alices) as db, pytest.raises(Forbidden):
        waiting.send_again(db, scene.program(db), who=cast.who["hana"])
    with tenant_session(cast.alices) as db, pytest.raises(Conflict, match="没有可以再发"):
        waiting.send_again(db, scene.program(db), who=cast.who["mei"])


def test_mei_has_the_face_check_sent_again_and_twice_is_once(
    shop: Shop,  # noqa: F811
    cast: Cast,
    run_jobs: Callable[..., list[str]],
    move_clock: Callable[[float], None],
) -> None:
    shop.control.change_account(
        shop.appid, categories=[{"first_class": "餐饮服务", "second_class": "点餐平台"}], verified=True
    )
    fill_in(shop)
    shop.do(filing_sending.request_face_check)
    mei = cast.who["mei"]

    def again() -> None:
        with tenant_session(cast.alices) as db:
            waiting.send_again(db, load_program(db, shop.id), who=mei)

    with pytest.raises(Conflict, match="刚发过"):
        again()
    move_clock(601)
    again()
    with pytest.raises(Conflict, match="正在进行"):
        again()
    run_jobs()
    with pytest.raises(Conflict, match="刚发过"):
        again()
    assert shop.counts()["createIcpVerifyTask"] == 2
    with tenant_session(cast.alices) as db:
        program = load_program(db, shop.id)
        [one] = waiting.waitings_of(db, program)
        assert one.guide != FACE_OF_BOTH
        assert one.began_at > clock.now() - timedelta(minutes=1), "its clock began anew"
        logged = db.scalars(select(Activity).where(Activity.verb == "program.send_again")).one()
        assert (logged.actor_kind, logged.actor_id) == ("merchant", mei.user_id)
        filing = find_filing(db, program)
        assert filing is not None
        filing.lacking = 1
    move_clock(601)
    with pytest.raises(Conflict, match="需要服务商先处理"):
        again()


def test_an_expired_link_is_asked_for_by_her_through_the_providers_own_step(scene: Scene, cast: Cast) -> None:  # noqa: F811
    case = scene.register(status=RegistrationStatus.EXPIRED)
    with tenant_session(cast.alices) as db:
        found = waiting.cases_without_program(db, cast.who["mei"])
        assert [(row.id, one.is_over) for row, one in found] == [(case, True)]
        row = found[0][0]
        waiting.send_case_again(db, row, who=cast.who["mei"])
        with pytest.raises(Conflict, match="正在进行"):
            waiting.send_case_again(db, row, who=cast.who["mei"])
        item = db.scalars(select(BatchItem)).one()
        assert (item.subject_id, item.status) == (case, ItemStatus.QUEUED)
        with pytest.raises(Forbidden):
            waiting.send_case_again(db, row, who=cast.who["hana"])
