"""A merchant's notices, with a mark of what she has read."""

from __future__ import annotations

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.onboarding import notices
from saas.onboarding.models import Notice
from saas.programs.listing import select_programs
from saas.web.going import done
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.timeline import name_of
from saas.web.pages import render
from saas.web.provider.pieces import activity_name

PAGE = 20


@merchant.get("/notices")
def list_notices() -> ResponseReturnValue:
    before = request.args.get("before", type=UUID)
    rows = notices.list_notices(g.db, g.who, before=before, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    own = select_programs(g.db, {row.program_id for row in rows if row.program_id})
    names = {one.id: name_of(one) for one in own if one.merchant_id in g.who.merchant_ids}
    here = url_for("merchant.list_notices")
    return render(
        "merchant/notices.html", rows=rows, names=names, unread=notices.unread_ids(g.db, g.who, rows), words=words_of,
        any_unread=notices.count_unread(g.db, g.who, most=1) > 0,
        next_url=f"{here}?before={rows[-1].id}" if more else "", first_url=here if before else "",
    )  # fmt: skip


@merchant.post("/notices/read")
def mark_notices_read() -> ResponseReturnValue:
    notices.mark_read(g.db, g.who)
    return done(_("已全部标为已读"), url_for("merchant.list_notices"))


def words_of(notice: Notice) -> dict[str, str]:
    """What a notice says: its title, and what there is to add. Other parts give both in `detail`, as msgids."""
    title = notice.detail.get("title")
    text = " · ".join(str(notice.detail[key]) for key in ("name", "version", "reason") if notice.detail.get(key))
    told = notice.detail.get("text")
    return {"title": _(title) if title else activity_name(notice.kind), "text": _(told) if told else text}
