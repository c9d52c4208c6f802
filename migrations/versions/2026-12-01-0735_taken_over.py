"""When an accepted part was taken over; quick lists of parts that wait and of what has no mini program yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0735"
down_revision = "2026_12_01_0726"


def upgrade() -> None:
    op.add_column("onboarding_parts", sa.Column("taken_over_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_onboarding_parts_waiting",
        "onboarding_parts",
        ["provider_id", "handed_in_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'handed_in'"),
    )
    op.create_index(
        "ix_onboardings_unbound",
        "onboardings",
        ["provider_id", "merchant_id"],
        unique=False,
        postgresql_where=sa.text("program_id is null and closed_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_onboardings_unbound", table_name="onboardings")
    op.drop_index("ix_onboarding_parts_waiting", table_name="onboarding_parts")
    op.drop_column("onboarding_parts", "taken_over_at")
