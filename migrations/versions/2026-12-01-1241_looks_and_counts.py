"""What is asked about at WeChat and when next, and what calls and quotas come to on each day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_1241"
down_revision = "2026_12_01_1237"

_GONE = (
    "jobs.programs.watch_name", "jobs.programs.watch_registration", "jobs.programs.watch_categories",
    "jobs.programs.watch_privacy", "jobs.programs.watch_order_page", "jobs.filings.watch", "jobs.certifications.watch",
    "jobs.releases.watch_audit", "jobs.releases.check_audit",
)  # fmt: skip
"""Their work goes on with `looks`, where the net finds what is pending."""


def _own() -> list[sa.Column[object]]:
    return [
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _component_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["provider_id", "component_id"],
        ["component_apps.provider_id", "component_apps.id"],
        name=op.f(f"fk_{table}_provider_id_component_id_component_apps"),
        ondelete="CASCADE",
    )


def _counts() -> list[sa.Column[object]]:
    numbers = ("calls", "failed", "polling", "upkeep")
    return [
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in numbers),
        sa.Column("operations", postgresql.JSONB(), nullable=False),
    ]


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("rhythm", sa.Text(), nullable=False),
        _at("since"),
        _at("until"),
        _at("due_at", nullable=False),
        sa.Column("hurried", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _at("looked_at"),
        *_own(),
        _component_key("looks"),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_looks_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
        sa.UniqueConstraint("kind", "subject_id", name=op.f("uq_looks_kind_subject_id")),
    )
    op.create_index("ix_looks_due", "looks", ["component_id", "due_at"], unique=False)
    op.create_index(
        "ix_looks_hurried",
        "looks",
        ["component_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("hurried > 0"),
    )
    op.create_index("ix_looks_program", "looks", ["program_id"], unique=False)
    op.create_table(
        "program_call_days",
        sa.Column("appid", sa.Text(), nullable=False),
        *_counts(),
        *_own(),
        _component_key("program_call_days"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_call_days")),
        sa.UniqueConstraint("component_id", "appid", "day", name=op.f("uq_program_call_days_component_id_appid_day")),
    )
    op.create_table(
        "component_call_days",
        sa.Column("programs", sa.Integer(), nullable=False),
        *_counts(),
        *_own(),
        _component_key("component_call_days"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_call_days")),
        sa.UniqueConstraint("component_id", "day", name=op.f("uq_component_call_days_component_id_day")),
    )
    op.create_table(
        "quota_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("audit_rest", sa.Integer(), nullable=False),
        sa.Column("audit_limit", sa.Integer(), nullable=False),
        sa.Column("speedup_rest", sa.Integer(), nullable=True),
        sa.Column("speedup_limit", sa.Integer(), nullable=True),
        _at("read_at", nullable=False),
        *_own(),
        _component_key("quota_days"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_days")),
        sa.UniqueConstraint("component_id", "day", name=op.f("uq_quota_days_component_id_day")),
    )
    tables = ("looks", "program_call_days", "component_call_days", "quota_days")
    for table in tables:
        op.create_index(op.f(f"ix_{table}_provider_id"), table, ["provider_id"], unique=False)
    protect(*tables)
    op.add_column("wechat_calls", sa.Column("origin", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_wechat_calls_component", "wechat_calls", ["component_id", "created_at"], unique=False)
    op.drop_index("ix_wechat_calls_component_id", table_name="wechat_calls")
    names = ", ".join(f"'{name}'" for name in _GONE)
    op.execute(f"delete from jobs where name in ({names}) and status in ('queued', 'running')")


def downgrade() -> None:
    op.create_index("ix_wechat_calls_component_id", "wechat_calls", ["component_id"], unique=False)
    op.drop_index("ix_wechat_calls_component", table_name="wechat_calls")
    op.drop_column("wechat_calls", "origin")
    for table in ("quota_days", "component_call_days", "program_call_days", "looks"):
        op.drop_table(table)
