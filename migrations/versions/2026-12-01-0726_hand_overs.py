"""Sign-ins that go on from the platform's address to a provider's own host."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.rls import platform_only

revision = "2026_12_01_0726"
down_revision = "2026_12_01_0720"


def upgrade() -> None:
    op.add_column("login_sessions", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_login_sessions_parent_id"), "login_sessions", ["parent_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_login_sessions_parent_id_login_sessions"),
        "login_sessions",
        "login_sessions",
        ["parent_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_table(
        "hand_overs",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("asker_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["login_sessions.id"],
            name=op.f("fk_hand_overs_session_id_login_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_overs")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_hand_overs_token_hash")),
    )
    op.create_index(op.f("ix_hand_overs_session_id"), "hand_overs", ["session_id"], unique=False)
    platform_only("hand_overs")


def downgrade() -> None:
    op.drop_table("hand_overs")
    op.drop_column("login_sessions", "parent_id")
