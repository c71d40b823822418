"""What the guides say: commands run as they are written, in bash and in zsh; paths exist."""

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
from aiohttp import web

from tests.conftest import open_directory, skip_or_fail, start_command
from transit_api.routes import CLOCK_ROUTES, ROUTES

ROOT = Path(__file__).parents[2]
GUIDES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("sql/*/*.md")]
    if path.name != "CHANGELOG.md" and not path.is_relative_to(ROOT / ".venv")
)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in GUIDES}
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
BLOCKS = [
    text
    for guide in TEXTS.values()
    for language, text in BLOCK.findall(guide)
    if language in ("", "sh")
]
SPANS = [span for guide in TEXTS.values() for span in SPAN.findall(BLOCK.sub("", guide))]
INLINE = [span for span in SPANS if COMMAND.match(span)]
# Paths of the repository, in spans and in links.
PATH = re.compile(r"(?:transit_api|sql|simulator|compose|tests|\.ci)/[\w./-]*")
LINK = re.compile(r"\]\(((?!https?:|#)[^)]+)\)")
COMMANDS = [line for block in BLOCKS for line in block.splitlines()] + INLINE
# What the lab asks of a broken service is tried in tests/lab.
TO_RUN = [
    command
    for command in COMMANDS
    if RUNNABLE.match(command) and "..." not in command and ".data-broken" not in command
]


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


@pytest.mark.parametrize("guide", TEXTS)
def test_paths_that_a_guide_names_exist(guide: str) -> None:
    text = TEXTS[guide]
    named = [path for span in SPAN.findall(BLOCK.sub("", text)) if (path := PATH.fullmatch(span))]
    for path in named:
        # A file of the simulator's or of the database's guide may be named from its own folder.
        places = [ROOT / path[0], (ROOT / guide).parent / path[0]]
        assert any(place.exists() for place in places), f"{guide} names {path[0]}"
    for link in LINK.findall(text):
        target = (ROOT / guide).parent / link.partition("#")[0]
        assert target.exists(), f"{guide} links to {link}"


def test_every_route_stands_in_the_table_of_the_readme() -> None:
    table = TEXTS["README.md"].partition("## Endpoints")[2].partition("\n## ")[0]
    rows = " ".join(line for line in table.splitlines() if line.startswith("|"))
    for route in [*ROUTES, *CLOCK_ROUTES]:
        if not isinstance(route, web.RouteDef):
            continue
        path = re.sub(r"{(\w+)[^}]*}", "{id}", route.path).removeprefix("/api/v1")
        # The rows name the beginning of a group once, and then what follows.
        ends = {path, "/" + "/".join(path.rsplit("/", 2)[1:]), "/" + path.rsplit("/", 1)[1]}
        assert any(f"{end}`" in rows for end in ends), path


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
