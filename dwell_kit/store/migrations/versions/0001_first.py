"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "environments",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("tz", sa.String(64), nullable=False),
        sa.Column("opening_hours", sa.JSON),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "cameras",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("camera_id", sa.String(400), primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("group", sa.Text),
        sa.Column("store", sa.Text),
        sa.Column("department", sa.Text),
        sa.Column("division", sa.Text),
        sa.Column("edited", sa.Boolean, nullable=False),
    )
    op.create_table(
        "zones",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("zone_id", sa.String(400), primary_key=True),
        sa.Column("camera_id", sa.String(400)),
        sa.Column("name", sa.Text),
        sa.Column("vertices", sa.Text),
    )
    op.create_table(
        "uploads",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("upload_id", sa.String(32), nullable=False, unique=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), index=True),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("uploader", sa.Text),
        sa.Column("uploaded_at", _MOMENT, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("covered_from", _MOMENT),
        sa.Column("covered_till", _MOMENT),
        sa.Column("report", sa.JSON),
        sa.Column("notes", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("erased_at", _MOMENT),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lists",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("list", sa.String(200), primary_key=True),
        sa.Column("person_id", sa.String(400), primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("audit", "lists", "snapshots", "uploads", "zones", "cameras", "environments"):
        op.drop_table(table)
