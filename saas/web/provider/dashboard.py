"""The provider's first page: what waits for somebody, how much there is, the way to the first release."""

from __future__ import annotations

from flask import g
from flask.typing import ResponseReturnValue

from saas.releases import progress
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.todo import top_of_board


@provider.get("/")
def dashboard() -> ResponseReturnValue:
    return render("provider/dashboard.html", road=progress.road(g.db), **top_of_board())
