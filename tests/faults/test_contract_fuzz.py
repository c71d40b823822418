"""Requests made up from our own OpenAPI document, against the running service."""

import os
import subprocess
import sys
from pathlib import Path

from tests.faults.stack import Stack

LIMIT_S = 180
LONG = bool(os.environ.get("TRANSIT_TEST_LONG"))
PHASES, EXAMPLES = ("coverage,fuzzing", "20") if LONG else ("fuzzing", "2")

# Every other check of schemathesis is on.
EXCLUDED = {
    # The document cannot say what holds between fields or things: a range must not be reversed, a
    # cursor must be one of this list, a card must have the money. Their refusals are documented.
    "positive_data_acceptance",
    # There is no access control yet, so there is nothing to ignore.
    "ignored_auth",
    "object_level_authorization",
}

# An upload is taken although some of its taps break the schema: each of those is refused alone.
CONFIGURATION = """
[[operations]]
include-name = "POST /api/v1/taps/batch"
checks.negative_data_rejection.enabled = false
"""


def test_no_answer_breaks_the_document(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{stack.own_url}/openapi.json"),
            *("--phases", PHASES, "--max-examples", EXAMPLES, "--seed", "1"),
            *("--exclude-checks", ",".join(sorted(EXCLUDED)), "--request-timeout", "10"),
            *("--warnings", "off", "--no-color"),
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert "Tested: 0" not in ended.stdout
