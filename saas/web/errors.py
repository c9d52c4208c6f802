"""Every failure as a page (or, for htmx, a part) that says what happened and what to do."""

from __future__ import annotations

import psycopg
import structlog
from flask import Flask, Response, g
from flask_babel import gettext as _
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from saas.errors import AppError
from saas.web.pages import render

log = structlog.get_logger()


def explain(app: Flask) -> None:
    @app.errorhandler(AppError)
    def expected(error: AppError) -> Response:
        message = _(error.message, **error.params)
        return error_page(error.status, message, _(error.hint, **error.params) if error.hint else "")

    @app.errorhandler(CSRFError)
    def expired_form(_error: CSRFError) -> Response:
        return error_page(400, _("页面停留太久，表单已失效"), _("请返回上一页刷新后重新提交，您的登录不受影响。"))

    @app.errorhandler(RateLimitExceeded)
    def too_often(_error: RateLimitExceeded) -> Response:
        return error_page(429, _("操作太频繁"), _("请稍等几分钟再试。"))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        code = error.code or 500
        if code == 413:
            return too_large_page()
        known = {
            400: (_("请求不完整"), _("请返回上一页重试。")),
            404: (_("页面不存在，或您无权查看"), _("请检查网址，或从首页重新进入。")),
            405: (_("这个地址不支持这种操作"), _("请从页面上的按钮进入。")),
        }
        title, hint = known.get(code, (_("请求无法处理"), _("请返回上一页重试。")))
        response = error_page(code, title, hint)
        for name, value in error.get_headers():
            if name.lower() == "allow":
                response.headers[name] = value
        return response

    @app.errorhandler(OperationalError)
    @app.errorhandler(psycopg.OperationalError)  # of a statement at once
    @app.errorhandler(PoolTimeout)  # no connection became free
    def database_away(error: Exception) -> Response:
        log.error("database_unavailable", error=str(getattr(error, "orig", error)))
        return error_page(503, _("系统暂时无法连接数据库"), _("数据没有丢失，请稍后刷新。"))

    @app.errorhandler(Exception)
    def unexpected(_error: Exception) -> Response:
        log.exception("request_failed")
        return error_page(
            500, _("系统出错了"), _("我们已记录这次错误。请稍后重试；若再次出现，请把下面的编号发给我们。")
        )


def too_large_page() -> Response:
    return error_page(413, _("上传的内容太大"), _("请压缩后再上传，单个文件不超过 10 MB。"))


def error_page(status: int, title: str, hint: str) -> Response:
    """What happened and what to do, whole or as a part for htmx."""
    return render(
        "error.html", block="error", status=status, title=title, hint=hint, request_id=g.get("request_id", ""),
        code=status,
    )  # fmt: skip
