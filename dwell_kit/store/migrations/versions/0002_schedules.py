"""Schedules of reports and their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "report_schedules",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("cron", sa.String(100), nullable=False),
        sa.Column("tz", sa.String(64), nullable=False),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("deliver", sa.JSON, nullable=False),
        sa.Column("keep_days", sa.Integer),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "report_runs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("schedule", sa.String(100), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("folder", sa.Text),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("schedule", "due_at", name="uq_report_runs_schedule_due_at"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("report_runs", "report_schedules"):
        op.drop_table(table)
