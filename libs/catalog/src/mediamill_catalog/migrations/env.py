"""What Alembic runs to get at the database: the connection that `migrate.py` opened and locked."""

from alembic import context

from mediamill_catalog.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
