"""The tenant wall in the database: row-level security, enabled and forced, on every table with a `provider_id`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

_TENANT = "(select nullif(current_setting('app.provider_id', true), '')::uuid)"


def protect(*tables: str, column: str = "provider_id") -> None:
    """Let the app role see and write only rows of the provider named by the transaction; without one, none at all."""
    for table in tables:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy tenant on {table} using ({column} = {_TENANT}) with check ({column} = {_TENANT})")


def platform_only(*tables: str) -> None:
    """Keep the app role out of tables that only the platform login may touch (people's secrets, outgoing mail)."""
    for table in tables:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")


@contextmanager
def reaching_all(*tables: str) -> Iterator[None]:
    """Let a migration read and change the rows of every provider meanwhile: the wall holds back the owner, too."""
    for table in tables:
        op.execute(f"alter table {table} no force row level security")
    yield
    for table in tables:
        op.execute(f"alter table {table} force row level security")


def append_only(table: str) -> None:
    """Refuse to change or remove rows, whoever asks; only dropping the whole provider removes them."""
    op.execute(
        f"""
        create function {table}_append_only() returns trigger language plpgsql as $$
        begin
            raise exception '{table} is append-only';
        end $$
        """
    )
    op.execute(
        f"create trigger {table}_append_only before update or delete on {table} "
        f"for each row execute function {table}_append_only()"
    )
