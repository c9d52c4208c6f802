"""All rows of a mini program's life: after the main job, a chapter for each, with what WeChat refuses on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from saas.journey.chapters import (
    audit,
    authorization,
    categories,
    certification,
    codes,
    domains,
    filing,
    overview,
    privacy,
    profile,
    registration,
    release,
    subject_data,
    templates,
    testers,
)
from saas.journey.main_job import Journey, Step

Chapter = Callable[[Journey], list[Step]]
"""The steps of one part. They begin after the main job, with `journey.appid` online, and depend on no other chapter."""

CHAPTERS: dict[str, Chapter] = {
    "subject_data": subject_data.steps,
    "registration": registration.steps,
    "authorization": authorization.steps,
    "profile": profile.steps,
    "categories": categories.steps,
    "domains": domains.steps,
    "privacy": privacy.steps,
    "templates": templates.steps,
    "testers": testers.steps,
    "codes": codes.steps,
    "certification": certification.steps,
    "filing": filing.steps,
    "audit": audit.steps,
    "release": release.steps,
    "overview": overview.steps,
}
"""By name, in the order of the rows."""


def full_steps(journey: Journey) -> Iterator[Step]:
    """The main job, every chapter, and the end of the day. A chapter is opened when what comes before it was done."""
    yield from journey.working_day()
    for chapter in CHAPTERS.values():
        yield from chapter(journey)
    yield from journey.closing_time()
