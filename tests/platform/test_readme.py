"""The commands of the README, as they are written, in bash and in zsh."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import open_directory, skip_or_fail, start_command

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
# Of the spans in the text and its tables, those that begin like a command and go on.
COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:transit-api|transit-sim|make|curl|psql|docker|ab|\.|\.venv/\S+) \S"
)
SHELLS = {"bash": ["bash", "--norc", "-e", "-c"], "zsh": ["zsh", "-f", "-e", "-c"]}
# They ask what runs and end by themselves; the others start something, or need an engine.
RUNNABLE = re.compile(r"(curl|psql|transit-api (audit|backup|restore|compute|url)) ?")


# Those without a language or in `sh`; prose never stands in one.
BLOCKS = [text for language, text in BLOCK.findall(README) if language in ("", "sh")]
INLINE = [span for span in SPAN.findall(BLOCK.sub("", README)) if COMMAND.match(span)]
COMMANDS = [line for block in BLOCKS for line in block.splitlines()] + INLINE
TO_RUN = [command for command in COMMANDS if RUNNABLE.match(command) and "..." not in command]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    name: str = request.param
    if not shutil.which(name):
        skip_or_fail(name, name)
    return SHELLS[name]


@dataclass
class Place:
    """A directory with a running service, as after `make run`."""

    directory: Path
    address: str


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with open_directory() as directory:
        service = start_command(
            directory / "log",
            *("up", "--port", "0", "--workers", "1", "--data-dir", str(directory / ".data")),
        )
        yield Place(directory, urlsplit(service.url).netloc)
        service.stop()
        assert service.process.stdout is not None
        service.process.stdout.close()


def test_commands_were_found() -> None:
    assert len(BLOCKS) >= 4 and len(INLINE) >= 10
    assert {command.split()[0] for command in TO_RUN} == {"curl", "psql", "transit-api"}


@pytest.mark.parametrize("text", [*BLOCKS, *INLINE])
def test_shell_can_read_it(text: str, shell: list[str]) -> None:
    checked = subprocess.run([shell[0], "-n", "-c", text], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_commands_run_as_they_are_written(place: Place, shell: list[str]) -> None:
    if not shutil.which("psql"):
        skip_or_fail("postgresql-client-15", "psql")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in TO_RUN:
        # psql reads what to do from its input; everything else has none.
        ran = subprocess.run(
            [*shell, command.replace("localhost:8000", place.address)],
            cwd=place.directory,
            env={"PATH": path, "HOME": str(place.directory), "LANG": "C.UTF-8"},
            input="SELECT count(*) FROM transit.stations;\n",
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (ran.returncode, ran.stderr.strip()) == (0, ""), (command, ran)
        assert ran.stdout, command
    # A backup replaces no other, and a restore wants a new directory: the next shell tries both.
    (place.directory / "transit.dump").unlink()
    shutil.rmtree(place.directory / "restored")
