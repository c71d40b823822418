"""The model of the fare rules, and the service beside it."""

import pytest

# Their assertions are the comparison: a failure shows both sides.
pytest.register_assert_rewrite("tests.model.machine", "tests.model.services")
