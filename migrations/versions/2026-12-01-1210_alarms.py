"""Alarms, the channels on which people hear of them, and who was told of what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_1210"
down_revision = "2026_12_01_0815"


def _own() -> list[sa.Column[object]]:
    return [
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        _at("last_seen_at", nullable=False),
        _at("cleared_at"),
        *_own(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_alarms_provider_id_id")),
    )
    op.create_index(
        "uq_alarms_open",
        "alarms",
        ["provider_id", "kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("cleared_at is null"),
    )
    op.create_table(
        "alarm_channels",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("member_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("alarm_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("only_urgent", sa.Boolean(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("quiet_for_all", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        _at("paused_at"),
        *_own(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_channels")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_alarm_channels_provider_id_id")),
    )
    op.create_table(
        "alarm_messages",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        _at("sent_at"),
        *_own(),
        sa.ForeignKeyConstraint(
            ["provider_id", "channel_id"],
            ["alarm_channels.provider_id", "alarm_channels.id"],
            name=op.f("fk_alarm_messages_provider_id_channel_id_alarm_channels"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_messages")),
    )
    op.create_index("ix_alarm_messages_newest", "alarm_messages", ["channel_id", "id"], unique=False)
    op.create_table(
        "alarm_tellings",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        _at("told_at", nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        _at("remind_at"),
        _at("received_at"),
        _at("over_at"),
        *_own(),
        sa.ForeignKeyConstraint(
            ["provider_id", "alarm_id"],
            ["alarms.provider_id", "alarms.id"],
            name=op.f("fk_alarm_tellings_provider_id_alarm_id_alarms"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "channel_id"],
            ["alarm_channels.provider_id", "alarm_channels.id"],
            name=op.f("fk_alarm_tellings_provider_id_channel_id_alarm_channels"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_tellings")),
        sa.UniqueConstraint("channel_id", "alarm_id", name=op.f("uq_alarm_tellings_channel_id_alarm_id")),
    )
    op.create_index("ix_alarm_tellings_alarm", "alarm_tellings", ["alarm_id"], unique=False)
    op.create_index("ix_alarm_tellings_message", "alarm_tellings", ["message_id"], unique=False)
    op.create_index(
        "ix_alarm_tellings_due",
        "alarm_tellings",
        ["remind_at"],
        unique=False,
        postgresql_where=sa.text("over_at is null"),
    )
    op.create_index(
        "ix_alarm_tellings_open",
        "alarm_tellings",
        ["channel_id", "kind", "told_at"],
        unique=False,
        postgresql_where=sa.text("over_at is null"),
    )
    for table in ("alarms", "alarm_channels", "alarm_messages", "alarm_tellings"):
        op.create_index(op.f(f"ix_{table}_provider_id"), table, ["provider_id"], unique=False)
    protect("alarms", "alarm_channels", "alarm_messages", "alarm_tellings")


def downgrade() -> None:
    for table in ("alarm_tellings", "alarm_messages", "alarm_channels", "alarms"):
        op.drop_table(table)
