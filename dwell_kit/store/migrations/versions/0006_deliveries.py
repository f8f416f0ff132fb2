"""How far the delivery of each report run is: one that was interrupted is not sent twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("report_runs", sa.Column("delivered", sa.JSON))


def downgrade() -> None:
    op.drop_column("report_runs", "delivered")
