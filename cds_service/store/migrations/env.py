"""What Alembic runs: the migrations, on the connection and in the transaction of whoever called."""

from alembic import context

from cds_service.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
