"""Rejections by reason, those that were set aside, and what a train submits differently the next time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import reaching_all
from saas.wx.reasons import reason_key

revision = "2026_12_01_1232"
down_revision = "2026_12_01_1230"

_SOME = 2000


def upgrade() -> None:
    op.add_column("audits", sa.Column("reason_key", sa.Text(collation="C"), server_default="", nullable=False))
    op.add_column("audits", sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("audits", sa.Column("set_aside_by_name", sa.Text(), server_default="", nullable=False))
    op.add_column("audits", sa.Column("set_aside_note", sa.Text(), server_default="", nullable=False))
    op.add_column("programs", sa.Column("rejected_audit_id", sa.Uuid(), nullable=True))
    op.add_column("programs", sa.Column("reject_key", sa.Text(collation="C"), nullable=True))
    changes = sa.Column("changes", postgresql.JSONB(), server_default=sa.text("\x27{}\x27"), nullable=False)
    op.add_column("train_programs", changes)
    for table, column in (
        ("audits", "reason_key"), ("audits", "set_aside_by_name"), ("audits", "set_aside_note"),
        ("train_programs", "changes"),
    ):  # fmt: skip
        op.alter_column(table, column, server_default=None)
    with reaching_all("audits", "programs"):
        _fill()
    op.create_index(
        "ix_audits_rejected", "audits", ["provider_id", "decided_at", "reason_key"],
        postgresql_where=sa.text("status = \x27rejected\x27"),
    )  # fmt: skip
    op.create_index(
        "ix_programs_rejected", "programs", ["provider_id", "reject_key", "id"],
        postgresql_where=sa.text("rejected_audit_id is not null"),
    )  # fmt: skip
    op.create_index(
        "ix_train_programs_audit", "train_programs", ["audit_id"], postgresql_where=sa.text("audit_id is not null")
    )


def _fill() -> None:
    """Give every rejection so far its reason, and mark the mini programs whose newest one it is."""
    connection = op.get_bind()
    told = sa.text(
        "select audits.id, reason, name, company_name, appid from audits join programs on programs.id = program_id"
        " where status = \x27rejected\x27 and audits.id > :after order by audits.id limit :some"
    )
    writing = sa.text("update audits set reason_key = :key where id = :id")
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(told, {"after": after, "some": _SOME}).all():
        keys = [{"id": row.id, "key": reason_key(row.reason, row[2:])} for row in rows]
        connection.execute(writing, keys)
        after = str(rows[-1].id)
    connection.execute(
        sa.text(
            "update programs set rejected_audit_id = newest.id, reject_key = newest.reason_key from"
            " (select distinct on (program_id) program_id, id, status, reason_key from audits"
            "  where status <> \x27failed\x27 order by program_id, id desc) newest"
            " where newest.program_id = programs.id and newest.status = \x27rejected\x27"
        )
    )


def downgrade() -> None:
    op.drop_index("ix_train_programs_audit", table_name="train_programs")
    op.drop_index("ix_programs_rejected", table_name="programs")
    op.drop_index("ix_audits_rejected", table_name="audits")
    op.drop_column("train_programs", "changes")
    for column in ("reject_key", "rejected_audit_id"):
        op.drop_column("programs", column)
    for column in ("set_aside_note", "set_aside_by_name", "set_aside_at", "reason_key"):
        op.drop_column("audits", column)
