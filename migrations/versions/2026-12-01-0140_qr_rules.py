"""Rules by which ordinary QR codes and links open a mini program."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_0140"
down_revision = "2026_12_01_0126"


def upgrade() -> None:
    op.create_table(
        "program_qr_rules",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hosts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_content", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_qr_rules_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_qr_rules")),
        sa.UniqueConstraint("program_id", name=op.f("uq_program_qr_rules_program_id")),
    )
    op.create_index("ix_program_qr_rules_file", "program_qr_rules", ["file_name"], unique=False)
    op.create_index(op.f("ix_program_qr_rules_provider_id"), "program_qr_rules", ["provider_id"], unique=False)
    protect("program_qr_rules")


def downgrade() -> None:
    op.drop_table("program_qr_rules")
