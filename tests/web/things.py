"""One of everything that alice's provider can have, for the ids in routes."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy.orm import Session

from saas import clock
from saas.agenda.models import OwnDate
from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.campaigns.models import Campaign, Repeat
from saas.components.models import ComponentApp, ComponentStatus, FleetImport, ImportStatus
from saas.db import new_id, platform_session, tenant_session
from saas.onboarding.models import EntryLink, Onboarding, OnboardingPart, Part
from saas.programs.certification_models import Certification, CertificationTemplate
from saas.programs.filing_models import Filing, FilingTemplate
from saas.programs.models import (
    AuthorizationLink,
    CategoryState,
    CategoryTree,
    Program,
    ProgramCode,
    ProgramTester,
    Tester,
)
from saas.programs.privacy_models import InterfaceStatus, PrivacyTemplate, ProgramPrivacy
from saas.programs.registration_models import Registration
from saas.programs.suiting import Suits
from saas.programs.violation_models import Violation
from saas.queue import Job, JobStatus
from saas.releases.models import (
    Audit,
    AuditStatus,
    CodeState,
    Draft,
    PastVersion,
    Release,
    ReleaseStatus,
    Template,
    Upload,
    UploadStatus,
)
from saas.tenants.alarm_models import AlarmChannel, AlarmMessage
from saas.tenants.models import Invitation, Membership, MerchantMembership, MerchantRole, Role, User
from saas.tenants.sessions import token_hash
from saas.trains.models import ProgramState, Train, TrainProgram, TrainStatus, TrainWave
from tests.cast import Cast

REFRESH = "saas.programs.profile.refresh"


def build_things(cast: Cast) -> dict[str, str]:
    """New rows, by the names that routes have for them. The merchant is mei's, the member somebody not in the cast."""
    mark = secrets.token_hex(8)
    extra, provider_id = new_id(), cast.alices
    with platform_session("build things for routes") as db:
        db.add(User(id=extra, email=f"{mark}@example.com", name="Extra", email_verified_at=clock.now()))
        job = Job(
            id=new_id(), provider_id=provider_id, name="jobs.tokens.refresh", subject=mark, status=JobStatus.FAILED
        )
        db.add(job)
    soon, token = clock.now() + timedelta(days=1), secrets.token_urlsafe(24)
    with tenant_session(provider_id) as db:
        db.add(Membership(provider_id=provider_id, user_id=extra, role=Role.MEMBER))
        person = MerchantMembership(
            id=new_id(), provider_id=provider_id, merchant_id=cast.meis, user_id=extra, role=MerchantRole.HELPER
        )
        component = ComponentApp(
            id=new_id(),
            provider_id=provider_id,
            key=mark,
            name="爱丽平台",
            appid=f"wx{mark}",
            status=ComponentStatus.READY,
        )
        component.secret, component.token, component.aes_key = "s" * 32, "token", "k" * 43
        invitations = [
            Invitation(
                id=new_id(), provider_id=provider_id, merchant_id=merchant_id, role=role,
                email=f"{mark}-new@example.com", token_hash=token_hash(secrets.token_urlsafe(8)), expires_at=soon,
            )
            for merchant_id, role in ((None, Role.MEMBER), (cast.meis, MerchantRole.OWNER))
        ]  # fmt: skip
        db.add_all([person, component, *invitations])
        db.flush()
        program = Program(
            id=new_id(), provider_id=provider_id, component_id=component.id, merchant_id=cast.meis, name="梅记茶铺",
            appid=f"wx{secrets.token_hex(8)}", permission_sets=[18], authorized_at=clock.now(),
        )  # fmt: skip
        template = Template(
            id=new_id(), provider_id=provider_id, component_id=component.id, template_id=mark, user_version="1.0.0"
        )
        draft = Draft(id=new_id(), provider_id=provider_id, component_id=component.id, draft_id="71")
        run = FleetImport(
            id=new_id(), provider_id=provider_id, component_id=component.id, status=ImportStatus.DONE, total=0
        )
        link = AuthorizationLink(
            id=new_id(), provider_id=provider_id, component_id=component.id, merchant_id=cast.meis,
            token_hash=token_hash(token), expires_at=soon,
        )  # fmt: skip
        link.token = token
        entry_link = EntryLink(
            id=new_id(), provider_id=provider_id, merchant_id=cast.meis, token_hash=token_hash(token), for_many=True,
            authorize=False, expires_at=soon,
        )  # fmt: skip
        entry_link.token = token
        db.add_all([program, template, draft, run, link, entry_link])
        db.flush()
        own = {"provider_id": provider_id, "program_id": program.id}
        onboarding = Onboarding(id=new_id(), **own, merchant_id=cast.meis)
        db.add(onboarding)
        db.flush()
        db.add(OnboardingPart(provider_id=provider_id, onboarding_id=onboarding.id, key=Part.COMPANY))
        upload = Upload(
            id=new_id(), **own, template_row_id=template.id, template_id=mark, user_version="1.0.0", ext_json="{}",
            status=UploadStatus.READY, committed_at=clock.now(), scanned_at=clock.now(),
        )  # fmt: skip
        version = PastVersion(id=new_id(), **own, app_version="3", user_version="0.9.0")
        db.add_all([upload, version, CodeState(**own, trial_version="1.0.0", online_version="1.0.0")])
        db.flush()
        db.add(
            Audit(
                **own, upload_id=upload.id, user_version="0.9.0", auditid="6", status=AuditStatus.REJECTED,
                reason="9.9.9 空白", reason_key="9.9.9", decided_at=clock.now(),
            )
        )  # fmt: skip
        db.flush()
        audit = Audit(
            id=new_id(), **own, upload_id=upload.id, user_version="1.0.0", auditid="7", status=AuditStatus.IN_REVIEW,
            submitted_at=clock.now(),
        )  # fmt: skip
        db.add(audit)
        db.flush()
        batch = Batch(id=new_id(), provider_id=provider_id, step=REFRESH, lane="bulk", total=2)
        db.add(batch)
        db.flush()
        item = BatchItem(
            id=new_id(), provider_id=provider_id, batch_id=batch.id, step=REFRESH, subject_id=program.id,
            status=ItemStatus.FAILED,
        )  # fmt: skip
        db.add(item)
        campaign = Campaign(
            id=new_id(), provider_id=provider_id, action="profile", step=REFRESH, suits=Suits.APPID, query={},
            first_on=soon.date(), at=soon.time(), repeat=Repeat.DAILY, until=soon.date(), next_at=soon,
        )  # fmt: skip
        db.add(campaign)
        train = Train(
            id=new_id(), provider_id=provider_id, component_id=component.id, template_row_id=template.id,
            template_id=mark, user_version="1.0.0", description="新版", status=TrainStatus.RUNNING, total=1,
        )  # fmt: skip
        db.add(train)
        db.flush()
        wave = TrainWave(
            id=new_id(), provider_id=provider_id, train_id=train.id, number=1, size=1, opened_at=clock.now()
        )
        db.add(wave)
        db.flush()
        place = TrainProgram(id=new_id(), **own, train_id=train.id, wave_id=wave.id, state=ProgramState.FAILED)
        db.add(place)
        category = {"first": 1, "second": 2, "names": ["商家自营", "百货"], "status": "refused", "reason": "不清晰"}
        nodes = [
            {"id": 1, "name": "商家自营", "level": 1, "children": [2]},
            {"id": 2, "name": "百货", "level": 2, "father": 1},
        ]
        db.add(CategoryState(**own, categories=[category], read_at=clock.now()))
        tree = {"kind": program.appid, "nodes": nodes, "read_at": clock.now()}
        db.add(CategoryTree(provider_id=provider_id, component_id=component.id, **tree))
        tester = Tester(id=new_id(), provider_id=provider_id, label="小王", wechat_id_hash=mark.encode())
        tester.wechat_id = "xiaowang_01"
        code = ProgramCode(id=new_id(), **own, form="scheme", settings={"page": "", "query": ""}, link="weixin://x")
        case = Registration(
            id=new_id(), provider_id=provider_id, kind="enterprise", component_id=component.id, merchant_id=cast.meis,
            name="梅记餐饮有限公司", company_code="91350100M000100Y43", component_phone="020-12345678",
        )  # fmt: skip
        db.add_all([tester, code, case])
        db.flush()
        tester_row = ProgramTester(id=new_id(), **own, userstr=mark, tester_id=tester.id)
        db.add(tester_row)
        filing_template = FilingTemplate(
            id=new_id(), provider_id=provider_id, name=mark, files={}, changed_at=clock.now()
        )
        filing = Filing(id=new_id(), **own)
        for form in (filing_template, filing):
            form.values = {"icp_subject.base_info.type": "4"}
        db.add_all([filing_template, filing])
        violation = Violation(id=new_id(), **own, record_id=mark, happened_at=clock.now(), reason="诱导分享")
        own_date = OwnDate(id=new_id(), **own, title="食品经营许可证", day=soon.date())
        db.add_all([violation, own_date])
        release = Release(id=new_id(), **own, user_version="1.0.0", status=ReleaseStatus.DONE)
        db.add(release)
        certification_template = CertificationTemplate(id=new_id(), provider_id=provider_id, name=mark, papers={})
        certification = Certification(**own, changed_at=clock.now(), papers={})
        db.add_all([certification_template, certification])
        privacy_template = PrivacyTemplate(
            id=new_id(), provider_id=provider_id, name=mark, changed_at=clock.now(), changed_by="Alice"
        )
        interface = {"name": "wx.getLocation", "label": "获取当前的地理位置", "reason": "", "link": ""}
        interface["status"] = InterfaceStatus.NOT_APPLIED  # type: ignore[assignment]
        db.add_all([privacy_template, ProgramPrivacy(**own, interfaces=[interface], read_at=clock.now())])
        channel = AlarmChannel(id=new_id(), provider_id=provider_id, kind="webhook", name="值班群")
        channel.address, channel.secret = "https://hooks.example.com/", "s" * 16
        db.add(channel)
        db.flush()
        message = AlarmMessage(
            id=new_id(), provider_id=provider_id, channel_id=channel.id, occasion="test", title="x", body="y",
            status="failed",
        )  # fmt: skip
        db.add(message)
    ids = {
        "channel_id": channel.id, "message_id": message.id,
        "component_id": component.id, "import_id": run.id, "program_id": program.id, "template_id": template.id,
        "upload_id": upload.id, "audit_id": audit.id, "release_id": release.id, "version_id": version.id,
        "onboarding_id": onboarding.id, "part_key": "company", "page": "facts",
        "link_id": link.id, "entry_link_id": entry_link.id, "merchant_id": cast.meis, "membership_id": person.id,
        "user_id": extra,
        "invitation_id": invitations[0].id, "merchant_invitation_id": invitations[1].id, "job_id": job.id,
        "train_id": train.id, "wave_id": wave.id, "place_id": place.id, "campaign_id": campaign.id,
        "batch_id": batch.id, "item_id": item.id, "provider_id": provider_id, "session_id": new_id(),
        "filing_template_id": filing_template.id, "privacy_template_id": privacy_template.id,
        "certification_template_id": certification_template.id, "file_id": new_id(),
        "tester_id": tester.id, "row_id": tester_row.id, "code_id": code.id,
        "violation_id": violation.id, "own_date_id": own_date.id, "registration_id": case.id, "identity_id": new_id(),
    }  # fmt: skip
    names = {
        "slug": "alice",
        "kind": "enterprise",
        "part": "subject",
        "section": "contact",
        "form_name": "unlimited",
        "draft_id": "71",
        "number": "1",
        "first": "1",
        "second": "2",
        "token": token,
        "reason": "9.9.9",
        "key": mark,
        "mark": "0" * 32,
        "interface": "wx.getLocation",
        "feed_token": "nobodys",
        "filter_id": str(new_id()),
        "appid": program.appid,
    }
    return {name: str(value) for name, value in ids.items()} | names


def put_online(db: Session, program: Program) -> None:
    """Its first version is uploaded, audited and released."""
    own = {"provider_id": program.provider_id, "program_id": program.id}
    template = Template(
        provider_id=program.provider_id, component_id=program.component_id, template_id="7", user_version="1.0.0"
    )  # fmt: skip
    db.add(template)
    db.flush()
    upload = Upload(
        **own, template_row_id=template.id, template_id="7", user_version="1.0.0", ext_json="{}",
        status=UploadStatus.READY, committed_at=clock.now(), scanned_at=clock.now(),
    )  # fmt: skip
    db.add(upload)
    db.flush()
    audit = Audit(
        **own, upload_id=upload.id, user_version="1.0.0", auditid="7", status=AuditStatus.APPROVED,
        decided_at=clock.now(),
    )  # fmt: skip
    db.add(audit)
    db.flush()
    db.add(Release(**own, audit_id=audit.id, user_version="1.0.0", status=ReleaseStatus.DONE))
