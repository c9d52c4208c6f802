from __future__ import annotations

from pathlib import Path

import httpx2

from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from tests.sandbox.platform import Platform


def tickets(platform: Platform, count: int) -> list[str]:
    """Push so many tickets; answers their values in the order in which they were made."""
    return [platform.control.push_ticket(platform.appid) for _ in range(count)]


def received(platform: Platform) -> list[str]:
    return [message["ComponentVerifyTicket"] for message in platform.events("component_verify_ticket")]


def test_a_push_that_is_not_answered_success_comes_three_times(platform: Platform) -> None:
    platform.answers = [(500, "oops"), (200, "fail"), (200, "success")]
    [value] = tickets(platform, 1)
    assert received(platform)[-3:] == [value] * 3
    push = platform.control.pushes(name="component_verify_ticket")[0]
    assert (push["state"], push["attempts"]) == ("delivered", 3)
    assert {one["what"] for one in platform.control.mistakes()} == {"推送的应答不是 success"}


def test_after_three_tries_it_is_given_up(platform: Platform) -> None:
    platform.answers = [(500, "")] * 3
    [value] = tickets(platform, 1)
    assert received(platform).count(value) == 3
    assert platform.control.pushes()[0]["state"] == "failed"


def test_pushes_are_lost_on_demand(platform: Platform) -> None:
    platform.control.drop_pushes(platform.appid, 1)
    lost, kept = tickets(platform, 2)
    assert lost not in received(platform)
    assert kept in received(platform)


def test_only_the_named_event_is_lost(platform: Platform) -> None:
    platform.control.drop_pushes(platform.appid, 1, event="authorized")
    [value] = tickets(platform, 1)
    platform.connect()
    assert value in received(platform)
    assert platform.events("authorized") == []


def test_pushes_come_twice_on_demand(platform: Platform) -> None:
    platform.control.duplicate_pushes(platform.appid, 1)
    [value] = tickets(platform, 1)
    assert received(platform).count(value) == 2


def test_pushes_come_backwards_on_demand(platform: Platform) -> None:
    platform.control.reorder_pushes(platform.appid, 3)
    values = tickets(platform, 3)
    assert received(platform)[-3:] == values[::-1]


def test_forged_pushes_must_be_refused(platform: Platform) -> None:
    platform.control.forge_pushes(platform.appid, 1)
    [value] = tickets(platform, 1)
    assert value not in received(platform)
    assert platform.refused == 1
    assert platform.control.pushes()[0]["state"] == "refused"


def test_a_platform_that_takes_a_forged_push_is_told(control: SandboxControl, platform: Platform) -> None:
    platform.take = lambda _address, _body: (200, "success")  # type: ignore[method-assign]
    control.forge_pushes(platform.appid, 1)
    tickets(platform, 1)
    control.wait_for_pushes()
    assert control.pushes()[0]["state"] == "failed"
    assert [one["what"] for one in control.mistakes()] == ["接受了签名不对的推送"]


def test_an_old_push_can_be_repeated(platform: Platform) -> None:
    [value] = tickets(platform, 1)
    platform.control.wait_for_pushes()
    platform.control.repeat_push(platform.control.pushes()[0]["id"])
    assert received(platform).count(value) == 2


def test_undelivered_pushes_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    with RunningSandbox(path) as first, SandboxControl(first.url) as control:
        platform = Platform(control)
        platform.answers = [(500, "")]
        [value] = tickets(platform, 1)
    with RunningSandbox(path) as second, SandboxControl(second.url) as control:
        platform.control = control
        assert value in received(platform)
        platform.close()


def test_every_delivery_is_shown(platform: Platform) -> None:
    tickets(platform, 1)
    platform.control.wait_for_pushes()
    push = platform.control.pushes()[0]
    page = httpx2.get(f"{platform.control.base_url}/pushes/{push['id']}", trust_env=False).text
    assert "ComponentVerifyTicket" in page
    assert "HTTP 200" in page
