"""The page behind an entry link: who invites to what; sign in or begin right there, agree, and come in.

Open to whoever holds the link. Looking at it is counted; coming in takes a click.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField

from saas import sms
from saas.db import platform_session
from saas.errors import AppError, Invalid
from saas.onboarding import entering, links
from saas.onboarding.access import link_by_token
from saas.onboarding.links import LinkOver, State
from saas.onboarding.models import EntryLink, Part
from saas.programs import listing
from saas.tenants import accounts, consents, providers
from saas.tenants.models import Merchant, MerchantRole
from saas.tenants.names import clean_name
from saas.web.account import is_wechat, origin
from saas.web.forms import Form, TextField, at_most, email_address, required
from saas.web.merchant.blueprint import public
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import may_enter
from saas.web.wechat_client import app_to_show

PART_WORDS = {
    Part.COMPANY: _l("公司和法人的资料"), Part.PROFILE: _l("小程序的名称、头像和简介"),
    Part.CATEGORIES: _l("经营的类目和资质证照"), Part.CERTIFICATION: _l("微信认证的资料"),
    Part.FILING: _l("备案的资料和证件照片"),
}  # fmt: skip


class JoinForm(Form):
    name = TextField(_l("怎么称呼您"), [at_most(60)])
    agreed = BooleanField(_l("我已阅读并同意上述说明、服务条款和隐私政策"))


class MailForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(200)])


@public.get("/join/<token>")
@limiter.limit("60 per minute")
def show_join(token: str) -> ResponseReturnValue:
    found = link_by_token(g.db, token)
    if found is None:
        return _unknown()
    link, merchant = found
    stands = entering.standing_of(g.db, link, merchant, _person())
    if stands.came_before and stands.belongs:
        return redirect(url_for("merchant.home"), code=303)
    if stands.state is not State.OPEN:
        return _over(LinkOver(stands.state))
    if request.method == "GET" and not _is_member():
        links.note_opened(g.db, link)
    return _show(link, merchant, token, JoinForm(formdata=None))


@public.post("/join/<token>")
@limiter.limit("20 per minute")
def join(token: str) -> ResponseReturnValue:
    """Come in as the person who is signed in."""
    found = link_by_token(g.db, token)
    if found is None:
        return _unknown()
    link, merchant = found
    person = _person()
    if person is None:
        return redirect(url_for("public.show_join", token=token), code=303)
    if not current_user.is_verified:
        return redirect(url_for("account.verify"), code=303)
    form = JoinForm()
    if form.validate_on_submit():
        try:
            name = clean_name(form.name.data, field="name") if form.name.data else ""
            entering.come_in(
                g.db, link, merchant, user_id=person, name=name or current_user.name, agreed=form.agreed.data,
                origin=origin(),
            )  # fmt: skip
            if name:
                _take_name(name)
        except LinkOver as error:
            return _over(error)
        except Invalid as error:
            form.refuse(error)
        else:
            return redirect(url_for("merchant.home"), code=303)
    return _show(link, merchant, token, form, 422)


@public.route("/join/<token>/mail", methods=["GET", "POST"])
@limiter.limit("60 per minute")
@limiter.limit("4/hour", key_func=lambda: f"join:{request.form.get('email', '').strip().lower()[:200]}",
               methods=["POST"])  # fmt: skip
@limiter.limit("20/hour", methods=["POST"])
def join_by_mail(token: str) -> ResponseReturnValue:
    """Mail a link that signs in and leads back here; an address that is new gets an account without a password."""
    found = link_by_token(g.db, token)
    if found is None:
        return _unknown()
    link, merchant = found
    state = entering.standing_of(g.db, link, merchant, None).state
    if state is not State.OPEN:
        return _over(LinkOver(state))
    form = MailForm()
    if form.validate_on_submit():
        with platform_session("mail a link to somebody who follows an entry link") as db:
            accounts.ask_for_sign_in_link(
                db, form.email.data or "", after=url_for("public.show_join", token=token), makes_person=True
            )
        return redirect(url_for("account.sign_in_mailed"), code=303)
    return render(
        "merchant/join_by_mail.html", form=form, token=token, merchant=merchant, status=422 if form.errors else 200
    )


def _person() -> UUID | None:
    """Who is signed in, as far as her sign-in is good for this provider's merchants."""
    return current_user.user_id if may_enter(request.path) else None


def _is_member() -> bool:
    """Whether one of the provider's own looks at what she has made; that is no visit."""
    person = _person()
    try:
        return person is not None and providers.member_who(person, g.slug) is not None
    except AppError:  # an address that is not confirmed
        return False


def _take_name(name: str) -> None:
    """What she wants to be called from now on."""
    with platform_session("take the name of somebody who came in") as db:
        accounts.change_profile(db, current_user.user_id, name=name, locale=current_user.locale)


def _show(link: EntryLink, merchant: Merchant, token: str, form: JoinForm, status: int = 200) -> Response:
    here, signed_in = url_for("public.show_join", token=token), _person() is not None
    context: dict[str, Any] = {
        "link": link, "merchant": merchant, "token": token, "form": form, "here": here,
        "signed_in": signed_in,
        "nameless": not current_user.name or "*" in current_user.name or current_user.name == "微信用户",
        "helps": link.role == MerchantRole.HELPER,
        "programs": "、".join(
            one.name or one.appid
            for one in listing.select_programs(g.db, link.program_ids)
            if one.merchant_id == merchant.id and (one.name or one.appid)
        ),
        "parts": [label for part, label in PART_WORDS.items() if part.value in link.parts],
        "by_phone": sms.is_set_up(), "wechat": None if signed_in else app_to_show(here), "in_wechat": is_wechat(),
        "versions": {**consents.VERSIONS, consents.DATA: consents.DATA_VERSION},
    }  # fmt: skip
    return render("merchant/join.html", status=status, **context)


def _over(error: LinkOver) -> Response:
    return render("merchant/join_over.html", title=_(error.message), hint=_(error.hint), status=error.status)


def _unknown() -> Response:
    return render(
        "merchant/join_over.html", title=_("链接无效"), hint=_("请检查链接是否完整，或向服务商要一个新链接。"),
        status=404,
    )  # fmt: skip
