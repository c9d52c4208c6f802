"""An index by which the workers let providers take turns: the first due jobs of each, lane by lane."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1303"
down_revision = "2026_12_01_1250"


def upgrade() -> None:
    op.create_index(
        "ix_jobs_turns",
        "jobs",
        ["lane", sa.text("coalesce(provider_id, '00000000-0000-0000-0000-000000000000'::uuid)"), "run_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
