"""How often WeChat is asked about what is pending there: the one table of it.

WeChat tells most things by itself, so the first look comes late, each further one after a part of the time for which
nothing has changed, up to a ceiling. It is quicker where an event is never sent, where somebody has a short time to do
something, and for a component app to which no messages come. People decide by day, so at night it is slower.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from saas.wx.limits import ZONE

AT_ONCE_AGAIN = timedelta(seconds=10)
"""After an event told of something that WeChat's answer does not show yet."""
_NIGHT = (23, 8)
_DEAF = 3
_LONGEST_AFTER_FAILURES = timedelta(hours=6)
_JITTER = 0.1
_AFTER = timedelta(minutes=1)


class Rhythm(StrEnum):
    """What is pending, as far as it matters for how often one asks."""

    AUDIT = "audit"
    AUDIT_DELAYED = "audit.delayed"
    CATEGORIES = "categories"
    CERTIFICATION_BY_ADMIN = "certification.by_admin"
    CERTIFICATION = "certification"
    CODE = "code"
    FILING_FACE = "filing.face"
    FILING_WITH_CERTIFICATION = "filing.certifying"
    FILING_BY_PLATFORM = "filing.platform"
    FILING_SMS = "filing.sms"
    FILING_SMS_EXPIRED = "filing.sms_expired"
    FILING_BY_AUTHORITY = "filing.authority"
    FILING_CANCELLING = "filing.cancelling"
    NAME = "name"
    ORDER_PAGE = "order_page"
    PRIVACY = "privacy"
    REGISTRATION = "registration"
    VIOLATIONS = "violations"


class Told(StrEnum):
    """How WeChat tells of the end: to the mini program's message address, to the component app's, or not at all."""

    BY_MESSAGE = "message"
    BY_EVENT = "event"
    NEVER = "never"


@dataclass(frozen=True)
class Pace:
    """`first`: the shortest pause. `growth`: the part of the time that it has stood so. `ceiling`: the longest pause.

    `closing`: near the end of a time limit, within `closing[0]` of it, the pause is `closing[1]` at most. `by_people`:
    nobody decides at night.
    """

    first: timedelta
    growth: float
    ceiling: timedelta
    told: Told
    by_people: bool = False
    closing: tuple[timedelta, timedelta] | None = None


def _h(hours: float) -> timedelta:
    return timedelta(hours=hours)


def _m(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


PACES: Mapping[Rhythm, Pace] = {
    Rhythm.AUDIT: Pace(_m(15), 0.25, _h(3), Told.BY_MESSAGE, by_people=True),
    Rhythm.AUDIT_DELAYED: Pace(_h(1), 0.25, _h(6), Told.BY_MESSAGE, by_people=True),
    Rhythm.NAME: Pace(_m(30), 0.25, _h(4), Told.BY_MESSAGE, by_people=True),
    Rhythm.CATEGORIES: Pace(_m(30), 0.25, _h(4), Told.BY_MESSAGE, by_people=True),
    Rhythm.PRIVACY: Pace(_m(30), 0.25, _h(4), Told.BY_MESSAGE, by_people=True),
    Rhythm.ORDER_PAGE: Pace(_m(30), 0.25, _h(4), Told.BY_EVENT, by_people=True),
    # The person has the link before her for some minutes, and a day to use it.
    Rhythm.REGISTRATION: Pace(_m(1), 0.2, _h(1), Told.BY_EVENT, closing=(_m(20), _m(10))),
    Rhythm.CERTIFICATION_BY_ADMIN: Pace(_m(3), 0.25, _h(1), Told.BY_EVENT, closing=(_h(1), _m(20))),
    Rhythm.CERTIFICATION: Pace(_m(15), 0.25, _h(6), Told.BY_EVENT, by_people=True),
    Rhythm.FILING_FACE: Pace(timedelta(seconds=20), 0.15, _m(30), Told.BY_EVENT, closing=(_h(1), _m(10))),
    Rhythm.FILING_WITH_CERTIFICATION: Pace(_m(10), 0.15, _h(2), Told.BY_EVENT, by_people=True),
    # Its end sends the ministry's text message, which can be answered for a day only: an hour of it may be lost.
    Rhythm.FILING_BY_PLATFORM: Pace(_m(10), 0.25, _h(1), Told.BY_EVENT, by_people=True),
    # Nothing tells that all have answered, and whoever has not is reminded six hours before the end.
    Rhythm.FILING_SMS: Pace(_m(10), 0.1, _m(30), Told.NEVER, closing=(_h(7), _m(15))),
    Rhythm.FILING_SMS_EXPIRED: Pace(_m(30), 0.25, _h(4), Told.NEVER),
    Rhythm.FILING_BY_AUTHORITY: Pace(_h(2), 0.15, _h(12), Told.BY_EVENT),
    Rhythm.FILING_CANCELLING: Pace(_m(10), 0.1, _m(30), Told.NEVER, closing=(_h(7), _m(15))),
    # Nobody tells of a suspension, or of what is done in WeChat's console.
    Rhythm.CODE: Pace(_h(24), 0, _h(24), Told.NEVER),
    Rhythm.VIOLATIONS: Pace(_h(24), 0, _h(24), Told.NEVER),
}


@dataclass(frozen=True)
class Standing:
    """How something at WeChat stands: since when, and until when it can. `read_at`: the pause counts from then."""

    rhythm: Rhythm
    since: datetime
    until: datetime | None = None
    read_at: datetime | None = None


def pause(
    standing: Standing, now: datetime, *, failures: int = 0, deaf: bool = False, jitter: float = _JITTER
) -> timedelta:
    """How long to wait before asking again. `deaf`: no messages of WeChat come for this component app.

    Never past the end of a time limit, which has its consequences here, too. Failures double it, up to six hours. A
    clock that was put back makes a thing young again.
    """
    pace = PACES[standing.rhythm]
    first, ceiling = pace.first, pace.ceiling
    if pace.by_people and _is_night(now):
        ceiling *= 2
    if deaf and pace.told is Told.BY_MESSAGE:
        first, ceiling = first / _DEAF, ceiling / _DEAF
    wait = min(max(max(now - standing.since, timedelta(0)) * pace.growth, first), ceiling)
    if failures:
        wait = min(wait * 2 ** min(failures, 10), max(_LONGEST_AFTER_FAILURES, ceiling))
    wait *= random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - not a secret
    if standing.until is not None and standing.until > now:
        left = standing.until - now
        if pace.closing is not None and not failures:
            within, quick = pace.closing
            wait = min(wait, quick if left <= within else max(left - within, quick))
        wait = left + _AFTER if wait > left - _AFTER else wait
    if standing.read_at is not None:
        wait = max(wait - max(now - standing.read_at, timedelta(0)), timedelta(0))
    return wait


def longest_pause() -> timedelta:
    """No look can be due later than this from now, unless the clock was put back."""
    return max(_LONGEST_AFTER_FAILURES, *(pace.ceiling for pace in PACES.values())) * (1 + _JITTER)


def _is_night(now: datetime) -> bool:
    hour = now.astimezone(ZONE).hour
    return hour >= _NIGHT[0] or hour < _NIGHT[1]
