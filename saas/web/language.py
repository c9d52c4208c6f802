"""Chinese by default, English on request; times in the zone of the provider whose page it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, Domain, get_locale, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from saas import clock, i18n
from saas.web.going import safe_next

languages = Blueprint("language", __name__)
_COOKIE = "daiban_language"


class _Texts(Domain):  # type: ignore[misc]
    """Our catalogue, joined in memory from its parts."""

    def get_translations(self) -> Any:
        return i18n.translations(str(get_locale() or i18n.DEFAULT))


class _Babel(Babel):  # type: ignore[misc]
    domain_instance = _Texts()


def speak(app: Flask) -> None:
    app.config.update(BABEL_DEFAULT_LOCALE=i18n.DEFAULT, BABEL_DEFAULT_TIMEZONE="Asia/Shanghai")
    _Babel(app, locale_selector=choose)
    app.jinja_env.filters.update(when=when, ago=ago)
    app.jinja_env.globals.update(locale=spoken, locales=i18n.LOCALES)


def spoken() -> str:
    """The page's language as `i18n.LOCALES` names it (Babel's own name for Chinese is longer)."""
    return "en" if str(get_locale()).startswith("en") else i18n.DEFAULT


def choose() -> str:
    """The person's own choice, else this browser's, else what it asks for."""
    chosen = request.cookies.get(_COOKIE)
    if chosen not in i18n.LOCALES and current_user.is_authenticated:
        chosen = current_user.locale
    if chosen in i18n.LOCALES:
        return str(chosen)
    return request.accept_languages.best_match(["zh_CN", "zh", "en"], default="zh_CN").replace("zh_TW", "zh").replace(
        "zh_CN", "zh"
    ).replace("zh", "zh_CN")  # fmt: skip


def when(moment: datetime | None, *, seconds: bool = False) -> Markup | str:
    """A moment as the page's zone writes it, for a template: ``{{ row.created_at|when }}``."""
    if moment is None:
        return "—"
    local = moment.astimezone(ZoneInfo(g.get("time_zone") or "Asia/Shanghai"))
    text = local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), text, text)


def ago(moment: datetime | None) -> Markup | str:
    """How long ago, or how long until, in words."""
    if moment is None:
        return "—"
    seconds = (clock.now() - moment).total_seconds()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(),
        moment.astimezone(ZoneInfo(g.get("time_zone") or "Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S"),
        _("%(span)s后", span=span(-seconds)) if seconds < -1 else _("刚刚") if seconds < 5 else _(
            "%(span)s前", span=span(seconds)
        ),
    )  # fmt: skip


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit."""
    if seconds < 60:
        text = ngettext("%(num)d 秒", "%(num)d 秒", int(seconds))
    elif seconds < 3600:
        text = ngettext("%(num)d 分钟", "%(num)d 分钟", int(seconds // 60))
    elif seconds < 86400:
        text = ngettext("%(num)d 小时", "%(num)d 小时", int(seconds // 3600))
    else:
        text = ngettext("%(num)d 天", "%(num)d 天", int(seconds // 86400))
    return str(text)


@languages.post("/language/<locale>")
def change_language(locale: str) -> ResponseReturnValue:
    response = make_response(redirect(safe_next(), code=303))
    return remember_language(response, locale)


def remember_language(response: Response, locale: str) -> Response:
    """Keep the choice in this browser, also before and after somebody is signed in."""
    if locale in i18n.LOCALES:
        response.set_cookie(
            _COOKIE, locale, max_age=365 * 86400, samesite="Lax", httponly=True, secure=request.is_secure
        )
    return response
