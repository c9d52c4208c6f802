"""The rows of key and value that fill template variables, as a form."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from flask import request
from flask_babel import gettext
from flask_wtf import FlaskForm

from saas.errors import AppError

SPARE_ROWS = 5


class ValueRows:
    """What is stored, or what was just sent in, with a few empty rows below; a form without JavaScript."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.is_submitted = FlaskForm().is_submitted()
        self.error = ""
        if self.is_submitted:
            sent = zip_longest(request.form.getlist("key"), request.form.getlist("value"), fillvalue="")
            self.pairs = [(key, value) for key, value in sent if key.strip() or value.strip()][:200]
        else:
            self.pairs = [(key, str(value)) for key, value in sorted(stored.items())]

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [*self.pairs, *[("", "")] * SPARE_ROWS]

    def refuse(self, error: AppError) -> None:
        self.error = gettext(error.message, **error.params)
        if error.hint:
            self.error += f" {gettext(error.hint, **error.params)}"
