"""Templates: note, default, variables. Phased releases, base libraries and audits in full."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2026_11_26_1946"
down_revision = "2026_11_26_1936"

FILLED = {
    "audits": {"releases_itself": (sa.Boolean, "false")},
    "code_states": {
        "phased_developers": (sa.Boolean, "false"),
        "phased_testers": (sa.Boolean, "false"),
        "minimum_library": (sa.Text, ""),
        "library_shares": (JSONB, "[]"),
    },
    "templates": {"note": (sa.Text, ""), "is_default": (sa.Boolean, "false"), "variables": (JSONB, "[]")},
}
EMPTY = {"audits": ("sped_up_at",), "code_states": ("phased_at", "library_read_at")}


def upgrade() -> None:
    for table, columns in FILLED.items():
        for name, (kind, filling) in columns.items():
            op.add_column(table, sa.Column(name, kind(), nullable=False, server_default=filling))
            op.alter_column(table, name, server_default=None)
    for table, names in EMPTY.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "uq_templates_default", "templates", ["component_id"], unique=True, postgresql_where=sa.text("is_default")
    )


def downgrade() -> None:
    op.drop_index("uq_templates_default", table_name="templates")
    for table, names in EMPTY.items():
        for name in names:
            op.drop_column(table, name)
    for table, columns in FILLED.items():
        for name in columns:
            op.drop_column(table, name)
