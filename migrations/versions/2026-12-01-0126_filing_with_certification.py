"""Certification and filing in one go: the face check that serves both, and WeChat's procedure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0126"
down_revision = "2026_11_26_2002"

_OLD = "'authority_review', 'cancelling', 'face', 'platform_review', 'sms', 'sms_expired'"
_NEW = "'authority_review', 'cancelling', 'certifying', 'face', 'platform_review', 'sms', 'sms_expired'"


def upgrade() -> None:
    for table, name, kind, filling in (
        ("filings", "face_certifies", sa.Boolean(), "false"),
        ("filings", "face_url", sa.Text(), ""),
        ("filings", "procedure_id", sa.Text(collation="C"), ""),
        ("certifications", "procedure_id", sa.Text(collation="C"), ""),
    ):
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=filling))
        op.alter_column(table, name, server_default=None)
    op.create_index(
        "uq_filings_procedure", "filings", ["procedure_id"], unique=True,
        postgresql_where=sa.text("procedure_id <> ''"),
    )  # fmt: skip
    _watch(_NEW)


def downgrade() -> None:
    _watch(_OLD)
    op.drop_index("uq_filings_procedure", table_name="filings")
    op.drop_column("certifications", "procedure_id")
    for name in ("procedure_id", "face_url", "face_certifies"):
        op.drop_column("filings", name)


def _watch(statuses: str) -> None:
    op.drop_index("ix_filings_watched", table_name="filings")
    op.create_index("ix_filings_watched", "filings", ["id"], postgresql_where=sa.text(f"status in ({statuses})"))
