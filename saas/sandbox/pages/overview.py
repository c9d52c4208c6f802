"""The first page, what was pushed, pictures, and the clock."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import pushes
from saas.sandbox.people import get_account
from saas.sandbox.pictures import avatar_png, paper_png, qr_png
from saas.sandbox.state import one, rows, scalar
from saas.sandbox.world import here

pages = Blueprint("overview", __name__)
_STEPS = (("一小时", 3600), ("一天", 86400), ("三天", 3 * 86400), ("三十天", 30 * 86400))


@pages.get("/")
def index() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        numbers = {
            name: scalar(db, f"select count(*) from {name}") for name in ("component", "person", "account", "mistake")
        }
        numbers["open_audits"] = scalar(db, "select count(*) from audit where status in (2, 4)")
        numbers["open_names"] = scalar(db, "select count(*) from name_change where status = 1")
        waiting = "select count(*) from application where status in ('waiting', 'confirmed')"
        numbers["open_applications"] = scalar(db, waiting)
        numbers["open_certifications"] = scalar(db, "select count(*) from certification where apply_status = 2")
        numbers["open_filings"] = scalar(db, "select count(*) from filing where status in (2, 4)")
        numbers["open_categories"] = scalar(db, "select count(*) from category_review where status = 1")
        numbers["failed_pushes"] = scalar(db, "select count(*) from push where state = 'failed'")
    return render_template(
        "index.html", numbers=numbers, now=world.now(), offset=world.clock.offset, steps=_STEPS,
        said=request.args.get("said", ""),
    )  # fmt: skip


@pages.post("/clock")
def move_clock() -> ResponseReturnValue:
    world = here()
    if request.form.get("reset"):
        world.clock.reset()
    else:
        world.clock.move(float(request.form["seconds"]))
    world.pusher.wake()
    return redirect(url_for("overview.index", said="时钟已拨动"), 303)


@pages.get("/pushes")
def list_pushes() -> ResponseReturnValue:
    with here().state.turn() as db:
        component, name = request.args.get("component", ""), request.args.get("name", "")
        found = pushes.list_pushes(db, component=component, name=name)
    return render_template("pushes.html", pushes=found, said=request.args.get("said", ""))


@pages.get("/pushes/<int:push_id>")
def show_push(push_id: int) -> ResponseReturnValue:
    with here().state.turn() as db:
        push = one(db, "select * from push where id = ?", push_id)
        deliveries = rows(db, "select * from delivery where push = ? order by id", push_id)
    if push is None:
        abort(404)
    return render_template("push.html", push=push, deliveries=deliveries)


@pages.post("/pushes/<int:push_id>/repeat")
def repeat_push(push_id: int) -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        pushes.repeat_push(db, push_id, forged=bool(request.form.get("forged")))
    world.pusher.wake()
    return redirect(url_for("overview.list_pushes", said="已再次推送"), 303)


@pages.get("/avatar/<appid>.png")
def avatar(appid: str) -> ResponseReturnValue:
    with here().state.turn() as db:
        account = get_account(db, appid)
        given = one(db, "select content from avatar where account = ?", appid)
    if account is None:
        abort(404)
    content = given["content"] if given else avatar_png(account["hue"])
    return Response(content, content_type="image/png", headers={"Cache-Control": "max-age=60"})


@pages.get("/desk/papers/<media_id>")
@pages.get("/media/<media_id>.mp4")
def paper(media_id: str) -> ResponseReturnValue:
    """A file that was uploaded: a paper that a reviewer looks at, a video that the API gives by its address."""
    with here().state.turn() as db:
        media = one(db, "select content, content_type from media where id = ?", media_id)
    if media is None:
        abort(404)
    return Response(media["content"], content_type=media["content_type"])


@pages.get("/samples/paper.png")
def sample_paper() -> ResponseReturnValue:
    """What a paper of a category looks like."""
    return Response(paper_png(), content_type="image/png")


@pages.get("/qr/<appid>.png")
def account_qr(appid: str) -> ResponseReturnValue:
    return Response(qr_png(f"{here().public_url}/trial/{appid}"), content_type="image/png")


@pages.get("/trial/<appid>")
def trial(appid: str) -> ResponseReturnValue:
    """What a phone shows after scanning the code of the trial version."""
    with here().state.turn() as db:
        account = get_account(db, appid)
        version = one(db, "select * from trial where account = ?", appid)
    if account is None:
        abort(404)
    return render_template("trial.html", account=account, version=version, path=request.args.get("path", ""))


@pages.get("/healthz")
def healthz() -> ResponseReturnValue:
    with here().state.turn() as db:
        scalar(db, "select 1")
    return {"ok": True}
