"""Location interfaces of mini programs (地理位置接口): applying for one, and how WeChat's people decide.

The event that tells the end may be lost: it only makes us read, and the watch reads anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.models import ComponentApp
from saas.db import settle
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.programs.access import load_program, program_of_message
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.evidence import keep_pictures, keep_video, picture_url, video_url
from saas.programs.models import Program
from saas.programs.polling import OpenRows, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.privacy import find_privacy, lock_privacy, read_state
from saas.programs.privacy_models import InterfaceStatus, ProgramPrivacy
from saas.programs.rhythms import Rhythm, Standing
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.events import PrivacyInterfaceReviewed
from saas.wx.permissions import DEVELOPMENT

APPLY = "saas.programs.privacy_interfaces.apply_for_interface"
LONGEST = 300
NAMES = (
    "wx.getLocation", "wx.getFuzzyLocation", "wx.chooseLocation", "wx.choosePoi", "wx.chooseAddress",
    "wx.onLocationChange", "wx.startLocationUpdate", "wx.startLocationUpdateBackground",
)  # fmt: skip
"""The interfaces that are applied for."""
_NOTHING_TO_DO: dict[int | None, str] = {
    InterfaceStatus.IN_REVIEW: N_("这个接口正在审核，请等微信给出结果"),
    InterfaceStatus.GRANTED: N_("这个接口已经开通"),
}
_NOTHING: dict[str, Any] = {"content": "", "pictures": [], "video": "", "pages": []}


def get_interface(db: Session, program: Program, name: str) -> dict[str, Any]:
    """One interface of the mini program as kept; raises NotFound."""
    state = find_privacy(db, program)
    found = next((one for one in (state.interfaces if state else []) if one["name"] == name), None)
    if found is None:
        raise NotFound()
    return found


def last_application(db: Session, program: Program, name: str) -> dict[str, Any]:
    """What was handed in for this interface last: `content`, `pictures` and `video` (file ids), `pages`."""
    query = select(BatchItem).where(BatchItem.subject_id == program.id, BatchItem.step == APPLY)
    for item in db.scalars(query.order_by(BatchItem.id.desc()).limit(100)):
        if item.input["name"] == name:
            return {**_NOTHING, **item.input}
    return dict(_NOTHING)


def request_interface(
    db: Session, program: Program, name: str, *, who: Who, content: str, pictures: Sequence[bytes] = (),
    video: bytes = b"", pages: str = "", keep_files: bool = False,
) -> BatchItem:  # fmt: skip
    """Apply for an interface; `keep_files` sends pictures and video of the last try along where there are no new ones.

    Raises Invalid at `content`, `pictures`, `video` or `pages`.
    """
    refuse_if_hindered(program, DEVELOPMENT)
    known = get_interface(db, program, name)
    if known["status"] in _NOTHING_TO_DO:
        raise Conflict(_NOTHING_TO_DO[known["status"]])
    before = last_application(db, program, name) if keep_files else _NOTHING
    params = application(
        db, name, who=who, content=content, pictures=pictures, video=video, pages=pages, before=before
    )  # fmt: skip
    item = start_one(db, APPLY, Subject(program.id, program.name or program.appid), who=who, params=params)
    activity.record(db, who, "program.apply_for_interface", program, detail={"interface": known["label"] or name})
    return item


def application(
    db: Session, name: str, *, who: Who, content: str, pictures: Sequence[bytes] = (), video: bytes = b"",
    pages: str = "", before: Mapping[str, Any] = _NOTHING,
) -> dict[str, Any]:  # fmt: skip
    """What the step takes, for one mini program or for many; what was uploaded is kept. `before`: the last try's."""
    content = content.strip()
    if not content:
        raise Invalid(N_("请写明在什么场景、为什么使用"), field="content")
    if len(content) > LONGEST:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="content", most=LONGEST)
    addresses = [line.strip() for line in pages.splitlines() if line.strip()]
    if any(not one.startswith(("https://", "http://")) or " " in one for one in addresses):
        raise Invalid(N_("请填写完整的网址，一行一个"), field="pages")
    if not (pictures or video or addresses or before["pictures"] or before["video"]):
        raise Invalid(N_("请至少上传一张使用场景的截图或一段视频，或填写一个网页"), field="pictures")
    return {
        "name": name, "content": content, "pages": addresses,
        "pictures": keep_pictures(db, who.provider_id, pictures) or before["pictures"],
        "video": keep_video(db, who.provider_id, video) if video else before["video"],
    }  # fmt: skip


@step(label=N_("申请地理位置接口"))
def apply_for_interface(db: Session, item: BatchItem) -> None:
    """WeChat dislikes repeated applications, so a repeated try looks first whether one is in review."""
    program, wanted = load_program(db, item.subject_id), item.input
    client, state = client_of(db, program), find_privacy(db, program)
    if state is None or state.read_at is None or item.attempt > 1:
        state = read_state(db, program, client)
    status = next((one["status"] for one in state.interfaces if one["name"] == wanted["name"]), None)
    if status == InterfaceStatus.IN_REVIEW and item.attempt > 1:
        return
    if status in _NOTHING_TO_DO:
        raise Skipped(_NOTHING_TO_DO[status])
    owner = program.provider_id
    pictures = [picture_url(owner, one) for one in wanted["pictures"]]
    videos = [video_url(owner, wanted["video"])] if wanted.get("video") else []
    settle(db)
    client.privacy.apply_privacy_interface(
        program.appid, api_name=wanted["name"], content=wanted["content"], pic_list=pictures,
        video_list=videos, url_list=wanted["pages"],
    )  # fmt: skip
    read_state(db, program, client)


def _in_review() -> OpenRows:
    query = select(ProgramPrivacy.program_id, ProgramPrivacy.provider_id, Program.component_id, Program.id)
    return query.join(Program, Program.id == ProgramPrivacy.program_id).where(ProgramPrivacy.in_review.is_(True))


@polled(Kind.PRIVACY, _in_review)
def look(db: Session, program_id: UUID) -> Standing | None:
    """Read as long as an interface is in review."""
    program = load_program(db, program_id)
    state = find_privacy(db, program)
    if state is None or not state.in_review:
        return None
    state = read_state(db, program, client_of(db, program))
    return Standing(Rhythm.PRIVACY, state.in_review_since or state.created_at) if state.in_review else None


def on_interface_reviewed(db: Session, component: ComponentApp, appid: str, event: PrivacyInterfaceReviewed) -> None:
    """WeChat's people decided: have WeChat asked."""
    program = program_of_message(db, component, appid, event)
    if program is None:
        return
    lock_privacy(db, program).in_review = True
    hurry(db, of_program(Kind.PRIVACY, program))
