"""A watermark job keeps what it has not come to yet: its media are planned some hundreds at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; of jobs that are there everything is planned."""
    op.add_column("watermark_job", sa.Column("planned", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("watermark_job", sa.Column("selection", sa.JSON(), nullable=True))
    op.execute("UPDATE watermark_job SET planned = total")


def downgrade() -> None:
    """Drop them: what was not planned yet is forgotten."""
    op.execute("UPDATE watermark_job SET total = planned")
    op.drop_column("watermark_job", "selection")
    op.drop_column("watermark_job", "planned")
