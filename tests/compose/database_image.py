"""What the entry point of PostgreSQL's image does when its volume is empty."""

import shlex
import subprocess

from tests.compose.plain_processes import PlainProcesses, drop_privileges, unprivileged_uid
from transit_api.local.postgresql import find_binaries

INIT_SCRIPTS = "/docker-entrypoint-initdb.d/"


def make_database_cluster(stack: PlainProcesses) -> None:
    """Make the cluster and its database, and run the mounted scripts, as the environment says."""
    environment = stack.environment("postgres")
    data = stack.directory / "postgresql"
    password = stack.directory / "tmp" / "superuser"
    password.write_text(environment["POSTGRES_PASSWORD"])
    password.chmod(0o644)
    options = shlex.split(environment["POSTGRES_INITDB_ARGS"])
    run_tool(
        stack, "initdb", "-D", data, "-U", "postgres", f"--pwfile={password}", *options,
        "--auth=trust", "--no-sync", "--no-instructions",
    )  # fmt: skip
    # The image trusts whoever is inside the container, and asks all others for a password.
    (data / "pg_hba.conf").write_text("local all all trust\nhost all all all scram-sha-256\n")
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(
            f"listen_addresses = '127.0.0.1'\nport = {stack.ports['postgres', 5432]}\n"
            f"unix_socket_directories = '{stack.directory}/tmp'\n"
        )


def make_database(stack: PlainProcesses) -> None:
    """Make the database on the running server, and run the mounted scripts in it."""
    name = stack.environment("postgres")["POSTGRES_DB"]
    run_psql(stack, "postgres", "-c", f"CREATE DATABASE {name}")
    for source, target in stack.mounts("postgres"):
        if target.startswith(INIT_SCRIPTS):
            run_psql(stack, name, "-f", source)


def run_psql(stack: PlainProcesses, database: str, *arguments: object) -> None:
    """psql as the image calls it, by the socket."""
    port = stack.ports["postgres", 5432]
    run_tool(
        stack, "psql", "-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc", "-U", "postgres",
        "-h", stack.directory / "tmp", "-p", port, "-d", database, *arguments,
    )  # fmt: skip


def run_tool(stack: PlainProcesses, program: str, *arguments: object) -> None:
    """One of PostgreSQL's programs, in the environment of the service."""
    binaries = find_binaries(unprivileged_uid())
    done = subprocess.run(
        [*drop_privileges(), f"{binaries}/{program}", *map(str, arguments)],
        env=stack.environment("postgres"),
        cwd=stack.directory,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
