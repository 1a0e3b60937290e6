"""Watermarks: which variants carry one, and the jobs that put them on or take them off."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column(
        "variant", sa.Column("watermarked", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("variant", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "watermark_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("watermark", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "watermark_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("detail", sa.String(2000), nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["watermark_job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("watermark_item_of_parent", "watermark_item", ["parent_id", "status"])
    op.create_index(
        "watermark_item_pending",
        "watermark_item",
        ["media_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
        sqlite_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("watermark_item")
    op.drop_table("watermark_job")
    op.drop_column("variant", "revision")
    op.drop_column("variant", "watermarked")
