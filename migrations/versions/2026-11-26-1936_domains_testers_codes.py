"""Domains of component apps and mini programs with their check files; testers; codes and links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1936"
down_revision = "2026_11_26_1933"


def upgrade() -> None:
    op.create_table(
        "testers",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("wechat_id_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wechat_id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_testers")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_testers_provider_id_id")),
        sa.UniqueConstraint("provider_id", "wechat_id_hash", name=op.f("uq_testers_provider_id_wechat_id_hash")),
    )
    op.create_index(op.f("ix_testers_provider_id"), "testers", ["provider_id"], unique=False)
    op.create_table(
        "check_files",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_check_files_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_files")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_check_files_owner_id")),
    )
    op.create_index(op.f("ix_check_files_component_id"), "check_files", ["component_id"], unique=False)
    op.create_index("ix_check_files_name", "check_files", ["name"], unique=False)
    op.create_index(op.f("ix_check_files_provider_id"), "check_files", ["provider_id"], unique=False)
    op.create_table(
        "component_domains",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(collation="C"), nullable=False),
        sa.Column("wished", sa.Boolean(), nullable=False),
        sa.Column("testing", sa.Boolean(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_component_domains_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_domains")),
        sa.UniqueConstraint("component_id", "kind", "host", name=op.f("uq_component_domains_component_id_kind_host")),
    )
    op.create_index(op.f("ix_component_domains_component_id"), "component_domains", ["component_id"], unique=False)
    op.create_index("ix_component_domains_host", "component_domains", ["host"], unique=False)
    op.create_index(op.f("ix_component_domains_provider_id"), "component_domains", ["provider_id"], unique=False)
    op.create_table(
        "program_codes",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_codes_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_codes")),
    )
    op.create_index("ix_program_codes_listing", "program_codes", ["program_id", "id"], unique=False)
    op.create_index(op.f("ix_program_codes_provider_id"), "program_codes", ["provider_id"], unique=False)
    op.create_table(
        "program_domains",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(collation="C"), nullable=False),
        sa.Column("wished", sa.Boolean(), nullable=False),
        sa.Column("ways", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("effective", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_domains_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_domains")),
        sa.UniqueConstraint("program_id", "kind", "address", name=op.f("uq_program_domains_program_id_kind_address")),
    )
    op.create_index("ix_program_domains_address", "program_domains", ["address"], unique=False)
    op.create_index(op.f("ix_program_domains_provider_id"), "program_domains", ["provider_id"], unique=False)
    op.create_table(
        "program_testers",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("userstr", sa.Text(collation="C"), nullable=False),
        sa.Column("tester_id", sa.Uuid(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_testers_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "tester_id"],
            ["testers.provider_id", "testers.id"],
            name=op.f("fk_program_testers_provider_id_tester_id_testers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_testers")),
        sa.UniqueConstraint("program_id", "userstr", name=op.f("uq_program_testers_program_id_userstr")),
    )
    op.create_index(op.f("ix_program_testers_provider_id"), "program_testers", ["provider_id"], unique=False)
    op.create_index("ix_program_testers_tester", "program_testers", ["tester_id"], unique=False)
    op.add_column("component_apps", sa.Column("domains_read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("programs", sa.Column("domain_way", sa.Text(), server_default="third", nullable=False))
    op.alter_column("programs", "domain_way", server_default=None)
    op.add_column("programs", sa.Column("domains_read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("programs", sa.Column("testers_read_at", sa.DateTime(timezone=True), nullable=True))
    protect("component_domains", "check_files", "program_domains", "testers", "program_testers", "program_codes")


def downgrade() -> None:
    op.drop_column("programs", "testers_read_at")
    op.drop_column("programs", "domains_read_at")
    op.drop_column("programs", "domain_way")
    op.drop_column("component_apps", "domains_read_at")
    op.drop_index("ix_program_testers_tester", table_name="program_testers")
    op.drop_index(op.f("ix_program_testers_provider_id"), table_name="program_testers")
    op.drop_table("program_testers")
    op.drop_index(op.f("ix_program_domains_provider_id"), table_name="program_domains")
    op.drop_index("ix_program_domains_address", table_name="program_domains")
    op.drop_table("program_domains")
    op.drop_index(op.f("ix_program_codes_provider_id"), table_name="program_codes")
    op.drop_index("ix_program_codes_listing", table_name="program_codes")
    op.drop_table("program_codes")
    op.drop_index(op.f("ix_component_domains_provider_id"), table_name="component_domains")
    op.drop_index("ix_component_domains_host", table_name="component_domains")
    op.drop_index(op.f("ix_component_domains_component_id"), table_name="component_domains")
    op.drop_table("component_domains")
    op.drop_index(op.f("ix_check_files_provider_id"), table_name="check_files")
    op.drop_index("ix_check_files_name", table_name="check_files")
    op.drop_index(op.f("ix_check_files_component_id"), table_name="check_files")
    op.drop_table("check_files")
    op.drop_index(op.f("ix_testers_provider_id"), table_name="testers")
    op.drop_table("testers")
