"""Accepted papers flow into the drafts of the mini program's filing and certification, also when it comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.db import platform_session, tenant_session
from saas.errors import Conflict
from saas.onboarding.access import get_part
from saas.onboarding.binding import BIND, bind, look_for_registered
from saas.onboarding.fields import FORMS
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.onboarding.papers import attach
from saas.onboarding.parts import Answers, answers_of, open_onboarding
from saas.onboarding.reviewing import NotHandedIn, accept, give_back, hand_over_again
from saas.onboarding.saving import hand_in, save_page
from saas.programs import certification_data
from saas.programs.access import load_program
from saas.programs.certification import make_draft
from saas.programs.certification_access import open_certification
from saas.programs.certification_data import OTHERS, QUALIFICATION
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.filing import find_filing
from saas.programs.filing_fields import COMMENT, NAME, PAPER_PHOTO, SAME, SERVICES
from saas.programs.filing_models import Filing, FilingStatus, FilingTable
from saas.programs.models import Program
from saas.programs.registration import suggest
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.queue import Job
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity, StoredFile
from saas.tenants.stored_files import load_file, read_file
from tests.onboarding.scenes import Scene, scene
from tests.programs.filing_data import PICTURES, PROGRAM, SUBJECT
from tests.programs.shop import picture

__all__ = ["scene"]
AREAS = [{"code": 440000, "name": "广东", "sub_list": [
    {"code": 440100, "name": "广州", "sub_list": [{"code": 440104, "name": "越秀"}]},
]}]  # fmt: skip
CODE = "91350100M000100Y43"
COMPANY = {"kind": "enterprise", "name": "梅记餐饮有限公司", "company_code": CODE, "person_name": "陈梅"}
CERTIFICATION = {
    "basics": {"customer_type": "1", "account_name": "梅记茶铺", "account_name_type": "1"},
    "contact": {"contact_name": "陈梅", "contact_email": "mei@example.com"},
    "invoice": {"invoice_type": "2", "invoice_title": "梅记", "taxpayer_id": CODE},
}
TYPED: Mapping[Part, Mapping[str, Mapping[str, Any]]] = {
    Part.COMPANY: {"facts": COMPANY},
    Part.CERTIFICATION: CERTIFICATION,
    Part.FILING: {"subject": SUBJECT, "program": PROGRAM},
}
PAPERS: Mapping[Part, Mapping[str, Sequence[bytes]]] = {
    Part.COMPANY: {},
    Part.CERTIFICATION: {QUALIFICATION: [picture(), picture()], OTHERS: [picture(colour="blue")]},
    Part.FILING: PICTURES,
}


class Case:
    """What is asked of mei, for her mini program or for one that is still to be registered."""

    def __init__(self, scene: Scene, *, program: bool, parts: Sequence[Part] = tuple(TYPED)) -> None:
        self.scene, self.cast = scene, scene.cast
        with scene.session() as db:
            if not db.scalar(select(FilingTable.id)):
                db.add(FilingTable(provider_id=scene.cast.alices, kind="districts", items=AREAS, read_at=clock.now()))
            merchant = load_merchant(db, scene.cast.meis)
            about = scene.program(db) if program else None
            self.id = open_onboarding(db, merchant, about, parts, who=scene.cast.who["alice"]).id

    def answers(self, db: Session, part: Part, who: str = "alice") -> Answers:
        return answers_of(db, *get_part(db, self.cast.who[who], self.id, part, Verb.VIEW))

    def hand_in(self, part: Part, changes: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        mei = self.cast.who["mei"]
        with self.scene.session() as db:
            answers = self.answers(db, part, "mei")
            for page, typed in TYPED[part].items():
                more = (changes or {}).get(page, {})
                save_page(db, answers, page, {**typed, **more}, version=answers.part.version, who=mei)
            for name, contents in PAPERS[part].items():
                if len(answers.part.files.get(name, [])) < len(contents):
                    attach(db, answers, name, contents, who=mei)
            hand_in(db, answers, version=answers.part.version, who=mei)

    def accept(self, part: Part) -> None:
        with self.scene.session() as db:
            answers = self.answers(db, part)
            accept(db, answers, version=answers.part.version, who=self.cast.who["alice"])

    def give_back(self, part: Part, field: str) -> None:
        with self.scene.session() as db:
            answers = self.answers(db, part)
            give_back(db, answers, {field: "请改"}, version=answers.part.version, who=self.cast.who["alice"])

    def part(self, part: Part) -> OnboardingPart:
        with self.scene.session() as db:
            return self.answers(db, part).part


def filing_of(scene: Scene, program_id: UUID | None = None) -> Filing | None:
    with scene.session() as db:
        return find_filing(db, load_program(db, program_id or scene.program_id))


def certification_of(scene: Scene, program_id: UUID | None = None) -> Certification | None:
    with scene.session() as db:
        return open_certification(db, load_program(db, program_id or scene.program_id))


def kinds(scene: Scene) -> dict[str, int]:
    with scene.session() as db:
        query = select(StoredFile.kind, func.count()).group_by(StoredFile.kind)
        return {row[0]: row[1] for row in db.execute(query)}


def register(scene: Scene, *, name: str = "梅记二店", done: bool = True, **more: Any) -> UUID:
    """A mini program that was registered for mei; answers its id."""
    with scene.session() as db:
        program = Program(
            provider_id=scene.cast.alices, component_id=scene.component_id, merchant_id=scene.cast.meis, name=name,
            appid=f"wx{db.scalar(select(func.count()).select_from(Program)):016d}x",
        )  # fmt: skip
        db.add(program)
        db.flush()
        values = {
            "kind": RegistrationKind.ENTERPRISE, "status": RegistrationStatus.DONE if done else "checking",
            "finished_at": clock.now() if done else None, "program_id": program.id, **more,
        }  # fmt: skip
        db.add(
            Registration(
                provider_id=scene.cast.alices, component_id=scene.component_id, merchant_id=scene.cast.meis, **values
            )
        )
    return program.id


def look(scene: Scene) -> int:
    """The cron, then the job that it asked for; says how many merchants it found."""
    with platform_session("test") as db:
        found = look_for_registered(db)
    with scene.session() as db:
        if found:
            bind(db, scene.cast.meis)
    return found


def about(case: Case) -> UUID | None:
    with case.scene.session() as db:
        return db.scalars(select(Onboarding.program_id).where(Onboarding.id == case.id)).one()


# Filing


def test_an_accepted_filing_becomes_the_draft(scene: Scene) -> None:
    case = Case(scene, program=True)
    case.hand_in(Part.FILING)
    assert filing_of(scene) is None, "not before it is accepted"
    case.accept(Part.FILING)
    filing = filing_of(scene)
    assert filing is not None
    assert (filing.values[NAME], filing.values[SERVICES], filing.values[SAME]) == (
        SUBJECT[NAME], ["33", "34"], "yes",
    )  # fmt: skip
    assert set(filing.files) == set(PICTURES)
    assert kinds(scene) == {"onboarding": 4, "filing": 4}, "copies"
    with scene.session() as db:
        theirs = load_file(db, UUID(case.part(Part.FILING).files[PAPER_PHOTO][0]))
        ours = load_file(db, UUID(filing.files[PAPER_PHOTO][0]))
        assert (ours.id, read_file(ours)) != (theirs.id, b"")
        assert read_file(ours) == read_file(theirs)
        logged = db.scalars(select(Activity).where(Activity.verb == "program.filing.edit")).one()
        assert "陈梅" not in str(logged.detail)
    assert case.part(Part.FILING).taken_over_at is not None


def test_what_the_merchant_says_wins_over_the_draft_and_the_rest_stays(scene: Scene) -> None:
    scene.file(
        FilingStatus.INVALID, values={NAME: "旧公司", SAME: "no", "icp_subject.base_info.comment": "按本省要求填写"},
        faults={NAME: "不一致", "icp_subject.base_info.comment": "太短"},
    )  # fmt: skip
    case = Case(scene, program=True)
    case.hand_in(Part.FILING)
    case.accept(Part.FILING)
    filing = filing_of(scene)
    assert filing is not None
    assert (filing.values[NAME], filing.values[SAME]) == (SUBJECT[NAME], "yes")
    assert filing.values["icp_subject.base_info.comment"] == "按本省要求填写"
    assert list(filing.faults) == ["icp_subject.base_info.comment"]
    before = filing.files
    case.give_back(Part.FILING, COMMENT)
    case.hand_in(Part.FILING, {"program": {COMMENT: "为到店顾客提供扫码点餐、外卖下单和积分查询服务"}})
    case.accept(Part.FILING)
    filing = filing_of(scene)
    assert filing is not None
    assert "积分查询服务" in filing.values[COMMENT]
    assert set(filing.files) == set(before)
    assert kinds(scene) == {"onboarding": 4, "filing": 4}, "what was replaced is forgotten"


@pytest.mark.parametrize("status", [FilingStatus.PLATFORM_REVIEW, FilingStatus.FILED])
def test_a_filing_at_wechat_is_not_changed_and_the_part_not_accepted(scene: Scene, status: FilingStatus) -> None:
    scene.file(status, values={NAME: "旧公司"})
    case = Case(scene, program=True)
    case.hand_in(Part.FILING)
    with pytest.raises(Conflict, match="备案已经提交给微信"):
        case.accept(Part.FILING)
    filing = filing_of(scene)
    assert filing is not None
    assert filing.values == {NAME: "旧公司"}
    assert kinds(scene) == {"onboarding": 4}
    assert case.part(Part.FILING).status == PartStatus.HANDED_IN


# Certification


def test_an_accepted_certification_becomes_a_draft(scene: Scene) -> None:
    case = Case(scene, program=True)
    case.hand_in(Part.CERTIFICATION)
    case.accept(Part.CERTIFICATION)
    draft = certification_of(scene)
    assert draft is not None
    assert draft.status == CertificationStatus.DRAFT
    typed = {name: value for page in CERTIFICATION.values() for name, value in page.items()}
    assert draft.values.items() >= typed.items()
    assert {name: len(ids) for name, ids in draft.papers.items()} == {QUALIFICATION: 1, OTHERS: 1}, "pages in one"
    lacking = {one.field for one in certification_data.lacking(draft.values, draft.papers)}
    assert lacking == {"pay_type", "third_party_phone"}, "what the provider decides"
    assert kinds(scene) == {"onboarding": 3, "certification": 2}


def test_a_draft_that_is_there_keeps_what_the_provider_decided(scene: Scene) -> None:
    with scene.session() as db:
        draft = make_draft(db, scene.program(db), who=scene.cast.who["alice"])
        draft.values = {"account_name": "梅记点单", "pay_type": "2", "third_party_phone": "020-12345678"}
    case = Case(scene, program=True)
    case.hand_in(Part.CERTIFICATION)
    case.accept(Part.CERTIFICATION)
    case.give_back(Part.CERTIFICATION, "contact_name")
    case.hand_in(Part.CERTIFICATION, {"contact": {"contact_name": "陈立"}})
    case.accept(Part.CERTIFICATION)
    with scene.session() as db:
        filled = db.scalars(select(Certification)).one()
        assert filled.id == draft.id
        assert filled.values.items() >= {
            "account_name": "梅记茶铺", "contact_name": "陈立", "pay_type": "2", "third_party_phone": "020-12345678",
        }.items()  # fmt: skip
        assert certification_data.lacking(filled.values, filled.papers) == []
    assert kinds(scene) == {"onboarding": 3, "certification": 2}, "what was replaced is forgotten"


def test_a_certification_under_way_is_not_changed_and_the_part_not_accepted(scene: Scene) -> None:
    with scene.session() as db:
        row = make_draft(db, scene.program(db), who=scene.cast.who["alice"])
        row.status, row.values = CertificationStatus.IN_REVIEW, {"account_name": "梅记点单"}
    case = Case(scene, program=True)
    case.hand_in(Part.CERTIFICATION)
    with pytest.raises(Conflict, match="认证正在办理"):
        case.accept(Part.CERTIFICATION)
    found = certification_of(scene)
    assert found is not None
    assert found.values == {"account_name": "梅记点单"}
    assert case.part(Part.CERTIFICATION).status == PartStatus.HANDED_IN


# The company, and registrations


def test_a_registration_begins_with_the_accepted_company(scene: Scene) -> None:
    case = Case(scene, program=False)
    case.hand_in(Part.COMPANY, {"facts": {"person_wechat": "chenmei_1988"}})
    case.accept(Part.COMPANY)
    with scene.session() as db:
        merchant = load_merchant(db, scene.cast.meis)
        component = load_component(db, scene.component_id)
        for kind in (RegistrationKind.ENTERPRISE, RegistrationKind.PERSONAL):
            data = suggest(db, component, merchant, kind)
            assert (data.name, data.company_code, data.person_name, data.person_wechat) == (
                "梅记餐饮有限公司", CODE, "陈梅", "chenmei_1988",
            )  # fmt: skip
    assert case.part(Part.COMPANY).taken_over_at is not None


# A mini program that comes later


def test_what_was_accepted_flows_once_the_mini_program_is_registered(scene: Scene) -> None:
    case = Case(scene, program=False)
    for part in TYPED:
        case.hand_in(part)
    case.accept(Part.FILING)
    case.accept(Part.CERTIFICATION)
    assert case.part(Part.FILING).taken_over_at is None
    register(scene, done=False)
    assert look(scene) == 0
    program_id = register(scene)
    assert look(scene) == 1
    assert about(case) == program_id
    filing, certification = filing_of(scene, program_id), certification_of(scene, program_id)
    assert filing is not None
    assert filing.values[NAME] == SUBJECT[NAME]
    assert certification is not None
    assert certification.values["account_name"] == "梅记茶铺"
    assert case.part(Part.FILING).taken_over_at is not None
    with scene.session() as db:
        assert db.scalars(select(Activity.verb).where(Activity.verb == "onboarding.bind")).all() == ["onboarding.bind"]
        assert db.scalars(select(Job.name).where(Job.name == BIND)).all() == [BIND]
    assert look(scene) == 0, "once"
    with scene.session() as db:
        assert bind(db, scene.cast.meis) == 0


def test_only_what_was_registered_since_for_her_counts(scene: Scene) -> None:
    register(scene, name="以前的")
    case = Case(scene, program=False)
    conversion = register(scene, name="转正", kind=RegistrationKind.CONVERSION)
    moved = register(scene, name="转走")
    asked = register(scene, name="另问")
    with scene.session() as db:
        load_program(db, moved).merchant_id = None
        merchant, who = load_merchant(db, scene.cast.meis), scene.cast.who["alice"]
        open_onboarding(db, merchant, load_program(db, asked), [Part.PROFILE], who=who)
    assert look(scene) == 0
    assert about(case) is None
    hers = register(scene)
    later = register(scene, name="三店", finished_at=clock.now() + timedelta(minutes=1))
    assert look(scene) == 1
    assert about(case) == hers, "the first that was done"
    another = Case(scene, program=False)
    assert another.id != case.id
    assert look(scene) == 1
    assert about(another) == later
    assert conversion not in (about(case), about(another))


def test_what_cannot_flow_waits_for_the_provider(scene: Scene) -> None:
    case = Case(scene, program=False)
    for part in (Part.FILING, Part.CERTIFICATION):
        case.hand_in(part)
        case.accept(part)
    program_id = register(scene)
    with scene.session() as db:
        filing = Filing(provider_id=scene.cast.alices, program_id=program_id, status=FilingStatus.PLATFORM_REVIEW)
        filing.values = {}
        db.add(filing)
    assert look(scene) == 1
    assert about(case) == program_id
    assert certification_of(scene, program_id) is not None, "the other one flows"
    assert case.part(Part.FILING).taken_over_at is None
    assert look(scene) == 0, "and nobody tries every minute"
    alice = scene.cast.who["alice"]
    with scene.session() as db, pytest.raises(Conflict):
        hand_over_again(db, case.answers(db, Part.FILING), who=alice)
    with scene.session() as db:
        filing_row = find_filing(db, load_program(db, program_id))
        assert filing_row is not None
        filing_row.status = FilingStatus.PLATFORM_REJECTED
        hand_over_again(db, case.answers(db, Part.FILING), who=alice)
    after = filing_of(scene, program_id)
    assert after is not None
    assert after.values[NAME] == SUBJECT[NAME]
    case.give_back(Part.FILING, COMMENT)
    with scene.session() as db, pytest.raises(NotHandedIn):
        hand_over_again(db, case.answers(db, Part.FILING), who=alice)


def test_every_part_is_asked_page_by_page() -> None:
    assert {part: set(pages) <= set(FORMS[part].pages) for part, pages in TYPED.items()} == dict.fromkeys(TYPED, True)


def test_another_provider_sees_nothing_of_it(scene: Scene) -> None:
    case = Case(scene, program=False)
    register(scene)
    with platform_session("test") as db:
        assert look_for_registered(db) == 1
    with tenant_session(scene.cast.who["charlie"].provider_id) as db:
        assert db.scalars(select(Onboarding.id)).all() == []
        assert db.scalars(select(Job.id).where(Job.name == BIND)).all() == []
    assert about(case) is None
