"""Values that the template wants: who lacks which, and filling them in for many at a time."""

from __future__ import annotations

from typing import Any

from saas.programs.models import Program
from saas.trains import drafts, values
from saas.trains.access import load_train
from saas.trains.models import Train
from tests.trains.conftest import Yard


def lacking(yard: Yard, train: Train, **given: Any) -> list[tuple[Any, list[str]]]:
    with yard.session() as db:
        rows, _ = values.lacking(db, load_train(db, train.id), **given)
        return [(one.program.id, [variable.key for variable in one.variables]) for one in rows]


def test_those_left_out_are_listed_with_what_they_lack_and_go_once_it_is_there(yard: Yard) -> None:
    yard.template(ext_json='{"ext": {"shop": "${shop}", "tel": "${tel}"}}')
    half, none, whole = (
        yard.programs(1, ext_values=one)[0] for one in ({"shop": "梅记"}, {}, {"shop": "1", "tel": "2"})
    )
    train = yard.plan([half, none, whole])
    assert sorted(lacking(yard, train)) == sorted([(half, ["tel"]), (none, ["shop", "tel"])])
    typed = {str(half): {"tel": "123", "shop": "别动"}, str(none): {"shop": " ", "tel": ""}, str(whole): {"tel": "9"}}
    with yard.session() as db:
        rows, _ = values.lacking(db, load_train(db, train.id))
        assert values.fill(db, rows, typed, who=yard.alice) == 1
    with yard.session() as db:
        assert db.get_one(Program, half).ext_values == {"shop": "梅记", "tel": "123"}
        assert db.get_one(Program, whole).ext_values == {"shop": "1", "tel": "2"}
    assert yard.steer(drafts.look_again, train) == 2
    assert lacking(yard, train) == [(none, ["shop", "tel"])]


def test_they_come_a_page_at_a_time(yard: Yard) -> None:
    yard.template(ext_json='{"ext": {"shop": "${shop}"}}')
    train = yard.plan(yard.programs(3))
    with yard.session() as db:
        rows, following = values.lacking(db, load_train(db, train.id), limit=2)
        assert len(rows) == 2
        rest, end = values.lacking(db, load_train(db, train.id), after=following, limit=2)
        assert (len(rest), end) == (1, None)
