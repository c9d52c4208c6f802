"""The front door: what this is for strangers, where to go for people who are signed in."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from flask_login import current_user

from saas.tenants import providers
from saas.web.pages import render

home = Blueprint("home", __name__)


@home.get("/")
def index() -> ResponseReturnValue:
    if not current_user.is_authenticated:
        return render("home.html")
    homes = providers.homes_of(current_user.user_id)
    if current_user.within:
        homes = [home for home in homes if (home.kind, home.slug) == ("merchant", current_user.within)]
    if len(homes) == 1:
        return redirect(homes[0].url, code=303)
    return render("choose.html", homes=homes)
