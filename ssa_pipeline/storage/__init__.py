"""PostgreSQL: table contracts, migrations, replaceable slices, queries, the embedded server. Knows no Dagster."""
