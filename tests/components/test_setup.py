from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.components import setup
from saas.components.access import component_by_key, get_component, list_components, load_component
from saas.components.models import AccessTokenRow, ComponentApp, ComponentStatus
from saas.components.wechat import component_tokens
from saas.db import platform_session, tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.queue import Job
from saas.tenants.access import Verb
from saas.tenants.models import Activity
from tests.cast import Cast
from tests.components.conftest import AES_KEY, APPID, SECRET, TOKEN
from tests.components.small_wechat import SmallWeChat

GOOD = {"name": "爱丽平台", "appid": APPID, "secret": SECRET, "token": TOKEN, "aes_key": AES_KEY}
OTHER_KEY = "A" * 43


def add(cast: Cast, person: str = "alice", **changes: Any) -> ComponentApp:
    with tenant_session(cast.who[person].provider_id) as db:
        return setup.add_component(db, who=cast.who[person], **{**GOOD, **changes})


def change(cast: Cast, component: ComponentApp, person: str = "alice", **changes: str) -> list[str]:
    with tenant_session(cast.alices) as db:
        return setup.update_credentials(db, load_component(db, component.id), who=cast.who[person], **changes)


def test_a_new_component_app_is_sealed_recorded_and_checked(cast: Cast) -> None:
    component = add(cast)
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        assert (row.secret, row.token, row.aes_key) == (SECRET, TOKEN, AES_KEY)
        assert SECRET.encode() not in (row.secret_sealed or b"")
        assert db.scalars(select(Job.name)).all() == ["jobs.components.check"]
        assert db.scalars(select(Activity.verb)).all() == ["component.add"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("appid", "wx123"),
        ("appid", "WX8a2b1c3d4e5f6071"),
        ("appid", "wx8a2b1c3d4e5f607g"),
        ("secret", SECRET[:-1]),
        ("secret", SECRET.upper()),
        ("token", "ab"),
        ("token", "with-dash"),
        ("token", "a" * 33),
        ("aes_key", AES_KEY[:-1]),
        ("aes_key", AES_KEY[:-1] + "="),
        ("aes_key", "密" * 43),
    ],
)
def test_a_wrong_shape_is_refused_with_its_field(cast: Cast, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(cast, **{field: value})
    assert refused.value.field == field


def test_white_space_around_a_copied_value_is_forgiven(cast: Cast) -> None:
    component = add(cast, appid=f" {APPID}\n", secret=f"{SECRET} ")
    assert (component.appid, component.secret) == (APPID, SECRET)


def test_the_same_appid_is_refused_twice_but_another_one_is_fine(cast: Cast) -> None:
    add(cast)
    with pytest.raises(Invalid) as refused:
        add(cast)
    assert refused.value.field == "appid"
    add(cast, appid="wx0000000000000001", name="第二个")
    with tenant_session(cast.alices) as db:
        assert [row.name for row in list_components(db, cast.who["alice"])] == ["爱丽平台", "第二个"]


@pytest.mark.parametrize("person", ["bob", "max"])
def test_only_those_who_manage_may_add_or_change(cast: Cast, person: str) -> None:
    with pytest.raises(Forbidden):
        add(cast, person)
    component = add(cast)
    with pytest.raises(Forbidden):
        change(cast, component, person, secret="f" * 32)


def test_strangers_and_merchants_find_no_component(cast: Cast) -> None:
    component = add(cast)
    with tenant_session(cast.charlies) as db, pytest.raises(NotFound):
        get_component(db, cast.who["charlie"], component.id)
    with tenant_session(cast.alices) as db:
        for person in ("mei", "charlie"):
            with pytest.raises(NotFound):
                get_component(db, cast.who[person], component.id)
        assert get_component(db, cast.who["bob"], component.id).id == component.id
        with pytest.raises(Forbidden):
            get_component(db, cast.who["bob"], component.id, Verb.MANAGE)


def test_rotating_the_aes_key_keeps_the_previous_one(cast: Cast) -> None:
    component = add(cast)
    assert change(cast, component, aes_key=OTHER_KEY) == ["aes_key"]
    with platform_session("look at the keys") as db:
        row = component_by_key(db, component.key)
        assert row is not None
        assert (row.aes_key, row.previous_aes_key) == (OTHER_KEY, AES_KEY)
        assert row.aes_key_changed_at is not None
    assert change(cast, component, aes_key=OTHER_KEY) == []
    with tenant_session(cast.alices) as db:
        assert load_component(db, component.id).previous_aes_key == AES_KEY


def test_blank_fields_stay_as_they_are(cast: Cast) -> None:
    component = add(cast)
    assert change(cast, component, name="新名字", secret="", token="", aes_key="") == ["name"]
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        assert (row.name, row.secret) == ("新名字", SECRET)
        changes = db.scalars(select(Activity.detail).where(Activity.verb == "component.edit")).all()
        assert changes == [{"changed": ["name"]}]


def test_a_new_secret_drops_the_token_that_the_old_one_brought(
    cast: Cast, ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    first = component_tokens(ready).component_token()
    change(cast, ready, secret="a" * 32)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(AccessTokenRow)).one().value == ""
    assert component_tokens(ready).component_token() != first
    assert wechat_server.bodies[-1][1]["component_appsecret"] == "a" * 32


def test_the_appid_can_be_corrected_only_before_anything_arrived(cast: Cast) -> None:
    component = add(cast)
    assert change(cast, component, appid="wx0000000000000001") == ["appid"]
    with tenant_session(cast.alices) as db:
        load_component(db, component.id).first_ticket_at = clock.now()
    with pytest.raises(Invalid) as refused:
        change(cast, component, appid="wx0000000000000002")
    assert refused.value.field == "appid"


def test_the_addresses_name_the_component_and_the_domain(cast: Cast) -> None:
    component = add(cast)
    found = setup.addresses(component)
    assert found.events_url == f"http://localhost:8000/wx/{component.key}/events"
    assert found.messages_url == f"http://localhost:8000/wx/{component.key}/$APPID$/messages"
    assert found.domain == "localhost"
    assert not found.port_is_usable
    assert component.status == ComponentStatus.WAITING_TICKET
