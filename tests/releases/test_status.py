"""Where code stands: one query for a list, and the stage from whatever is newest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from saas import db as database
from saas.db import new_id, tenant_session
from saas.programs.models import Program
from saas.programs.words import NextStep, Turn, Word
from saas.releases.models import Audit, CodeState, Release, Upload
from saas.releases.status import derive, statuses_of
from tests.cast import Cast

START = datetime(2026, 11, 1, tzinfo=UTC)


class Story:
    """Rows as a mini program's life wrote them, each an hour after the one before."""

    def __init__(self, authorization: str = "authorized") -> None:
        self.program = Program(authorization=authorization)
        self.upload: Upload | None = None
        self.audit: Audit | None = None
        self.release: Release | None = None
        self.state: CodeState | None = None
        self._hours = 0

    def _now(self) -> datetime:
        self._hours += 1
        return START + timedelta(hours=self._hours)

    def uploads(self, status: str) -> Story:
        self.upload = Upload(id=new_id(), user_version="1.0.0", status=status, created_at=self._now())
        return self

    def submits(self, status: str, *, elsewhere: bool = False) -> Story:
        upload_id = None if elsewhere else new_id()
        self.audit = Audit(
            id=new_id(), user_version="1.0.0", status=status, created_at=self._now(), upload_id=upload_id
        )
        return self

    def releases(self, status: str, kind: str = "release") -> Story:
        self.release = Release(
            id=new_id(), kind=kind, status=status, user_version="1.0.0", created_at=self._now(),
            audit_id=self.audit.id if self.audit and kind == "release" else None,
        )  # fmt: skip
        return self

    def is_online(self, version: str, *, visible: bool = True) -> Story:
        self.state = CodeState(online_version=version, visible=visible, online_at=START)
        return self


@pytest.mark.parametrize(
    ("story", "stage", "turn", "step"),
    [
        (Story(), Word.NO_CODE, Turn.PROVIDER, NextStep.UPLOAD),
        (Story("lost"), Word.UNAUTHORIZED, Turn.MERCHANT, NextStep.AUTHORIZE),
        (Story().is_online("9"), Word.RELEASED, Turn.NOBODY, NextStep.UPLOAD),
        (Story().uploads("queued"), Word.UPLOADING, Turn.WECHAT, NextStep.WAIT),
        (Story().uploads("scanning"), Word.SCANNING, Turn.WECHAT, NextStep.WAIT),
        (Story().uploads("failed"), Word.UPLOAD_FAILED, Turn.PROVIDER, NextStep.UPLOAD),
        (Story().uploads("ready"), Word.READY, Turn.PROVIDER, NextStep.SUBMIT),
        (Story().uploads("ready").submits("submitting"), Word.SUBMITTING, Turn.WECHAT, NextStep.WAIT),
        (Story().uploads("ready").submits("failed"), Word.SUBMIT_FAILED, Turn.PROVIDER, NextStep.SUBMIT),
        (Story().uploads("ready").submits("in_review"), Word.IN_REVIEW, Turn.WECHAT, NextStep.WAIT),
        (Story().submits("in_review").uploads("ready"), Word.IN_REVIEW, Turn.WECHAT, NextStep.WAIT),
        (Story().submits("in_review").uploads("scanning"), Word.SCANNING, Turn.WECHAT, NextStep.WAIT),
        (Story().uploads("ready").submits("delayed"), Word.DELAYED, Turn.WECHAT, NextStep.WAIT),
        (Story().uploads("ready").submits("rejected"), Word.REJECTED, Turn.PROVIDER, NextStep.UPLOAD),
        (Story().submits("rejected").uploads("ready"), Word.READY, Turn.PROVIDER, NextStep.SUBMIT),
        (Story().uploads("ready").submits("undone"), Word.UNDONE, Turn.PROVIDER, NextStep.SUBMIT),
        (Story().uploads("ready").submits("approved"), Word.APPROVED, Turn.PROVIDER, NextStep.RELEASE),
        (Story().submits("approved").uploads("ready"), Word.APPROVED, Turn.PROVIDER, NextStep.RELEASE),
        (Story().submits("approved").releases("sending"), Word.RELEASING, Turn.WECHAT, NextStep.WAIT),
        (Story().submits("approved").releases("failed"), Word.RELEASE_FAILED, Turn.PROVIDER, NextStep.RELEASE),
        (Story().uploads("ready").submits("approved").releases("done"), Word.RELEASED, Turn.NOBODY, NextStep.UPLOAD),
        (Story().submits("approved").releases("done").uploads("ready"), Word.READY, Turn.PROVIDER, NextStep.SUBMIT),
        (
            Story().uploads("ready").submits("approved").releases("done", "roll_back"),
            Word.ROLLED_BACK, Turn.PROVIDER, NextStep.UPLOAD,
        ),
        (
            Story().submits("approved", elsewhere=True).is_online("1.0.0"),
            Word.RELEASED, Turn.NOBODY, NextStep.UPLOAD,
        ),
        (
            Story().submits("approved", elsewhere=True).is_online("0.9.0"),
            Word.APPROVED, Turn.PROVIDER, NextStep.RELEASE,
        ),
    ],
)  # fmt: skip
def test_the_newest_thing_decides(story: Story, stage: Word, turn: Turn, step: NextStep) -> None:
    found = derive(story.program, story.upload, story.audit, story.release, story.state)
    assert (found.stage, found.turn, found.next_step) == (stage, turn, step)


def test_a_suspension_is_told_beside_the_stage() -> None:
    story = Story().is_online("1.0.0", visible=False)
    assert derive(story.program, None, None, None, story.state).suspended
    assert not derive(story.program, None, None, None, CodeState(online_version="", visible=False)).suspended


def test_a_list_costs_one_query(cast: Cast) -> None:
    ids: list[UUID] = []
    with tenant_session(cast.alices) as db:
        from saas.components.models import ComponentApp

        component = ComponentApp(provider_id=cast.alices, key="k", name="n", appid="wx1")
        db.add(component)
        db.flush()
        for number in range(5):
            program = Program(provider_id=cast.alices, component_id=component.id, appid=f"wx{number}")
            db.add(program)
            db.flush()
            ids.append(program.id)
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lower().startswith("select"):
            seen.append(statement)

    with tenant_session(cast.alices) as db:
        event.listen(database.engine("tenant"), "before_cursor_execute", note)
        try:
            found = statuses_of(db, ids)
        finally:
            event.remove(database.engine("tenant"), "before_cursor_execute", note)
    assert {one.stage for one in found.values()} == {Word.NO_CODE}
    assert len(found) == 5
    assert len(seen) == 1
    with tenant_session(cast.charlies) as db:
        assert statuses_of(db, ids) == {}
