"""Photos from a merchant's phone: each field has a form of its own, so that one refused photo costs no other."""

from __future__ import annotations

from uuid import UUID

from flask import Response, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from saas.errors import AppError, Invalid, NotFound
from saas.onboarding.papers import attach, detach, look_at
from saas.onboarding.parts import Answers
from saas.onboarding.saving import Locked
from saas.tenants.access import Verb
from saas.tenants.stored_files import read_file
from saas.web.errors import too_large_page
from saas.web.going import done
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.forms import answers_for, field_id, page_url, render_page, who_answers
from saas.web.security import limiter, read_to_the_end


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/files")
@limiter.limit("60 per minute")
def upload_papers(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """Photos for the field of the address; a refusal lands on it."""
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    name = request.args.get("field", "")
    page = _page_of(answers, name)
    contents = [content for one in request.files.getlist("file") if (content := one.read())]
    try:
        attach(g.db, answers, name, contents, who=who_answers(answers))
    except Locked as error:
        return render_page(answers, page, trouble=error, status=409)
    except Invalid as error:
        return render_page(answers, page, errors={name: _text(error)}, status=422)
    return done(_("照片已上传"), page_url(answers, page, _anchor=field_id(answers, name)))


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/files/remove")
def remove_paper(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    name = request.form.get("field", "")
    page = _page_of(answers, name)
    detach(g.db, answers, name, _file_id(), who=who_answers(answers))
    return done(_("照片已移除"), page_url(answers, page, _anchor=field_id(answers, name)))


@merchant.post("/onboarding/<uuid:onboarding_id>/<part_key>/files/show")
def show_paper(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """A photo may show an identity card, so looking is a deed that the log keeps."""
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    row = look_at(g.db, answers, _file_id(), who=who_answers(answers))
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "inline"
    return response


@merchant.errorhandler(RequestEntityTooLarge)
def say_too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Nothing of such a request is looked at, so the field that it was for stands in the address."""
    name, found = request.args.get("field", ""), request.view_args or {}
    if request.endpoint != "merchant.upload_papers" or not current_user.is_authenticated:
        return too_large_page()
    read_to_the_end()
    place = current_app.url_for("merchant.upload_too_large", **found, field=name, slug=g.slug)
    return redirect(place, code=303)


@merchant.get("/onboarding/<uuid:onboarding_id>/<part_key>/files")
def upload_too_large(onboarding_id: UUID, part_key: str) -> ResponseReturnValue:
    """Back to the field for which too much was sent."""
    answers = answers_for(onboarding_id, part_key, Verb.ANSWER)
    name = request.args.get("field", "")
    page = _page_of(answers, name)
    return redirect(page_url(answers, page, too_large=name, _anchor=field_id(answers, name)), code=303)


def _page_of(answers: Answers, name: str) -> str:
    page = next((ask.page for ask in answers.asks() if ask.name == name and ask.is_file), None)
    if page is None:
        raise NotFound()
    return page


def _file_id() -> UUID:
    try:
        return UUID(request.form.get("file", ""))
    except ValueError:
        raise NotFound() from None


def _text(error: AppError) -> str:
    return str(_(error.message, **error.params))
