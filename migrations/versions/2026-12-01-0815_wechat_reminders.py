"""Reminders as template messages of a provider's own service account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_0815"
down_revision = "2026_12_01_0755"


def upgrade() -> None:
    op.add_column("wechat_sign_ins", sa.Column("account_token_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("wechat_sign_ins", sa.Column("account_token_ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("wechat_sign_ins", sa.Column("reminder_template", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "wechat_sign_ins",
        sa.Column("reminder_fields", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.create_table(
        "wechat_messages",
        sa.Column("about_id", sa.Uuid(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_messages")),
    )
    op.create_index("ix_wechat_messages_about", "wechat_messages", ["about_id"], unique=False)
    op.create_index(
        "ix_wechat_messages_failed",
        "wechat_messages",
        ["provider_id", "id"],
        unique=False,
        postgresql_where=sa.text("errcode is not null"),
    )
    op.create_index(op.f("ix_wechat_messages_provider_id"), "wechat_messages", ["provider_id"], unique=False)
    protect("wechat_messages")


def downgrade() -> None:
    op.drop_table("wechat_messages")
    for name in ("reminder_fields", "reminder_template", "account_token_ends_at", "account_token_sealed"):
        op.drop_column("wechat_sign_ins", name)
