"""Secrets never get into a log line, whatever way they come."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from saas import logs
from saas.config import Settings


@pytest.fixture
def lines(installed: Settings) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(installed.model_copy(update={"log_json": True}), stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def read(lines: io.StringIO) -> dict[str, str]:
    answer: dict[str, str] = json.loads(lines.getvalue())
    return answer


def test_a_line_carries_what_it_is_about(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1", provider="p-1", rid="abc-123"):
        structlog.get_logger("test").warning("代码已上传", program="wx123")
    line = read(lines)
    assert line["event"] == "代码已上传"
    assert (line["request_id"], line["provider"], line["rid"], line["program"]) == ("r-1", "p-1", "abc-123", "wx123")
    assert line["level"] == "warning"
    assert line["timestamp"].endswith("Z")


def test_libraries_write_the_same_lines(lines: io.StringIO) -> None:
    logging.getLogger("elsewhere").error("broke: %s", "here")
    assert read(lines)["event"] == "broke: here"


@pytest.mark.parametrize(
    "values",
    [
        {"access_token": "SECRETSECRET"},
        {"component_appsecret": "SECRETSECRET"},
        {"url": "https://api.weixin.qq.com/cgi-bin/x?component_access_token=SECRETSECRET&a=1"},
        {"answer": '{"authorizer_refresh_token": "SECRETSECRET"}'},
        {"body": {"deep": [{"password": "SECRETSECRET"}]}},
        {"DATABASE_URL": "postgresql+psycopg://app:SECRETSECRET@host/db"},
    ],
)
def test_secrets_are_blanked(lines: io.StringIO, values: dict[str, object]) -> None:
    structlog.get_logger("test").info("call", **values)
    written = lines.getvalue()
    assert "SECRET" not in written
    assert logs.HIDDEN in written


def test_secrets_in_a_traceback_are_blanked(lines: io.StringIO) -> None:
    try:
        raise RuntimeError("POST https://api.weixin.qq.com/x?access_token=SECRETSECRET failed")
    except RuntimeError:
        structlog.get_logger("test").exception("call_failed")
    written = lines.getvalue()
    assert "Traceback" in written
    assert "SECRET" not in written
