"""The tenant wall in the database, and that the migrations make what the models say."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

import saas.schema  # noqa: F401
from saas import db as database
from saas import migrate
from saas.config import Settings
from saas.db import Base, platform_session, tenant_session
from saas.embedded import EmbeddedPostgres
from saas.tenants.models import Merchant
from tests.cast import Cast

TENANT_TABLES = sorted(table.name for table in Base.metadata.tables.values() if "provider_id" in table.c)


def test_the_migrations_make_what_the_models_say(installed: Settings) -> None:
    migrate.check()


def test_every_table_forces_row_level_security(installed: Settings, postgres: EmbeddedPostgres) -> None:
    with postgres.superuser("daiban") as connection:
        rows = connection.execute(
            "select relname, relrowsecurity and relforcerowsecurity from pg_class "
            "where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'"
        ).fetchall()
    assert {name for name, forced in rows if not forced} == set()
    assert {name for name, _ in rows} == set(Base.metadata.tables)


@pytest.mark.parametrize("table", [*TENANT_TABLES, "providers", "users", "login_sessions"])
def test_without_a_tenant_the_app_role_sees_nothing(cast: Cast, table: str) -> None:
    with database.engine("tenant").connect() as connection:
        assert connection.execute(text(f'select count(*) from "{table}"')).scalar() == 0


def test_the_app_role_is_neither_owner_nor_above_the_wall(installed: Settings) -> None:
    with database.engine("tenant").connect() as connection:
        row = connection.execute(
            text("select rolsuper or rolbypassrls, current_user from pg_roles where rolname = current_user")
        ).one()
        owner = connection.execute(text("select tableowner from pg_tables where tablename = 'programs'")).scalar()
    assert row[0] is False
    assert owner != row[1]


def test_a_tenant_sees_only_its_own_rows(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        assert [merchant.id for merchant in db.query(Merchant)] == [cast.meis]
        assert db.get(Merchant, cast.mings) is None


def test_a_tenant_cannot_write_rows_of_another(cast: Cast) -> None:
    with pytest.raises(Exception, match="row-level security"), tenant_session(cast.alices) as db:
        db.add(Merchant(provider_id=cast.charlies, name="抢来的"))


def test_the_second_transaction_of_a_session_is_still_held_to_its_tenant(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        database.settle(db)
        assert [merchant.id for merchant in db.query(Merchant)] == [cast.meis]


def test_a_pooled_connection_forgets_its_tenant(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        db.query(Merchant).all()
    with database.engine("tenant").connect() as connection:
        assert connection.execute(text("select current_setting('app.provider_id', true)")).scalar() in (None, "")


def test_the_platform_sees_all(cast: Cast) -> None:
    with platform_session("test") as db:
        assert db.query(Merchant).count() == 2


def test_activities_cannot_be_changed(cast: Cast, postgres: EmbeddedPostgres) -> None:
    from saas.tenants import activity

    with tenant_session(cast.alices) as db:
        activity.record(db, cast.who["alice"], "test.done")
    with postgres.superuser("daiban") as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("delete from activities")
