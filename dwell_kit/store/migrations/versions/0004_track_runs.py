"""Runs of tracking: which numbers their persons have, and what they wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "track_runs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("run_hash", sa.String(64)),
        sa.Column("content_hash", sa.String(64)),
        sa.Column("first_person", sa.BigInteger, nullable=False),
        sa.Column("next_person", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_track_runs_environment", "track_runs", ["environment"])


def downgrade() -> None:
    op.drop_table("track_runs")
