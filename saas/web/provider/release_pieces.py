"""What pages about code share: the pre-audit check with the way to each repair, base libraries, names of templates."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request, url_for
from flask_babel import gettext as _

from saas.errors import N_
from saas.programs.models import Program
from saas.programs.versions import version_key
from saas.releases.checks import Check, Repair
from saas.releases.ext_json import Fault
from saas.releases.models import CodeState, Template, Upload
from saas.releases.serving import share_below
from saas.web.pages import is_fragment_request
from saas.web.provider import release_words as words
from saas.web.provider.blueprint import provider

_REPAIRS = {
    Repair.AUTHORIZE: ("provider.show_program", N_("去重新授权")),
    Repair.UPLOAD: ("provider.upload_code", N_("去上传代码")),
    Repair.PROFILE: ("provider.show_profile", N_("去补资料")),
    Repair.CATEGORIES: ("provider.show_categories", N_("去设置类目")),
    Repair.DOMAINS: ("provider.show_domains", N_("去设置域名")),
    Repair.PRIVACY: ("provider.show_privacy", N_("去设置隐私")),
    Repair.CERTIFY: ("provider.show_certification", N_("去认证")),
    Repair.FILE: ("provider.show_filing", N_("去备案")),
    Repair.AUDIT: ("provider.show_code", N_("去查看审核")),
    Repair.REFRESH: ("provider.show_code", N_("去刷新状态")),
    Repair.TEMPLATE: ("provider.edit_template", N_("去修改 ext_json")),
}


@provider.app_context_processor
def give_pieces() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/releases/_pieces.html").module
    shared = {name: getattr(pieces, name) for name in ("library_chart", "check_list", "variable_field")}
    return {"release_words": words, **shared}


def keep_head(response: Response, program: Program) -> Response:
    """Have the whole page loaded again once the mini program's stage, which its head shows, is another one.

    A fragment that polls names the stage that it was drawn with.
    """
    if is_fragment_request() and request.args.get("stage", program.stage) != program.stage:
        response.headers["HX-Refresh"] = "true"
    return response


@provider.app_template_global()
def repair_url(check: Check, program: Program, upload: Upload | None = None) -> str:
    """Where a line of the check is put right; "" where there is nothing to do or no page for it."""
    endpoint, _text = _REPAIRS.get(check.repair, ("", ""))
    if endpoint not in current_app.view_functions:
        return ""
    if check.repair is Repair.TEMPLATE:
        return url_for(endpoint, template_id=upload.template_row_id) if upload else ""
    return url_for(endpoint, program_id=program.id)


@provider.app_template_global()
def repair_text(check: Check) -> str:
    return str(_(_REPAIRS[check.repair][1]))


@provider.app_template_global()
def check_text(check: Check) -> str:
    """A line of the pre-audit check in the page's language."""
    params = {
        name: _("、").join(_(one) for one in value) if isinstance(value, list) else value
        for name, value in check.params.items()
    }
    return str(_(check.text, **params))


@provider.app_template_global()
def fault_text(fault: Fault) -> str:
    """A fault of an ext_json in the page's language."""
    params = {name: _(value) if name in ("type", "reason") else value for name, value in fault.params.items()}
    return str(_(fault.message, **params))


@provider.app_template_global()
def template_name(template: Template) -> str:
    """As people call it: our label before WeChat's version."""
    if template.label:
        return f"{template.label} {template.user_version}"
    return f"{template.user_version or '#' + template.template_id}"


@provider.app_template_global()
def library_rows(state: CodeState | None) -> list[dict[str, Any]]:
    """Each base library with its share of users, newest first, and how many use an older one."""
    if state is None:
        return []
    shares = sorted(state.library_shares, key=lambda one: version_key(one["version"]), reverse=True)
    return [
        one | {"older": share_below(shares, one["version"]), "is_minimum": one["version"] == state.minimum_library}
        for one in shares
    ]
