"""Through whom a component app asks: those that let us manage their code, and that WeChat does not hold."""

from __future__ import annotations

from saas.components.access import load_component
from saas.programs.asking import who_may_ask
from saas.programs.models import AuthorizationStatus
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture


def test_only_those_are_asked_that_may(yard: Yard) -> None:  # noqa: F811
    yard.programs(1, appid="wxgood", permission_sets=[17, 18])
    yard.programs(1, appid="wxunread")
    yard.programs(1, appid="wxlacks", permission_sets=[17])
    yard.programs(1, appid="wxfrozen", permission_sets=[18], account_status=19)
    yard.programs(1, appid="wxgone", permission_sets=[18], authorization=AuthorizationStatus.UNAUTHORIZED)
    with yard.session() as db:
        assert who_may_ask(db, load_component(db, yard.component_id)) == ["wxgood"]
