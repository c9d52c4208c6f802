"""How each mini program stands: its steps, and the summary of them in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1912"
down_revision = "2026_11_26_1910"


def upgrade() -> None:
    op.create_table(
        "program_steps",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("turn", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_steps_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_steps")),
        sa.UniqueConstraint("program_id", "step", name=op.f("uq_program_steps_program_id_step")),
    )
    op.create_index(op.f("ix_program_steps_provider_id"), "program_steps", ["provider_id"], unique=False)
    op.create_index(
        "ix_program_steps_word", "program_steps", ["provider_id", "step", "word", "program_id"], unique=False
    )
    op.add_column("programs", sa.Column("stage", sa.Text(), server_default="no_code", nullable=False))
    op.add_column("programs", sa.Column("turn", sa.Text(), server_default="provider", nullable=False))
    op.add_column("programs", sa.Column("stage_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("programs", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("programs", sa.Column("trial_version", sa.Text(), server_default="", nullable=False))
    op.add_column("programs", sa.Column("trial_version_key", sa.Text(collation="C"), server_default="", nullable=False))
    op.add_column("programs", sa.Column("trial_template", sa.Integer(), nullable=True))
    op.add_column("programs", sa.Column("online_version", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "programs", sa.Column("online_version_key", sa.Text(collation="C"), server_default="", nullable=False)
    )
    op.add_column("programs", sa.Column("online_template", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("uq_programs_component_id_appid"), "programs", type_="unique")
    op.create_index("ix_programs_online", "programs", ["provider_id", "online_version_key", "id"], unique=False)
    op.create_index("ix_programs_stage", "programs", ["provider_id", "stage", "id"], unique=False)
    op.create_index("ix_programs_turn", "programs", ["provider_id", "turn", "id"], unique=False)
    op.create_index(
        "uq_programs_appid", "programs", ["component_id", "appid"], unique=True, postgresql_where=sa.text("appid <> ''")
    )
    for column in ("stage", "turn", "trial_version", "trial_version_key", "online_version", "online_version_key"):
        op.alter_column("programs", column, server_default=None)
    protect("program_steps")


def downgrade() -> None:
    op.drop_index("uq_programs_appid", table_name="programs")
    op.create_unique_constraint("uq_programs_component_id_appid", "programs", ["component_id", "appid"])
    for column in (
        "stage", "turn", "stage_since", "due_at", "trial_version", "trial_version_key", "trial_template",
        "online_version", "online_version_key", "online_template",
    ):  # fmt: skip
        op.drop_column("programs", column)
    op.drop_table("program_steps")
