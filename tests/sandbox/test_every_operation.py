"""Every operation that the sandbox plays refuses what does not fit its description, and says so on the page."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from saas.sandbox.api import chapters
from saas.sandbox.api.registry import played
from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from saas.wx.contract.operations import Operation, operation
from tests.sandbox.platform import Platform

chapters.load()
OPERATIONS = [play.operation.id for play in played().values()]
WITH_BODY = [name for name in OPERATIONS if operation(name).request_schema]
JSON = [name for name in WITH_BODY if operation(name).request_content_type == "application/json"]
FORM = sorted(set(WITH_BODY) - set(JSON))
WRONG = {"string": 5, "integer": "five", "number": "five", "boolean": "yes", "array": {}, "object": [], None: None}
MISSING = {  # what is not simply a format error (47001), as the operation's own errcodes say
    "clearQuotaByAppSecret": {"appid": 41002, "appsecret": 41004},
    "clearComponentQuotaByAppSecret": {"appsecret": 41004},
}


class Caller:
    """Calls with good tokens of 梅记茶铺, which has granted everything."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.shop = platform.connect(permission_sets=range(1, 200))

    def token(self, kind: str) -> dict[str, str]:
        tokens = self.platform.tokens
        if kind == "none":
            return {}
        value = tokens.component_token() if kind == "component" else tokens.authorizer_token(self.shop)
        return {"access_token": value}

    def call(self, op: Operation, body: Any = None, token: str = "", query: Any = None, **more: Any) -> int:
        """The errcode of one call, after a look that the page of mistakes has one line for it."""
        asked = dict(query if query is not None else _query(op)) | self.token(token or op.token)
        given: dict[str, Any] = {"json": body} if op.request_content_type == "application/json" else {}
        self.platform.control.reset_mistakes()
        url = f"{self.platform.control.base_url}{op.path}"
        answer = self.platform.http.request(op.method, url, params=asked, **(given | more)).json()
        noted = [mistake["operation"] for mistake in self.platform.control.mistakes()]
        assert noted == [op.id], f"{op.id} answered {answer} and noted {noted}"
        return int(answer["errcode"])


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    folder = tmp_path_factory.mktemp("sandbox")
    with (
        RunningSandbox(folder / "sandbox.sqlite", clock_file=folder / "clock") as running,
        SandboxControl(running.url) as control,
    ):
        platform = Platform(control)
        yield Caller(platform)
        platform.close()


def _query(op: Operation) -> dict[str, Any]:
    """Good query parameters: the first allowed value of each that is required."""
    return {
        param.name: (param.schema.get("enum") or [1 if param.schema.get("type") == "integer" else "x"])[0]
        for param in op.query_params
        if param.required
    }


def _body(op: Operation, caller: Caller) -> dict[str, Any]:
    """A body that fits: an example of the contract, in the name of this component app."""
    body: dict[str, Any] = copy.deepcopy(next(iter(op.request_examples.values()), {}))
    if "component_appid" in op.request_schema["properties"]:  # type: ignore[index]
        body["component_appid"] = caller.platform.appid
    return body


@pytest.mark.parametrize("name", JSON)
def test_a_field_that_is_not_known_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    assert caller.call(op, {**_body(op, caller), "colour": "red"}) == 40097


@pytest.mark.parametrize("name", JSON)
def test_a_required_field_that_is_missing_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    body = _body(op, caller)
    for field in (op.request_schema or {}).get("required", []):
        without = {key: value for key, value in body.items() if key != field}
        expected = 41018 if field == "component_appid" else MISSING.get(name, {}).get(field, 47001)
        expected = played()[name].hinted or expected
        assert caller.call(op, without) == expected, field


@pytest.mark.parametrize("name", JSON)
def test_a_field_of_another_type_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    body = _body(op, caller)
    for field, value in body.items():
        kind = op.request_schema["properties"][field].get("type")  # type: ignore[index]
        wrong = WRONG[kind if isinstance(kind, str) else None]
        unnamed = field == "component_appid" and op.token == "none"
        assert caller.call(op, {**body, field: wrong}) == (41018 if unnamed else 47001), (field, value)


@pytest.mark.parametrize("name", FORM)
def test_a_form_that_does_not_fit_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    fields = (op.request_schema or {})["properties"]
    upload = next(field for field, schema in fields.items() if "format" in schema or "contentMediaType" in schema)
    texts = {field: schema.get("enum", ["x"])[0] for field, schema in fields.items() if field != upload}
    texts |= {field: "1" for field in texts if fields[field]["type"] == "integer"}
    files = {upload: ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    assert caller.call(op, data={**texts, "colour": "red"}, files=files) == 40097
    assert caller.call(op, data=texts, files={"another": files[upload]}) == 40097
    assert caller.call(op, data={**texts, upload: "text"}) == 40097
    assert caller.call(op, data=texts) == played()[name].invalid.get(upload, 41005)
    for field in texts:
        if field in (op.request_schema or {})["required"]:
            without = {key: value for key, value in texts.items() if key != field}
            assert caller.call(op, data=without, files=files) == 40097
        if fields[field]["type"] == "integer":
            assert caller.call(op, data={**texts, field: "one"}, files=files) == 40097


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_query_parameter_that_is_not_known_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    body = _body(op, caller) if name in JSON else {}
    assert caller.call(op, body, query={**_query(op), "colour": "red"}) == 40097


@pytest.mark.parametrize("name", [name for name in OPERATIONS if operation(name).token != "none"])
def test_a_token_of_the_wrong_kind_is_refused(caller: Caller, name: str) -> None:
    op = operation(name)
    body = _body(op, caller) if name in JSON else {}
    assert caller.call(op, body, token="none") == 41001
    other = "authorizer" if op.token == "component" else "component"
    if op.token_also != other and not played()[name].either_token:
        assert caller.call(op, body, token=other) == (61015 if op.token == "authorizer" else 61014)
