"""Finding mini programs: owner, tags, fragments of names, saved filters; and the legal person of merchants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1931"
down_revision = "2026_11_26_1920"


def upgrade() -> None:
    op.create_table(
        "saved_filters",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("provider_id", "user_id", "name", name=op.f("uq_saved_filters_provider_id_user_id_name")),
    )
    op.create_index(op.f("ix_saved_filters_provider_id"), "saved_filters", ["provider_id"], unique=False)
    op.create_table(
        "program_grams",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("gram", sa.Text(collation="C"), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_grams_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("program_id", "gram", name=op.f("pk_program_grams")),
    )
    op.create_index("ix_program_grams_gram", "program_grams", ["provider_id", "gram", "program_id"], unique=False)
    op.create_table(
        "program_tags",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_tags_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("program_id", "tag", name=op.f("pk_program_tags")),
    )
    op.create_index("ix_program_tags_tag", "program_tags", ["provider_id", "tag", "program_id"], unique=False)
    op.add_column("merchants", sa.Column("company_code_type", sa.Integer(), nullable=True))
    op.add_column("merchants", sa.Column("legal_name_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("merchants", sa.Column("legal_wechat_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("programs", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.add_column("programs", sa.Column("search_text", sa.Text(), server_default="", nullable=False))
    op.drop_index(op.f("ix_programs_merchant"), table_name="programs")
    op.create_index("ix_programs_merchant", "programs", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index("ix_programs_appid", "programs", ["provider_id", "appid"], unique=False)
    op.create_index("ix_programs_owner", "programs", ["provider_id", "owner_id", "id"], unique=False)
    op.alter_column("programs", "search_text", server_default=None)
    op.alter_column("programs", "appid", type_=sa.Text(collation="C"))
    protect("saved_filters", "program_grams", "program_tags")


def downgrade() -> None:
    op.drop_index("ix_programs_owner", table_name="programs")
    op.drop_index("ix_programs_appid", table_name="programs")
    op.drop_index("ix_programs_merchant", table_name="programs")
    op.create_index("ix_programs_merchant", "programs", ["provider_id", "merchant_id"])
    op.drop_column("programs", "search_text")
    op.drop_column("programs", "owner_id")
    for column in ("legal_wechat_sealed", "legal_name_sealed", "company_code_type"):
        op.drop_column("merchants", column)
    for table in ("program_tags", "program_grams", "saved_filters"):
        op.drop_table(table)
