"""The ladder: PostgreSQL and Valkey as compose.yaml starts them, then one host, then a cluster.

servers    PostgreSQL and Valkey, the roles made, nothing migrated
one_host   compose.yaml up to `api`
cluster_of_two   compose.cluster.yaml up to `balancer`, on the same PostgreSQL and Valkey
"""

from collections.abc import Iterator

import pytest

from tests.compose.compose_file import read_compose, read_environment_example
from tests.compose.database_image import make_database, make_database_cluster
from tests.compose.plain_processes import PlainProcesses, lay_out
from tests.conftest import open_directory

# What an operator might choose: it must not matter what characters a password has.
PASSWORDS = {
    "POSTGRES_PASSWORD": "super#user",
    "OWNER_PASSWORD": "it's @home: 100%/?",
    "SERVICE_PASSWORD": 's€rvice \\ "x"',
    "CACHE_PASSWORD": "a-Cache_0f",
}


# Long enough to see that the simulator reaches the service.
BRIEFLY = {"SIMULATOR_DURATION": "1", "SIMULATOR_RATE": "5"}


def environment() -> dict[str, str]:
    return {**read_environment_example(), **PASSWORDS, **BRIEFLY}


@pytest.fixture(scope="package")
def one_host() -> Iterator[PlainProcesses]:
    """compose.yaml: everything that `up` starts."""
    with open_directory() as directory:
        lay_out(directory)
        stack = PlainProcesses(read_compose("compose.yaml", environment()), directory)
        try:
            make_database_cluster(stack)
            stack.up("postgres")
            stack.await_health("postgres")
            make_database(stack)
            stack.up("api")
            stack.await_health("api")
            yield stack
        finally:
            stack.down()


@pytest.fixture(scope="package")
def cluster_of_two(one_host: PlainProcesses) -> Iterator[PlainProcesses]:
    """compose.cluster.yaml up to the balancer, on the PostgreSQL and Valkey of one_host."""
    stack = PlainProcesses(
        # Two services of one worker each: what is tested is between them.
        read_compose("compose.cluster.yaml", {**environment(), "TRANSIT_WORKERS": "1"}),
        one_host.directory,
        ports=one_host.ports.copy(),
        running={name: one_host.running[name] for name in ("postgres", "valkey")},
        started=["postgres", "valkey"],
    )
    try:
        stack.up("balancer")
        stack.await_health("balancer")
        yield stack
    finally:
        for name in ("postgres", "valkey"):
            stack.running.pop(name, None)
        stack.down()
