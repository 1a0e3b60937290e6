"""Where objects are, how long videos are, what operators decide and ask for, and what is gone for good."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and tables of storage; a variant is where its medium is."""
    op.add_column(
        "media",
        sa.Column("storage_strategy", sa.String(16), server_default="local_only", nullable=False),
    )
    op.add_column("media", sa.Column("upload_method", sa.String(16), server_default="http", nullable=False))
    op.add_column("media", sa.Column("multipart_id", sa.String(512), nullable=True))
    op.add_column("media", sa.Column("purge_requested_at", TIME, nullable=True))
    op.add_column("media", sa.Column("duration_ms", sa.Integer(), nullable=True))
    op.add_column("media", sa.Column("has_audio", sa.Boolean(), nullable=True))
    op.add_column("media", sa.Column("removing", sa.String(8), nullable=True))
    op.add_column("media", sa.Column("given_up_at", TIME, nullable=True))
    op.create_index(
        "media_in_trash",
        "media",
        ["deleted_at"],
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.drop_column("variant", "store")
    op.create_table(
        "setting_change",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("old_value", sa.JSON(), nullable=True),
        sa.Column("new_value", sa.JSON(), nullable=True),
        sa.Column("changed_by", sa.String(128), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("setting_change_of_key", "setting_change", ["key", "id"])
    op.create_table(
        "audit_event",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_event_of_media", "audit_event", ["media_id"])
    op.create_table(
        "sync_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("is_parent", sa.Boolean(), nullable=False),
        sa.Column("operation", sa.String(24), nullable=False),
        sa.Column("delete_source", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("batch_index", sa.Integer(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("location", sa.JSON(), nullable=True),
        sa.Column("total_files", sa.Integer(), nullable=False),
        sa.Column("processed_files", sa.Integer(), nullable=False),
        sa.Column("failed_files", sa.Integer(), nullable=False),
        sa.Column("processed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["sync_job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sync_job_of_parent", "sync_job", ["parent_id", "batch_index"])
    op.create_table(
        "sync_item",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("done_files", sa.Integer(), nullable=False),
        sa.Column("done_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("detail", sa.String(2000), nullable=True),
        sa.Column("objects", sa.JSON(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["sync_job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "media_id"),
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("claimed_by", sa.String(128), nullable=True),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Take them away; every variant is said to be local again."""
    for table in ("schedule", "sync_item", "sync_job", "audit_event", "setting_change"):
        op.drop_table(table)
    op.add_column("variant", sa.Column("store", sa.String(8), server_default="local", nullable=False))
    op.drop_index("media_in_trash", "media")
    for column in (
        "has_audio",
        "duration_ms",
        "given_up_at",
        "removing",
        "purge_requested_at",
        "multipart_id",
        "upload_method",
        "storage_strategy",
    ):
        op.drop_column("media", column)
