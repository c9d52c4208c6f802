"""Budgets by limit: action and window become one name, and WeChat's own amount is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_1920"
down_revision = "2026_11_26_1912"

_OLD = "uq_budgets_component_id_appid_action_window_starts_on"
_NEW = "uq_budgets_component_id_owner_name_starts_on"


def upgrade() -> None:
    op.drop_constraint(op.f(_OLD), "budgets", type_="unique")
    op.alter_column("budgets", "appid", new_column_name="owner")
    op.alter_column("budgets", "action", new_column_name="name")
    op.execute("update budgets set name = name || '_' || \"window\"")
    op.drop_column("budgets", "window")
    op.add_column("budgets", sa.Column("told", sa.Integer(), nullable=True))
    op.create_unique_constraint(op.f(_NEW), "budgets", ["component_id", "owner", "name", "starts_on"])


def downgrade() -> None:
    op.drop_constraint(op.f(_NEW), "budgets", type_="unique")
    op.execute("delete from budgets where name not in ('undo_audit_day', 'undo_audit_month')")
    op.drop_column("budgets", "told")
    op.add_column("budgets", sa.Column("window", sa.Text(), nullable=True))
    op.execute("update budgets set \"window\" = substring(name from '[a-z]+$'), name = 'undo_audit'")
    op.alter_column("budgets", "window", nullable=False)
    op.alter_column("budgets", "name", new_column_name="action")
    op.alter_column("budgets", "owner", new_column_name="appid")
    op.create_unique_constraint(op.f(_OLD), "budgets", ["component_id", "appid", "action", "window", "starts_on"])
