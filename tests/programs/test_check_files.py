"""Whose check file a host serves that alice and charlie both have typed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from saas import clock
from saas.components.models import CheckFile, ComponentApp, ComponentDomain
from saas.config import settings
from saas.db import new_id, platform_session, tenant_session
from saas.programs.check_files import check_file_content
from saas.programs.models import Program, ProgramDomain, ProgramQrRules
from tests.cast import Cast

HOST = "qr.example.com"
FILE, OTHER = "Ab1.txt", "Cd2.txt"


def add_rules(owner: UUID, *, file: str = FILE, content: str = "alice's", confirmed: bool = False) -> None:
    """A mini program that has a rule on the host, or wants one."""
    with tenant_session(owner) as db:
        program = add_program(db, owner)
        rules = [{"prefix": f"https://{HOST}/"}] if confirmed else []
        named: dict[str, Any] = {"hosts": [HOST], "file_name": file, "file_content": content}
        db.add(ProgramQrRules(provider_id=owner, program_id=program.id, rules=rules, **named))


def add_business(owner: UUID, *, file: str = FILE, content: str = "alice's", confirmed: bool = False) -> None:
    """A component app that has registered the host as a business domain, or wants to; long ago."""
    with tenant_session(owner) as db:
        app = add_program(db, owner).component_id
        own: dict[str, Any] = {"provider_id": owner, "component_id": app}
        before = clock.now() - timedelta(days=9)
        db.add(CheckFile(**own, owner_id=app, name=file, content=content))
        db.add(ComponentDomain(**own, kind="business", host=HOST, wished=True, testing=confirmed, created_at=before))


def add_direct(owner: UUID, *, file: str = FILE, content: str = "alice's", confirmed: bool = False) -> None:
    """A mini program for which the host is set as a business domain directly, or shall be."""
    with tenant_session(owner) as db:
        program = add_program(db, owner)
        own: dict[str, Any] = {"provider_id": owner, "program_id": program.id, "ways": ["direct"] if confirmed else []}
        file_of = {"component_id": program.component_id, "owner_id": program.id, "provider_id": owner}
        db.add(CheckFile(**file_of, name=file, content=content))
        db.add(ProgramDomain(**own, kind="webviewdomain", address=f"https://{HOST}", wished=True))


def add_program(db: Any, owner: UUID) -> Program:
    app = ComponentApp(id=new_id(), provider_id=owner, key=new_id().hex, name="n", appid=f"wx{new_id().hex[-16:]}")
    db.add(app)
    db.flush()
    program = Program(id=new_id(), provider_id=owner, component_id=app.id, appid=f"wx{new_id().hex[-16:]}")
    db.add(program)
    db.flush()
    return program


def served(name: str, host: str = HOST) -> str | None:
    with platform_session("a test") as db:
        return check_file_content(db, host, name)


@pytest.mark.parametrize("add", [add_rules, add_business, add_direct])
def test_a_host_serves_the_files_that_were_asked_for_it(cast: Cast, add: Any) -> None:
    add(cast.alices)
    assert served(FILE) == "alice's"
    assert served(OTHER) is None
    assert served(FILE, "other.example.com") is None


@pytest.mark.parametrize("theirs", [add_rules, add_business, add_direct])
@pytest.mark.parametrize("hers", [add_rules, add_business, add_direct])
def test_typing_a_host_takes_no_file_from_it(cast: Cast, hers: Any, theirs: Any) -> None:
    theirs(cast.charlies, file=OTHER, content="charlie's")
    hers(cast.alices)
    assert (served(FILE), served(OTHER)) == ("alice's", "charlie's")


@pytest.mark.parametrize("theirs", [add_rules, add_business, add_direct])
@pytest.mark.parametrize("hers", [add_rules, add_business, add_direct])
def test_where_wechat_took_a_host_nobody_else_gets_a_file(cast: Cast, hers: Any, theirs: Any) -> None:
    theirs(cast.charlies, file=OTHER, content="charlie's")
    hers(cast.alices, confirmed=True)
    assert (served(FILE), served(OTHER)) == ("alice's", None)


def test_a_confirmed_host_serves_all_files_of_its_provider(cast: Cast) -> None:
    add_business(cast.alices, confirmed=True)
    add_rules(cast.alices, file=OTHER, content="alice's, too")
    assert (served(FILE), served(OTHER)) == ("alice's", "alice's, too")


@pytest.mark.parametrize("confirmed", [False, True])
def test_of_two_files_of_one_name_the_confirmed_one_is_served(cast: Cast, confirmed: bool) -> None:
    add_business(cast.charlies, content="charlie's")
    add_rules(cast.alices, confirmed=confirmed)
    assert served(FILE) == ("alice's" if confirmed else "charlie's"), "else the first"


def test_a_host_that_both_have_at_wechat_serves_the_files_of_both(cast: Cast) -> None:
    add_rules(cast.alices, confirmed=True)
    add_rules(cast.charlies, file=OTHER, content="charlie's", confirmed=True)
    assert (served(FILE), served(OTHER)) == ("alice's", "charlie's")


def test_our_own_address_serves_none(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rules(cast.alices, confirmed=True)
    monkeypatch.setenv("DAIBAN_PUBLIC_URL", f"https://{HOST}")
    settings.cache_clear()
    assert served(FILE) is None
    monkeypatch.undo()
    settings.cache_clear()
