"""Reminders of registrations that have no mini program yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0755"
down_revision = "2026_12_01_0750"

_STEP = ["step", "began_at", "stage", "channel"]


def upgrade() -> None:
    op.create_unique_constraint(op.f("uq_registrations_provider_id_id"), "registrations", ["provider_id", "id"])
    op.drop_constraint("uq_reminders_program_id_step_began_at_stage_channel", "reminders", type_="unique")
    op.alter_column("reminders", "program_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("reminders", sa.Column("registration_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_reminders_provider_id_registration_id_registrations"),
        "reminders",
        "registrations",
        ["provider_id", "registration_id"],
        ["provider_id", "id"],
        ondelete="CASCADE",
    )
    op.create_check_constraint(
        op.f("ck_reminders_about_one"), "reminders", "num_nonnulls(program_id, registration_id) = 1"
    )
    op.create_unique_constraint(
        "uq_reminders_once",
        "reminders",
        ["program_id", "registration_id", *_STEP],
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_reminders_registration", "reminders", ["provider_id", "registration_id", "id"], unique=False)


def downgrade() -> None:
    op.execute("delete from reminders where program_id is null")
    op.drop_index("ix_reminders_registration", table_name="reminders")
    op.drop_constraint("uq_reminders_once", "reminders", type_="unique")
    op.drop_constraint("ck_reminders_about_one", "reminders", type_="check")
    op.drop_constraint("fk_reminders_provider_id_registration_id_registrations", "reminders", type_="foreignkey")
    op.drop_column("reminders", "registration_id")
    op.alter_column("reminders", "program_id", existing_type=sa.Uuid(), nullable=False)
    op.create_unique_constraint(
        op.f("uq_reminders_program_id_step_began_at_stage_channel"), "reminders", ["program_id", *_STEP]
    )
    op.drop_constraint("uq_registrations_provider_id_id", "registrations", type_="unique")
