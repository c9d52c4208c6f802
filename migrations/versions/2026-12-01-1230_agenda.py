"""The to-do board, the violation watch and the calendar: snoozes, penalties, shut accounts, dates and their notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_1230"
down_revision = "2026_12_01_1220"

_TABLES = (
    "program_snoozes", "violations", "violation_watches", "shuttings", "done_marks", "own_dates", "calendar_feeds",
    "deadline_settings", "deadline_notices",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "program_snoozes",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_snoozes_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_snoozes")),
        sa.UniqueConstraint("program_id", name=op.f("uq_program_snoozes_program_id")),
    )
    op.create_index(op.f("ix_program_snoozes_provider_id"), "program_snoozes", ["provider_id"], unique=False)
    op.create_index("ix_program_snoozes_until", "program_snoozes", ["provider_id", "until"], unique=False)
    op.create_table(
        "violations",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("rule_name", sa.Text(), nullable=False),
        sa.Column("rule_url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("appeals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_violations_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violations")),
        sa.UniqueConstraint("program_id", "record_id", name=op.f("uq_violations_program_id_record_id")),
    )
    op.create_index("ix_violations_listing", "violations", ["provider_id", "happened_at", "id"], unique=False)
    op.create_index(op.f("ix_violations_provider_id"), "violations", ["provider_id"], unique=False)
    op.create_index("ix_violations_state", "violations", ["provider_id", "state", "happened_at", "id"], unique=False)
    op.create_table(
        "violation_watches",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_violation_watches_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violation_watches")),
        sa.UniqueConstraint("program_id", name=op.f("uq_violation_watches_program_id")),
    )
    op.create_index(op.f("ix_violation_watches_provider_id"), "violation_watches", ["provider_id"], unique=False)
    op.create_table(
        "shuttings",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_status", sa.SmallInteger(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_shuttings_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shuttings")),
    )
    op.create_index(
        "ix_shuttings_listing",
        "shuttings",
        ["provider_id", "since", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(op.f("ix_shuttings_provider_id"), "shuttings", ["provider_id"], unique=False)
    op.create_index(
        "uq_shuttings_open",
        "shuttings",
        ["program_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "done_marks",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_done_marks")),
        sa.UniqueConstraint(
            "provider_id", "kind", "subject_id", name=op.f("uq_done_marks_provider_id_kind_subject_id")
        ),
    )
    op.create_index(op.f("ix_done_marks_provider_id"), "done_marks", ["provider_id"], unique=False)
    op.create_table(
        "own_dates",
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_own_dates_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_dates")),
    )
    op.create_index("ix_own_dates_day", "own_dates", ["provider_id", "day", "id"], unique=False)
    op.create_index("ix_own_dates_program", "own_dates", ["program_id"], unique=False)
    op.create_index(op.f("ix_own_dates_provider_id"), "own_dates", ["provider_id"], unique=False)
    op.create_table(
        "calendar_feeds",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feeds_token_hash")),
    )
    op.create_index(op.f("ix_calendar_feeds_provider_id"), "calendar_feeds", ["provider_id"], unique=False)
    op.create_index(
        "uq_calendar_feeds_open",
        "calendar_feeds",
        ["provider_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at is null"),
    )
    op.create_table(
        "deadline_settings",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_settings")),
        sa.UniqueConstraint("provider_id", "kind", name=op.f("uq_deadline_settings_provider_id_kind")),
    )
    op.create_index(op.f("ix_deadline_settings_provider_id"), "deadline_settings", ["provider_id"], unique=False)
    op.create_table(
        "deadline_notices",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_notices")),
        sa.UniqueConstraint(
            "provider_id", "kind", "subject_id", name=op.f("uq_deadline_notices_provider_id_kind_subject_id")
        ),
    )
    op.create_index(op.f("ix_deadline_notices_provider_id"), "deadline_notices", ["provider_id"], unique=False)
    op.create_index(
        "ix_programs_todo",
        "programs",
        ["provider_id", "turn", "stage", "due_at", "id"],
        unique=False,
        postgresql_include=["owner_id"],
    )
    op.create_index(
        "ix_programs_todo_owner",
        "programs",
        ["provider_id", "turn", "owner_id", "due_at", "id"],
        unique=False,
        postgresql_include=["stage"],
    )
    op.create_index(
        "ix_program_steps_due",
        "program_steps",
        ["provider_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("due_at is not null"),
    )
    protect(*_TABLES)


def downgrade() -> None:
    op.drop_index("ix_program_steps_due", table_name="program_steps")
    op.drop_index("ix_programs_todo_owner", table_name="programs")
    op.drop_index("ix_programs_todo", table_name="programs")
    for table in reversed(_TABLES):
        op.drop_table(table)
