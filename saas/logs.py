"""Structured logs: one line per event, JSON in production, readable in a terminal; secrets never get in.

What a line is about comes from context variables that the web, the runner and the WeChat client bind: `request_id`,
`job_id`, `provider`, `program`, `rid` (WeChat's own request id).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from saas.config import Settings

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:secret|password|passwd|token|refresh_token|access_token|ticket|aes_key|encodingaeskey|master_key|cookie"
    r"|authorization_code|pre_auth_code|auth_code|authorization)$|^(?:component_)?(?:appsecret|verify_ticket)$",
    re.IGNORECASE,
)
_SECRET_IN_TEXT = re.compile(
    r"(?P<name>[a-z_]*(?:token|secret|appsecret|password|ticket|auth_code|authorization_code|aes_?key)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s&\"',;<>)}]{6,})",
    re.IGNORECASE,
)
_LOGIN_IN_ADDRESS = re.compile(r"(?P<start>[a-z+]+://[^\s/:@]*:)[^\s/@]+@", re.IGNORECASE)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers through one formatter to standard error, or to `stream`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if settings.log_json
        else [structlog.processors.format_exc_info, hide_secrets, structlog.dev.ConsoleRenderer(colors=False)]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in ("rq.worker", "rq.job", "httpx2", "httpcore2", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank out values whose name says that they are secret, and secrets inside texts such as addresses."""
    return {key: HIDDEN if _SECRET_NAME.search(key) and value else _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        value = _SECRET_IN_TEXT.sub(lambda found: found["name"] + HIDDEN, value)
        return _LOGIN_IN_ADDRESS.sub(lambda found: found["start"] + HIDDEN + "@", value)
    if isinstance(value, dict):
        return hide_secrets(None, "", value)
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    return value
