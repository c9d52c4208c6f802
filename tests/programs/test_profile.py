"""Profiles and avatars: what WeChat says is kept, what fails is shown, nothing is fetched from strangers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from saas.batches.access import load_batch
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_batch
from saas.config import Settings
from saas.db import tenant_session
from saas.programs import avatars, profile
from saas.programs.access import load_program
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.permissions import matrix, missing_sets
from saas.tenants.stored_files import load_file, read_file
from tests.components.small_wechat import refusal
from tests.programs.conftest import CAFE, SHOP, Desk, Merchants

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


class Pictures:
    """A picture host: `content` and `status` are set by the test."""

    def __init__(self) -> None:
        self.content, self.status, self.asked = PNG, 200, 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked += 1
                self.send_response(host.status)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(host.content)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def pictures(merchants: Merchants, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pictures]:
    """A host of pictures that stands for WeChat's open pages, as the sandbox does."""
    from saas.config import settings

    host = Pictures()
    monkeypatch.setenv("DAIBAN_WECHAT_OPEN_URL", host.url)
    settings.cache_clear()
    merchants.head_img = f"{host.url}/avatar/1"
    yield host
    monkeypatch.undo()
    settings.cache_clear()
    host.close()


def authorized(desk: Desk, merchants: Merchants) -> Program:
    desk.push(CAFE, merchants.grants(CAFE))
    desk.run_jobs()
    return desk.programs()[CAFE]


def read_again(desk: Desk, program: Program) -> Program:
    with tenant_session(desk.cast.alices) as db:
        profile.request_profile(db, load_program(db, program.id), who=desk.cast.who["max"])
    desk.run_jobs()
    return desk.programs()[CAFE]


def test_the_profile_is_kept_as_wechat_tells_it(desk: Desk, merchants: Merchants) -> None:
    program = authorized(desk, merchants)
    assert (program.name, program.company_name) == ("青禾咖啡", "青禾餐饮管理有限公司")
    assert (program.original_id, program.verified, program.registered_by_api) == ("gh_cc44dd", True, False)
    assert program.profile["categories"] == [{"first": "餐饮服务", "second": "点餐平台"}]
    assert program.profile_read_at is not None


def test_accounts_registered_by_api_tell_their_counters(desk: Desk, merchants: Merchants) -> None:
    merchants.register_type = 6
    program = authorized(desk, merchants)
    assert program.registered_by_api is True
    assert program.profile["basic"]["nickname_info"] == {"modify_used_count": 1, "modify_quota": 2}


def test_a_failed_read_keeps_what_was_known_with_the_reason(desk: Desk, merchants: Merchants) -> None:
    program = authorized(desk, merchants)
    merchants.server.answers["api_get_authorizer_info"] = refusal(48001, "api unauthorized")
    program = read_again(desk, program)
    assert (program.name, program.profile_errcode, program.profile_rid) == ("青禾咖啡", 48001, "65f0-11-22")
    assert program.authorization == AuthorizationStatus.AUTHORIZED
    merchants.server.answers["api_get_authorizer_info"] = merchants._info
    assert read_again(desk, program).profile_errcode is None


def test_reading_finds_out_that_the_authorization_is_over(desk: Desk, merchants: Merchants) -> None:
    program = authorized(desk, merchants)
    merchants.authorized.clear()
    assert read_again(desk, program).authorization == AuthorizationStatus.UNAUTHORIZED


def test_the_avatar_is_kept_and_replaced_when_it_changes(desk: Desk, merchants: Merchants, pictures: Pictures) -> None:
    program = authorized(desk, merchants)
    with tenant_session(desk.cast.alices) as db:
        first = load_file(db, program.avatar_file_id)
        assert (read_file(first), first.content_type) == (PNG, "image/png")
    assert read_again(desk, program).avatar_file_id == first.id
    pictures.content = b"GIF89a" + b"y" * 50
    program = read_again(desk, program)
    assert program.avatar_file_id != first.id
    with tenant_session(desk.cast.alices) as db:
        assert load_file(db, program.avatar_file_id).content_type == "image/gif"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"<svg onload=alert(1)>", 200),
        (b"<html>", 200),
        (b"", 200),
        (PNG + b"x" * avatars.LARGEST, 200),
        (PNG, 302),
        (PNG, 404),
    ],
    ids=["svg", "html", "empty", "huge", "redirect", "missing"],
)
def test_what_is_no_picture_is_not_kept(
    desk: Desk, merchants: Merchants, pictures: Pictures, content: bytes, status: int
) -> None:
    pictures.content, pictures.status = content, status
    program = authorized(desk, merchants)
    assert pictures.asked == 1
    assert program.avatar_file_id is None
    assert program.name == "青禾咖啡"


@pytest.mark.parametrize(
    ("address", "is_wechats"),
    [
        ("http://wx.qlogo.cn/mmopen/1/0", True),
        ("https://mmbiz.qpic.cn/a.png", True),
        ("https://qlogo.cn/a", True),
        ("https://wx.qlogo.cn.evil.example/a", False),
        ("https://evilqlogo.cn/a", False),
        ("https://wx.qlogo.cn:8443/a", False),
        ("https://wx.qlogo.cn@169.254.169.254/a", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("http://localhost/a", False),
        ("http://127.0.0.1:2/a", False),
        ("http://127.0.0.1:1/a", True),
        ("file:///etc/passwd", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_wechats_addresses_are_fetched(installed: Settings, address: str, is_wechats: bool) -> None:
    assert avatars.is_wechats(address) is is_wechats


def test_the_matrix_shows_what_is_needed_first_and_never_mistakes_118_for_18() -> None:
    rows = {row.set.number: row for row in matrix([118, 30])}
    assert (rows[18].granted, rows[18].essential) == (False, True)
    assert (rows[118].granted, rows[118].needed) == (True, False)
    assert [one.number for one in missing_sets([118, 30])] == [18]
    assert missing_sets([30, 18]) == []


def test_many_profiles_are_read_again_as_a_batch(desk: Desk, merchants: Merchants) -> None:
    authorized(desk, merchants)
    desk.push(SHOP, merchants.grants(SHOP))
    desk.run_jobs()
    merchants.names[CAFE] = "青禾咖啡二店"
    merchants.authorized.remove(SHOP)
    subjects = [Subject(program.id, program.name) for program in desk.programs().values()]
    with tenant_session(desk.cast.alices) as db:
        batch = start_batch(db, "saas.programs.profile.refresh", subjects, who=desk.cast.who["max"])
    desk.run_jobs()
    with tenant_session(desk.cast.alices) as db:
        items = list_items(db, load_batch(db, batch.id))
    assert {(item.subject_name, item.status, item.errcode) for item in items} == {
        ("青禾咖啡", "done", None),
        ("梅记茶铺", "failed", 61003),
    }
    programs = desk.programs()
    assert programs[CAFE].name == "青禾咖啡二店"
    assert programs[SHOP].authorization == AuthorizationStatus.UNAUTHORIZED
    assert programs[SHOP].profile_errcode == 61003
