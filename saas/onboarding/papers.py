"""Photos and other files of a part: made fit for WeChat, sealed in the store, and of this part alone. Who takes them
over keeps copies, since the merchant may replace them once the part came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from saas.errors import N_, Invalid, NotFound
from saas.onboarding.fields import AVATAR, Ask
from saas.onboarding.models import OnboardingPart, Part
from saas.onboarding.parts import Answers
from saas.onboarding.saving import claim, forget_files, note_saved
from saas.pictures import Picture, crop_square, fit_picture
from saas.programs.filing_fields import BY_PATH
from saas.programs.filing_forms import fit_file
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import keep_file, load_file

STORED_AS = "onboarding"


def attach(db: Session, answers: Answers, name: str, contents: Sequence[bytes], *, who: Who) -> None:
    """Keep uploaded files of a field: a single one replaces, several are added. Raises Invalid at the field."""
    require(who, Verb.ANSWER)
    part = claim(db, answers)
    ask = next((one for one in answers.asks() if one.name == name and one.is_file), None)
    if ask is None:
        raise NotFound()
    if not contents:
        raise Invalid(N_("请先选择照片"), field=name)
    before = part.files.get(name, [])
    if len(contents) + (len(before) if ask.most > 1 else 0) > ask.most:
        raise Invalid(N_("最多 %(most)d 个文件"), field=name, most=ask.most)
    fitted = [_fit(answers.key, ask, content) for content in contents]
    new = [_keep(db, part, one) for one in fitted]
    part.files = {**part.files, name: new if ask.most == 1 else [*before, *new]}
    note_saved(part, who)
    db.flush()
    if ask.most == 1:
        forget_files(db, before)
    activity.record(
        db, who, "onboarding.upload", answers.onboarding, detail={"part": part.key, "count": len(new)}
    )  # fmt: skip


def detach(db: Session, answers: Answers, name: str, file_id: UUID, *, who: Who) -> None:
    """Take a file away again; one that is gone already is no fault."""
    require(who, Verb.ANSWER)
    part = claim(db, answers)
    if str(file_id) not in part.files.get(name, []):
        return
    rest = [one for one in part.files[name] if one != str(file_id)]
    part.files = {key: ids for key, ids in {**part.files, name: rest}.items() if ids}
    note_saved(part, who)
    db.flush()
    forget_files(db, [str(file_id)])
    activity.record(db, who, "onboarding.remove_file", answers.onboarding, detail={"part": part.key})


def look_at(db: Session, answers: Answers, file_id: UUID, *, who: Who) -> StoredFile:
    """A file of this part, and of no other, for a person who has to see it; the activity log keeps who looked."""
    require(who, Verb.ANSWER)
    if not any(str(file_id) in ids for ids in answers.part.files.values()):
        raise NotFound()
    activity.record(db, who, "onboarding.file.view", answers.onboarding, detail={"part": answers.part.key})
    return load_file(db, file_id)


def _fit(part: Part, ask: Ask, content: bytes) -> Picture | bytes:
    if part is Part.FILING:
        found: Picture | bytes = fit_file(BY_PATH[ask.name], content)
        return found
    if ask.name == AVATAR:
        return crop_square(content, field=ask.name)
    return fit_picture(content, field=ask.name)


def _keep(db: Session, part: OnboardingPart, fitted: Picture | bytes) -> str:
    if isinstance(fitted, bytes):
        row = keep_file(db, part.provider_id, STORED_AS, fitted, content_type="video/mp4", name="video.mp4")
    else:
        name = f"{part.key}.{fitted.ending}"
        row = keep_file(
            db, part.provider_id, STORED_AS, fitted.content, content_type=fitted.content_type, name=name
        )  # fmt: skip
    return str(row.id)
