"""Links that let merchants in, what they hand in and are told; sign-in by number and by WeChat; a provider's looks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import platform_only, protect

revision = "2026_12_01_0148"
down_revision = "2026_12_01_0140"


def upgrade() -> None:
    op.create_table(
        "outgoing_texts",
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_texts")),
    )
    op.create_table(
        "sign_in_codes",
        sa.Column("to_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_codes")),
    )
    op.create_index("ix_sign_in_codes_to", "sign_in_codes", ["to_hash", "id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("union", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_identities_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index("ix_identities_union", "identities", ["union"], unique=False)
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"], unique=False)
    op.create_table(
        "wechat_sign_ins",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("site_appid", sa.Text(), nullable=False),
        sa.Column("site_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("account_appid", sa.Text(), nullable=False),
        sa.Column("account_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_wechat_sign_ins_provider_id_providers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_sign_ins")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_wechat_sign_ins_provider_id")),
    )
    op.create_table(
        "data_requests",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_data_requests_provider_id_merchant_id_merchants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_requests")),
    )
    op.create_index(op.f("ix_data_requests_provider_id"), "data_requests", ["provider_id"], unique=False)
    op.create_index(
        "uq_data_requests_open",
        "data_requests",
        ["merchant_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "entry_links",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("for_many", sa.Boolean(), nullable=False),
        sa.Column("program_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("authorize", sa.Boolean(), nullable=False),
        sa.Column("parts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("sent_to", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_count", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_entry_links_provider_id_merchant_id_merchants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_links")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_entry_links_provider_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_entry_links_token_hash")),
    )
    op.create_index("ix_entry_links_merchant", "entry_links", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index(op.f("ix_entry_links_provider_id"), "entry_links", ["provider_id"], unique=False)
    op.create_table(
        "entries",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "link_id"],
            ["entry_links.provider_id", "entry_links.id"],
            name=op.f("fk_entries_provider_id_link_id_entry_links"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_entries_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("link_id", "user_id", name=op.f("uq_entries_link_id_user_id")),
    )
    op.create_index(op.f("ix_entries_provider_id"), "entries", ["provider_id"], unique=False)
    op.create_index(op.f("ix_entries_user_id"), "entries", ["user_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_notices_provider_id_merchant_id_merchants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_notices_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("merchant_id", "key", name=op.f("uq_notices_merchant_id_key")),
    )
    op.create_index("ix_notices_listing", "notices", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index(op.f("ix_notices_provider_id"), "notices", ["provider_id"], unique=False)
    op.create_table(
        "onboardings",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_onboardings_provider_id_merchant_id_merchants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_onboardings_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboardings")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_onboardings_provider_id_id")),
    )
    op.create_index("ix_onboardings_merchant", "onboardings", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index(op.f("ix_onboardings_provider_id"), "onboardings", ["provider_id"], unique=False)
    op.create_index(
        "uq_onboardings_open",
        "onboardings",
        ["program_id"],
        unique=True,
        postgresql_where=sa.text("program_id is not null and closed_at is null"),
    )
    op.create_table(
        "reminders",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("sent_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_reminders_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "program_id",
            "step",
            "began_at",
            "stage",
            "channel",
            name=op.f("uq_reminders_program_id_step_began_at_stage_channel"),
        ),
    )
    op.create_index("ix_reminders_program", "reminders", ["provider_id", "program_id", "id"], unique=False)
    op.create_index(op.f("ix_reminders_provider_id"), "reminders", ["provider_id"], unique=False)
    op.create_table(
        "onboarding_parts",
        sa.Column("onboarding_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("data_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("comments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_in_by", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "onboarding_id"],
            ["onboardings.provider_id", "onboardings.id"],
            name=op.f("fk_onboarding_parts_provider_id_onboarding_id_onboardings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboarding_parts")),
        sa.UniqueConstraint("onboarding_id", "key", name=op.f("uq_onboarding_parts_onboarding_id_key")),
    )
    op.create_index(op.f("ix_onboarding_parts_provider_id"), "onboarding_parts", ["provider_id"], unique=False)
    op.add_column("merchant_memberships", sa.Column("notices_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("providers", sa.Column("brand_name", sa.Text(), server_default="", nullable=False))
    op.add_column("providers", sa.Column("brand_colour", sa.Text(), server_default="", nullable=False))
    op.add_column("providers", sa.Column("brand_contact", sa.Text(), server_default="", nullable=False))
    op.add_column("providers", sa.Column("brand_logo_file_id", sa.Uuid(), nullable=True))
    op.add_column("providers", sa.Column("host_name", sa.Text(), nullable=True))
    op.add_column("providers", sa.Column("host_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("providers", sa.Column("host_problem", sa.Text(), server_default="", nullable=False))
    op.create_unique_constraint(op.f("uq_providers_host_name"), "providers", ["host_name"])
    op.add_column("users", sa.Column("phone_hash", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("phone_box", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint(op.f("uq_users_phone_hash"), "users", ["phone_hash"])
    op.drop_index("uq_users_email", table_name="users")
    op.create_index(
        "uq_users_email", "users", [sa.text("lower(email)")], unique=True, postgresql_where=sa.text("email <> ''")
    )
    protect(
        "data_requests",
        "entries",
        "entry_links",
        "notices",
        "onboarding_parts",
        "onboardings",
        "outgoing_texts",
        "reminders",
        "wechat_sign_ins",
    )
    platform_only("identities", "sign_in_codes")
