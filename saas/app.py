"""Puts the parts together."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Blueprint, Flask

import saas.web as web
from saas import db, logs
from saas.components import budgets
from saas.config import Settings, settings
from saas.tenants import keys
from saas.web import brands, callbacks, compressing, errors, health, language, own_host, pages, security, sign_in


def create_app(config: Settings | None = None) -> Flask:
    """The web application, connected to its database; one per process."""
    config = config or settings()
    logs.configure(config)
    db.connect(config)
    keys.install()
    budgets.refuse_unknown_limits(config)
    app = Flask("saas", static_url_path="/static")
    compressing.compress_texts(app)
    security.protect(app, config)
    own_host.receive(app, config)
    language.speak(app)
    sign_in.recognise(app)
    pages.render_with(app, config)
    brands.show_on_pages(app)
    errors.explain(app)
    health.watch(app)
    for blueprint in _blueprints():
        app.register_blueprint(blueprint)
    callbacks.take_pushes(app)
    return app


def _blueprints() -> list[Blueprint]:
    """Every blueprint below `saas.web`; importing a module of screens hangs its views into its blueprint."""
    found: dict[str, Blueprint] = {}
    for module in sorted(pkgutil.walk_packages(web.__path__, "saas.web."), key=lambda info: info.name):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Blueprint):
                found[value.name] = value
    return list(found.values())
