"""PostgreSQL: pools, calls that are made together, migrations, the network's files, backups."""
