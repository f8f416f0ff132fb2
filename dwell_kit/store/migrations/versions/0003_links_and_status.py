"""Links between identities, and what people say of cameras."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MOMENT = sa.DateTime(timezone=True)


def _said_by_people() -> list[sa.Column[Any]]:
    return [
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("made_in", sa.Integer, nullable=False),
        sa.Column("undone_in", sa.Integer),
        sa.Column("undone_by", sa.Text),
        sa.Column("undone_at", _MOMENT),
        sa.Column("undone_reason", sa.Text),
    ]


def upgrade() -> None:
    op.create_table(
        "identity_links",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("camera_id", sa.String(400)),
        sa.Column("since", _MOMENT),
        sa.Column("until", _MOMENT),
        *_said_by_people(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "link_members",
        sa.Column("link_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(200)),
        sa.Column("person_id", sa.String(400), nullable=False),
        sa.Column("person_code", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "camera_status",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("camera_id", sa.String(400), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        *_said_by_people(),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("camera_status", "link_members", "identity_links"):
        op.drop_table(table)
