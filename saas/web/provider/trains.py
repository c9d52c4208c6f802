"""Release trains: the list, the page that shows one, its mini programs, and one of them with a row for each step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.releases import templates
from saas.tenants.access import Verb, require
from saas.trains import progress, telling
from saas.trains.access import get_train, get_train_program
from saas.trains.models import TrainStatus, TrainStepName
from saas.trains.quota import forecast
from saas.web.pages import is_fragment_request, render
from saas.web.provider import train_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import template_name
from saas.web.provider.train_repairs import place_parts, read_places, rows_of, selection_url

_PAGE = 30
_PLACES = 50


@provider.context_processor
def give_train_words() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/trains/_repairs.html").module
    return {"train_words": words, "repair_row": pieces.repair_row}


@provider.get("/trains")
def list_trains() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = progress.list_trains(g.db, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    return render(
        "provider/trains/list.html", rows=rows, counts=progress.count_states(g.db, [row.id for row in rows]),
        next_url=url_for("provider.list_trains", before=rows[-1].id) if more else "",
        first_url=url_for("provider.list_trains") if before else "",
    )  # fmt: skip


@provider.get("/trains/<uuid:train_id>")
def show_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id)
    standing = progress.standing(g.db, train)
    calls = any(bar.running for one in standing.waves for bar in one.bars if bar.step is not TrainStepName.AUDIT)
    moves = train.status == TrainStatus.RUNNING or calls
    context: dict[str, Any] = {
        "train": train, "standing": standing, "moves": moves, "pause": 3 if calls else 15,
        "groups": rows_of(train, standing.groups), "unseen": telling.is_unseen(g.db, train),
        "quota": words.quota_text(forecast(g.db, train)),
        "left_out": rows_of(train, progress.left_out(g.db, train)),
        "code": template_name(templates.template_rows(g.db, [train.template_row_id])[train.template_row_id]),
    }  # fmt: skip
    response = render("provider/trains/show.html", block="progress", **context)
    if is_fragment_request() and not moves:
        response.headers["HX-Refresh"] = "true"
    return response


@provider.get("/trains/<uuid:train_id>/programs")
def list_train_programs(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id)
    wanted, after = read_places(request.args), request.args.get("after", type=UUID)
    rows = progress.list_places(g.db, train, wanted, after=after, limit=_PLACES + 1)
    more, rows = len(rows) > _PLACES, rows[:_PLACES]
    counts = progress.count_states(g.db, [train.id])[train.id]
    here: dict[str, Any] = {"train_id": train.id, "q": wanted.text or None, **place_parts(wanted)}
    narrowed = {name: value for name, value in place_parts(wanted).items() if name != "state"}
    return render(
        "provider/trains/programs.html", train=train, rows=rows, wanted=wanted, narrowed=narrowed,
        choose_url=selection_url(train, wanted),
        steps=progress.steps_of(g.db, [one.id for one in rows]),
        states={name: _(text) for name, (text, _tone) in words.STATES.items() if counts[name] or name == wanted.state},
        next_url=url_for("provider.list_train_programs", after=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.list_train_programs", **here) if after else "",
    )  # fmt: skip


@provider.get("/train-programs/<uuid:place_id>")
def show_train_program(place_id: UUID) -> ResponseReturnValue:
    """One mini program of a train: a row for each of its steps."""
    train, place = get_train_program(g.db, g.who, place_id)
    steps = progress.steps_of(g.db, [place.id])[place.id]
    rows = [steps[name] for name in TrainStepName if name in steps]
    return render("provider/trains/program.html", train=train, place=place, rows=rows)
