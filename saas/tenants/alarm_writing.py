"""What a message about alarms says, in one language: a line for one alarm, one message for a thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from saas.errors import N_
from saas.tenants.alarm_models import Alarm, AlarmChannel, AlarmKind, Occasion
from saas.tenants.alarm_words import WORDS, Level, say
from saas.tenants.letters import link
from saas.tenants.models import Provider

_NAMED = 8
_LISTED = 100

_HEADS = {
    Occasion.RAISED: {Level.URGENT: N_("【代办】紧急：%(what)s"), Level.WARNING: N_("【代办】告警：%(what)s")},
    Occasion.REMINDER: {
        Level.URGENT: N_("【代办】仍未恢复：%(what)s"), Level.WARNING: N_("【代办】仍未恢复：%(what)s"),
    },
    Occasion.CLEARED: {Level.URGENT: N_("【代办】已恢复：%(what)s"), Level.WARNING: N_("【代办】已恢复：%(what)s")},
}  # fmt: skip
_MIXED = N_("%(what)s，另有 %(others)s 条其他告警")


@dataclass(frozen=True)
class Written:
    """`content` is the same for programs: what a webhook gets."""

    title: str
    body: str
    content: dict[str, Any]


def write(provider: Provider, channel: AlarmChannel, occasion: Occasion, alarms: Sequence[Alarm]) -> Written:
    """One message about all of these alarms; urgent kinds first."""
    groups = _grouped(alarms)
    locale, zone = channel.locale, ZoneInfo(provider.time_zone)
    level = Level.URGENT if any(WORDS[kind].level is Level.URGENT for kind, _ in groups) else Level.WARNING
    kind, first = groups[0]
    what = _name(locale, occasion, kind, first)
    if len(groups) > 1:
        what = say(locale, _MIXED, {"what": what, "others": len(alarms) - len(first)})
    lines = [say(locale, N_("服务商：%(name)s"), {"name": _flat(provider.name)})]
    for kind, members in groups:
        lines += ["", *_paragraph(locale, zone, occasion, kind, members, is_title=len(groups) == 1)]
    addresses = list(dict.fromkeys(link(f"/p/{provider.slug}{WORDS[kind].path}") for kind, _ in groups))
    lines += ["", *addresses]
    title = say(locale, _HEADS[occasion][level], {"what": what})
    return Written(title, "\n".join(lines), _content(provider, occasion, level, groups, addresses[0]))


def write_test(provider: Provider, channel: AlarmChannel) -> Written:
    """What "send test" sends."""
    title = say(channel.locale, N_("【代办】测试消息"), {})
    told = say(
        channel.locale, N_("“%(provider)s”的告警会发到这里（%(name)s）。这是一条测试消息，无需处理。"),
        {"provider": _flat(provider.name), "name": _flat(channel.name)},
    )  # fmt: skip
    address = link(f"/p/{provider.slug}/health")
    return Written(title, f"{told}\n\n{address}", {"provider": provider.slug, "url": address, "alarms": []})


def _grouped(alarms: Sequence[Alarm]) -> list[tuple[AlarmKind, list[Alarm]]]:
    groups: dict[AlarmKind, list[Alarm]] = {}
    for alarm in sorted(alarms, key=lambda one: one.created_at):
        groups.setdefault(AlarmKind(alarm.kind), []).append(alarm)
    return sorted(groups.items(), key=lambda group: (WORDS[group[0]].level is not Level.URGENT, -len(group[1])))


def _name(locale: str, occasion: Occasion, kind: AlarmKind, members: Sequence[Alarm]) -> str:
    words = WORDS[kind]
    if len(members) > 1:
        return _flat(say(locale, words.many, {"count": len(members)}))
    return _flat(say(locale, words.over if occasion is Occasion.CLEARED else words.title, members[0].detail))


def _paragraph(
    locale: str, zone: ZoneInfo, occasion: Occasion, kind: AlarmKind, members: Sequence[Alarm], *, is_title: bool
) -> list[str]:
    words, lines = WORDS[kind], []
    if not is_title:
        lines.append(_name(locale, occasion, kind, members))
    if len(members) > 1:
        names = [_flat(str(one.detail.get("name") or "")) for one in members]
        named = [name for name in names if name][:_NAMED]
        if named:
            rest = len(members) - len(named)
            told = N_("涉及：%(names)s，等 %(count)s 个") if rest else N_("涉及：%(names)s")
            lines.append(say(locale, told, {"names": "、".join(named), "count": len(members)}))
    if occasion is Occasion.CLEARED:
        ended = max((one.cleared_at for one in members if one.cleared_at), default=None)
        if ended is not None:
            began = _time(members[0].created_at, zone)
            lines.append(say(locale, N_("%(began)s 至 %(ended)s"), {"began": began, "ended": _time(ended, zone)}))
        return lines
    lines.append(say(locale, N_("开始于 %(began)s"), {"began": _time(members[0].created_at, zone)}))
    lines.append(say(locale, words.act, members[0].detail))
    return lines


def _content(
    provider: Provider, occasion: Occasion, level: Level, groups: Sequence[tuple[AlarmKind, list[Alarm]]], url: str
) -> dict[str, Any]:
    return {
        "provider": provider.slug,
        "occasion": occasion.value,
        "level": level.value,
        "url": url,
        "alarms": [
            {
                "kind": kind.value, "level": WORDS[kind].level.value, "count": len(members),
                "items": [
                    {
                        "id": str(one.id), "subject_id": str(one.subject_id), "detail": one.detail,
                        "began_at": one.created_at.isoformat(),
                        "ended_at": one.cleared_at.isoformat() if one.cleared_at else None,
                    }
                    for one in members[:_LISTED]
                ],
            }
            for kind, members in groups
        ],
    }  # fmt: skip


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%m-%d %H:%M}"


def _flat(text: str) -> str:
    return " ".join(text.split())
