"""The lock files: what setup.cfg allows, exactly, with hashes, wherever the files come from."""

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(
    r"^([\w.-]+)==(\S+)((?: ; [^\\\n]+)?)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


def read_lock(name: str) -> dict[str, str]:
    """Version by package; AssertionError for a line that is no entry with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    versions = {}
    while text:
        entry = ENTRY.match(text)
        assert entry, text[:200]
        versions[canonicalize_name(entry[1])] = entry[2]
        text = text[entry.end() :]
    return versions


def wanted(*, tests: bool) -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    if tests:
        lines += setup["options.extras_require"]["test"].splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines += project["build-system"]["requires"]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_lock_holds_what_setup_cfg_asks_for(name: str) -> None:
    locked = read_lock(name)
    for requirement in wanted(tests="test" in name):
        version = locked[canonicalize_name(requirement.name)]
        # `make lock` brings them together again.
        assert requirement.specifier.contains(version, prereleases=True), (requirement, version)


def test_tests_run_on_the_versions_that_are_served() -> None:
    served, tested = read_lock("requirements.lock"), read_lock("requirements-test.lock")
    # One entry a package, whatever the system: one with several would hide a version here.
    assert served == {name: tested[name] for name in served}
    assert len(tested) > len(served)


@pytest.mark.parametrize("file", ["Makefile", "compose/Dockerfile"])
def test_nothing_is_installed_that_is_not_locked(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    installing = re.findall(
        r"(?:(?<!= )\$\(INSTALL\)|bin/pip install|    pip install|&& pip install)([^\n&|]*)", text
    )
    assert len(installing) >= 2
    for options in installing:
        # The tool that makes the locks is in none of them.
        exempt = "uv>=" in options
        assert exempt or "--require-hashes" in options or "--no-deps" in options, options
