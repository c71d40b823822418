"""One stack of processes for all short tests of this room; each leaves it whole."""

from collections.abc import Iterator

import pytest

from tests.faults.stack import Stack, start_stack


@pytest.fixture(scope="session")
def running_stack() -> Iterator[Stack]:
    """Servers, `transit-api serve --workers 2`, and proxies between them."""
    with start_stack() as stack:
        yield stack


@pytest.fixture
def stack(running_stack: Stack) -> Iterator[Stack]:
    """The same, healthy at the beginning and clean by its own audit at the end."""
    assert running_stack.wait_until_healthy(20.0) is not None
    yield running_stack
    assert running_stack.audit() == []
