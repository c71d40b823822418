"""The fixture of stories: a clock that stands still, and books that must agree at the end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sql.stories import NOON, Story


@pytest.fixture
def story(pg: Any) -> Iterator[Story]:
    """It is Friday noon, nobody has a card; everything is rolled back after an audit."""
    story = Story(pg)
    story.stop_clock(NOON)
    yield story
    if not story.failed and story.ask("SELECT WHERE to_regproc('api.audit') IS NOT NULL"):
        assert story.offences() == []
