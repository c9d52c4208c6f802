"""Alice's component app with a ticket, a small WeChat with two mini programs, authorizations through links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.programs import authorization, links
from saas.programs.access import get_link, load_program
from saas.programs.authorization import Device
from saas.programs.models import AuthorizationLink, Program
from saas.tenants.access import Verb, system
from saas.tenants.merchants import get_merchant
from saas.wx.events import AuthorizationUpdated, Authorized, Unauthorized
from tests.cast import Cast
from tests.components.conftest import component, ready, wechat_server  # noqa: F401 - fixtures
from tests.components.small_wechat import Answer, SmallWeChat, refusal
from tests.programs.office import office  # noqa: F401 - a fixture
from tests.programs.shop import control, sandbox, shop  # noqa: F401 - fixtures

CAFE = "wx11aa22bb33cc44dd"
SHOP = "wx55ee66ff77aa88bb"


class Merchants:
    """WeChat's side of an authorization: which code stands for which account, each good for one exchange."""

    def __init__(self, server: SmallWeChat) -> None:
        self.server = server
        self.codes: dict[str, str] = {}
        self.used: set[str] = set()
        self.authorized: set[str] = set()
        self.sets: dict[str, list[int]] = {}
        self.names = {CAFE: "青禾咖啡", SHOP: "梅记茶铺"}
        self.register_type = 0
        self.head_img = ""
        self._made = 0
        server.answers.update(
            api_create_preauthcode=self._pre_auth_code,
            api_query_auth=self._exchange,
            api_get_authorizer_info=self._info,
            getaccountbasicinfo={"errcode": 0, "nickname_info": {"modify_used_count": 1, "modify_quota": 2}},
        )

    def grants(self, appid: str, code: str = "", sets: tuple[int, ...] = (17, 18, 30)) -> str:
        """The merchant confirmed on WeChat's page: answers the authorization code."""
        code = code or f"queryauthcode@@@{appid}-{len(self.codes)}"
        self.codes[code] = appid
        self.authorized.add(appid)
        self.sets[appid] = list(sets)
        return code

    def _pre_auth_code(self, _body: Answer) -> Answer:
        self._made += 1
        return {"pre_auth_code": f"preauthcode@@@{self._made}", "expires_in": 600}

    def _exchange(self, body: Answer) -> Answer:
        code = body["authorization_code"]
        if code not in self.codes or code in self.used:
            return refusal(61009, "code is invalid")
        self.used.add(code)
        appid = self.codes[code]
        return {
            "authorization_info": {
                "authorizer_appid": appid, "authorizer_access_token": f"access-{code}", "expires_in": 7200,
                "authorizer_refresh_token": f"refresh-{code}", "func_info": self._func_info(appid),
            }
        }  # fmt: skip

    def _info(self, body: Answer) -> Answer:
        appid = body["authorizer_appid"]
        if appid not in self.authorized:
            return refusal(61003, "component is not authorized by this account")
        return {
            "authorizer_info": {
                "nick_name": self.names[appid], "head_img": self.head_img, "principal_name": "青禾餐饮管理有限公司",
                "user_name": f"gh_{appid[-6:]}", "signature": "现磨咖啡", "verify_type_info": {"id": 0},
                "register_type": self.register_type, "account_status": 1,
                "MiniProgramInfo": {"categories": [{"first": "餐饮服务", "second": "点餐平台"}], "network": {}},
            },
            "authorization_info": {
                "authorizer_appid": appid, "authorizer_refresh_token": f"listed-{appid}",
                "func_info": self._func_info(appid),
            },
        }  # fmt: skip

    def _func_info(self, appid: str) -> list[Answer]:
        return [{"funcscope_category": {"id": number}} for number in self.sets[appid]]


@dataclass
class Desk:
    """What the tests do, each step in a transaction of its own as a request or a job would."""

    cast: Cast
    component: ComponentApp
    run_jobs: Callable[..., list[str]]

    def link(self, *, program: UUID | None = None, who: str = "alice", **options: object) -> AuthorizationLink:
        """A link for mei, made by alice."""
        with tenant_session(self.cast.alices) as db:
            acting = self.cast.who[who]
            merchant = get_merchant(db, acting, self.cast.meis, Verb.WORK)
            bound = load_program(db, program) if program else None
            component = load_component(db, self.component.id)
            return links.create_link(db, component, merchant, who=acting, program=bound, **options)  # type: ignore[arg-type]

    def open(self, link: AuthorizationLink, device: Device = Device.COMPUTER) -> dict[str, str]:
        """Click the button: the parameters of WeChat's page."""
        with tenant_session(self.cast.alices) as db:
            address = authorization.open_page(
                db, self.again(db, link), device=device, return_to="http://localhost:8000/return",
                who=system(self.cast.alices),
            )  # fmt: skip
        return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

    def come_back(self, link: AuthorizationLink, code: str) -> None:
        with tenant_session(self.cast.alices) as db:
            authorization.take_return(db, self.again(db, link), code)

    def push(
        self, appid: str, code: str, pre_auth_code: str = "", *, at: datetime | None = None, updated: bool = False
    ) -> None:
        kind = AuthorizationUpdated if updated else Authorized
        name = "updateauthorized" if updated else "authorized"
        with tenant_session(self.cast.alices) as db:
            component = load_component(db, self.component.id)
            authorization.on_authorized(db, component, kind(name, {}, at or whole_now(), appid, code, pre_auth_code))

    def push_unauthorized(self, appid: str, *, at: datetime | None = None) -> None:
        with tenant_session(self.cast.alices) as db:
            component = load_component(db, self.component.id)
            authorization.on_unauthorized(db, component, Unauthorized("unauthorized", {}, at or whole_now(), appid))

    def again(self, db: object, link: AuthorizationLink) -> AuthorizationLink:
        return get_link(db, self.cast.who["alice"], link.id, Verb.VIEW)  # type: ignore[arg-type]

    def reread(self, link: AuthorizationLink) -> AuthorizationLink:
        with tenant_session(self.cast.alices) as db:
            return self.again(db, link)

    def programs(self) -> dict[str, Program]:
        with tenant_session(self.cast.alices) as db:
            return {program.appid: program for program in db.query(Program)}


def whole_now() -> datetime:
    """Now as WeChat writes it in a push."""
    return datetime.fromtimestamp(int(clock.now().timestamp()), UTC)


@pytest.fixture
def merchants(wechat_server: SmallWeChat) -> Merchants:  # noqa: F811
    return Merchants(wechat_server)


@pytest.fixture
def desk(cast: Cast, ready: ComponentApp, run_jobs: Callable[..., list[str]]) -> Desk:  # noqa: F811
    return Desk(cast, ready, run_jobs)
