"""The calendar for programs that subscribe to it: whoever has the secret address reads, without signing in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from saas import clock
from saas.agenda import deadlines, feeds
from saas.agenda.deadlines import Deadline, DeadlineFilter
from saas.agenda.ics import Entry, write_calendar
from saas.agenda.models import DeadlineKind
from saas.config import settings
from saas.db import tenant_session
from saas.tenants.providers import own_provider
from saas.tenants.sessions import token_hash
from saas.web.provider.calendar import label_of
from saas.web.security import limiter

calendar_feeds = Blueprint("calendar_feed", __name__)
_BACK, _AHEAD = timedelta(days=30), timedelta(days=400)
_MOST = 3000


def _address_asked() -> str:
    """Calendars in the web ask for those of many people from the same few hosts."""
    return f"calendar:{token_hash((request.view_args or {}).get('feed_token', '')).hex()}"


@calendar_feeds.get("/calendar/<feed_token>.ics")
@limiter.limit("30/hour", key_func=_address_asked)
def read_calendar(feed_token: str) -> Response:
    provider_id, feed_id, who = feeds.open_feed(feed_token)
    with tenant_session(provider_id) as db:
        feed, provider = feeds.load_feed(db, feed_id), own_provider(db)
        now, zone = clock.now(), provider.time_zone
        wanted = DeadlineFilter(tuple(DeadlineKind(kind) for kind in feed.kinds))
        rows = deadlines.list_deadlines(db, now - _BACK, now + _AHEAD, wanted, who=who, zone=zone, limit=_MOST)
        with force_locale(feed.locale):
            calendar = f"{provider.name} · {_('到期日历')}"
            text = write_calendar(calendar, [_entry(one, provider.slug, zone) for one in rows], now=now)
    response = Response(text, content_type="text/calendar; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _entry(one: Deadline, slug: str, zone: str) -> Entry:
    local = one.ends_at.astimezone(ZoneInfo(zone))
    at: date | datetime = local.date() if one.is_day else one.ends_at
    label = label_of(one)
    title = label if one.name in ("", one.detail) else f"{label}：{one.name}"
    day = url_for("provider.show_calendar", slug=slug, month=f"{local:%Y-%m}", day=local.date().isoformat())
    return Entry(f"{one.kind}-{one.subject_id}@daiban", at, title, label, f"{settings().public_url}{day}")
