"""One stack of processes for all tests of this room; each leaves it whole.

Tests marked `long` are left out of `make test`; `make faults` runs them too.
"""

import os
from collections.abc import Iterator

import pytest

from tests.faults.stack import Stack, start_stack

LONG = bool(os.environ.get("TRANSIT_TEST_LONG"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only in `make faults`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not LONG and item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


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
