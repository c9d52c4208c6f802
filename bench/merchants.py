"""How long the server takes for each page of a merchant, and how that compares with the page to sign in on the way
there, which shows her provider's brand.

The two are measured in turns, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import httpx2
from sqlalchemy import select

from bench.stage import Measured, Stage, seconds, summed_up
from saas import clock
from saas import db as database
from saas.components.models import ComponentApp
from saas.config import settings
from saas.db import new_id
from saas.journey.window import HttpWindow
from saas.onboarding.fields import FORMS
from saas.onboarding.links import Wanted, make_link
from saas.onboarding.models import Part
from saas.onboarding.parts import open_onboarding
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.links import create_link
from saas.programs.models import Program
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.seed import PASSWORD
from saas.tenants.models import Merchant

_VIEWS = 30
_WORDS = {Step.PROFILE: Word.PROFILE_COMPLETE, Step.FILE: Word.FILE_SMS}


def measure(stage: Stage) -> Iterator[Measured]:
    house = "/m/alice"
    with database.tenant_session(stage.provider_id) as db:
        merchant = db.scalars(select(Merchant).where(Merchant.name == "梅记茶铺")).one()
        component = db.scalars(select(ComponentApp).where(ComponentApp.id == stage.component_id)).one()
        program = Program(
            id=new_id(), provider_id=stage.provider_id, component_id=component.id, merchant_id=merchant.id,
            name="梅记茶饮", appid="wx00000000000bench", permission_sets=[18, 30], authorized_at=clock.now(),
        )  # fmt: skip
        db.add(program)
        db.flush()
        for step, word in _WORDS.items():
            note_step(db, program, step, word, since=clock.now())
        filing = Filing(provider_id=stage.provider_id, program_id=program.id)
        filing.status, filing.moved_at, filing.values = FilingStatus.SMS, clock.now(), {}
        db.add(filing)
        onboarding = open_onboarding(db, merchant, program, list(Part), who=stage.who)
        entry = make_link(db, merchant, Wanted(parts=tuple(Part)), who=stage.who)
        link = create_link(db, component, merchant, who=stage.who)
        forms = f"{house}/onboarding/{onboarding.id}"
        pages = {
            "link": f"{house}/join/{entry.token}", "authorize": f"{house}/authorize/{link.token}", "home": f"{house}/",
            "notices": f"{house}/notices", "program": f"{house}/programs/{program.id}",
            "audits": f"{house}/programs/{program.id}/audits", "activity": f"{house}/programs/{program.id}/activity",
            "waiting": f"{house}/w/{program.id}", "forms": forms,
        }  # fmt: skip
    for part, form in FORMS.items():
        pages |= {f"{part} {page}".strip(): f"{forms}/{part}/{page}".rstrip("/") for page in ("", *form.pages)}
    with HttpWindow(settings().public_url) as nobody, HttpWindow(settings().public_url) as mei:
        mei.open("/sign-in")
        mei.press("登录", {"email": "mei@example.com", "password": PASSWORD})
        for name, address in pages.items():
            yield from _compare(nobody.http, mei.http, name, address)


def _compare(nobody: httpx2.Client, mei: httpx2.Client, name: str, address: str) -> Iterator[Measured]:
    sign_in: list[float] = []
    took: list[float] = []
    for number in range(_VIEWS + 1):
        two = [
            seconds(lambda: nobody.get("/sign-in", params={"next": address}).raise_for_status()),
            seconds(lambda: mei.get(address).raise_for_status()),
        ]
        if number:  # the first of each fills caches
            sign_in.append(two[0])
            took.append(two[1])
    ratio = statistics.median(took) / statistics.median(sign_in)
    yield summed_up(f"merchant: {name}, {ratio:.2f} × the page to sign in", took, sum(took))
