"""Which page of a form saved each field last, so that a page does not quarrel with itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_12_01_0710"
down_revision = "2026_12_01_0704"


def upgrade() -> None:
    op.add_column(
        "onboarding_parts",
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.alter_column("onboarding_parts", "changes", server_default=None)


def downgrade() -> None:
    op.drop_column("onboarding_parts", "changes")
