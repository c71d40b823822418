"""The compose files by themselves: shape, references, versions, variables, what is published."""

import configparser
import dataclasses
import re
from typing import Any

import pytest
import yaml

from tests.compose.compose_file import (
    COMPOSE,
    FILES,
    ROOT,
    VARIABLE,
    database_settings,
    order_of,
    read_compose,
    read_environment_example,
    seconds,
    variables_of,
)
from transit_api.local.postgresql import SETTINGS
from transit_api.process.supervisor import STOP_MARGIN_S
from transit_api.settings import Settings, variable_of

# What this project uses of the Compose Specification, and of which type it is.
SERVICE_KEYS = {
    "build": dict, "cap_drop": list, "command": list, "depends_on": dict, "environment": dict,
    "healthcheck": dict, "image": str, "logging": dict, "networks": list, "ports": list,
    "profiles": list, "read_only": bool, "restart": str, "security_opt": list, "shm_size": str,
    "stop_grace_period": str, "stop_signal": str, "tmpfs": list, "user": str, "volumes": list,
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
FRONT = {"compose.yaml": "api", "compose.cluster.yaml": "balancer"}
# A release is named to its last number: 3.13 and latest mean another image next month.
RELEASE = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?")
RELEASES_OF_TWO_NUMBERS = ("postgres",)


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def document(name: str) -> dict[str, Any]:
    return read_compose(name, read_environment_example())


def test_every_key_is_one_of_the_specification(document: dict[str, Any]) -> None:
    top = {key for key in document if not key.startswith("x-")}
    assert top == {"name", "services", "networks", "volumes"}
    for name, service in document["services"].items():
        for key, value in service.items():
            assert isinstance(value, SERVICE_KEYS[key]), (name, key)


def test_command_lines_and_environments_are_text(document: dict[str, Any]) -> None:
    """YAML reads `no`, `8000` and `1:30` as something else."""
    for service in document["services"].values():
        check = service.get("healthcheck", {}).get("test", [])
        for word in (*service.get("command", []), *check, *service.get("environment", {}).values()):
            assert isinstance(word, str), word


def test_what_services_refer_to_exists(document: dict[str, Any]) -> None:
    services = document["services"]
    for name, service in services.items():
        assert set(service["networks"]) <= set(document["networks"]), name
        for other, needed in service.get("depends_on", {}).items():
            assert needed["condition"] in CONDITIONS
            assert needed["condition"] != "service_healthy" or "healthcheck" in services[other]
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("./"):
                assert (COMPOSE / source).exists() and mode == ["ro"], volume
            else:
                assert source in document["volumes"] and target.startswith("/"), volume


def test_database_is_migrated_before_anything_serves(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        if service.get("command", [])[:2] == ["transit-api", "serve"]:
            assert service["depends_on"]["migrate"] == {
                "condition": "service_completed_successfully"
            }
            order = order_of(document, name)
            assert order.index("postgres") < order.index("migrate") < order.index(name)


def test_images_are_pinned_to_a_release(document: dict[str, Any]) -> None:
    for service in document["services"].values():
        assert_pinned(service["image"])


def test_own_image_is_named_after_this_release(document: dict[str, Any]) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    built = {one["image"] for one in document["services"].values() if "build" in one}
    assert built == {f"transit-api:{setup['metadata']['version']}"}


def assert_pinned(image: str) -> None:
    assert RELEASE.fullmatch(image), image
    repository, _, tag = image.partition(":")
    numbers = 2 if repository in RELEASES_OF_TWO_NUMBERS else 3
    assert len(tag.partition("-")[0].split(".")) == numbers, image


def test_only_the_front_is_published_and_only_to_this_machine(
    name: str, document: dict[str, Any]
) -> None:
    publishing = {one for one, service in document["services"].items() if "ports" in service}
    assert publishing == {FRONT[name]}
    for port in document["services"][FRONT[name]]["ports"]:
        assert port.startswith("127.0.0.1:")
    for one, service in document["services"].items():
        assert ("front" in service["networks"]) == (one == FRONT[name]), one
    assert document["networks"]["back"] == {"internal": True}


def test_cache_is_reached_by_the_services_only_and_with_a_password(
    document: dict[str, Any],
) -> None:
    services = document["services"]
    serving = {
        name
        for name, service in services.items()
        if service.get("command", [])[:2] == ["transit-api", "serve"]
    }
    beside = {name for name, service in services.items() if "cache" in service["networks"]}
    assert serving and beside == {"valkey", *serving}
    assert services["valkey"]["networks"] == ["cache"]
    assert document["networks"]["cache"] == {"internal": True}
    password = read_environment_example()["CACHE_PASSWORD"]
    command = services["valkey"]["command"]
    assert command[command.index("--requirepass") + 1] == password
    for name in serving:
        assert services[name]["environment"]["REDIS_URL"] == f"redis://:{password}@valkey:6379/0"


def test_passwords_have_no_default(name: str) -> None:
    for variable, default in variables_of(name).items():
        assert default is None or not variable.endswith("_PASSWORD"), variable


def test_containers_are_confined(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert "max-size" in service["logging"]["options"], name


def test_what_stays_up_is_restarted_and_watched(document: dict[str, Any]) -> None:
    jobs = {"migrate", "simulator"}
    for name, service in document["services"].items():
        assert service["restart"] == ("no" if name in jobs else "unless-stopped"), name
        assert ("healthcheck" in service) == (name not in jobs), name


def test_service_has_the_time_to_stop_that_its_settings_ask_for(document: dict[str, Any]) -> None:
    for service in document["services"].values():
        if service.get("command", [])[:2] == ["transit-api", "serve"]:
            given = service["environment"]
            settings = Settings()
            grace = float(given.get("TRANSIT_IDLE_GRACE_SECONDS", settings.idle_grace_seconds))
            drain = float(given.get("TRANSIT_DRAIN_SECONDS", settings.drain_seconds))
            assert seconds(service["stop_grace_period"]) > grace + drain + STOP_MARGIN_S


def test_every_setting_of_the_service_exists(document: dict[str, Any]) -> None:
    known = {variable_of(field) for field in dataclasses.fields(Settings)}
    for name, service in document["services"].items():
        if "build" in service:
            ours = set(service.get("environment", {})) - {"PGPASSWORD"}
            assert ours <= known, name


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    example = read_environment_example()
    used = {name: default for file in FILES for name, default in variables_of(file).items()}
    assert set(used) == set(example)
    for name, default in used.items():
        # A password has no default; what has one is shown with it.
        assert default is None or default == example[name], name
    settings = {variable_of(field) for field in dataclasses.fields(Settings)}
    assert {name for name in example if name.startswith("TRANSIT_")} <= settings


def test_every_variable_of_the_example_has_its_meaning_above_it() -> None:
    lines = (COMPOSE / "docker.env.example").read_text().splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if line and not line.startswith("#"):
            assert above and not above.startswith("# ---"), f"{line} is not explained"


def test_no_other_syntax_of_variables_is_used(name: str) -> None:
    assert "$" not in VARIABLE.sub("", (COMPOSE / name).read_text())


def test_postgresql_is_set_like_the_embedded_one(document: dict[str, Any]) -> None:
    here = {"listen_addresses", "unix_socket_permissions"}
    embedded = {name: value.strip("'") for name, value, _ in SETTINGS if name not in here}
    settings = dict(database_settings(document))
    # The embedded server counts the connections of its own workers.
    assert int(settings.pop("max_connections")) >= 100
    assert settings == embedded


def test_image_is_built_from_what_the_context_holds() -> None:
    """What is copied is there, and let through by .dockerignore."""
    instructions = [
        line.split()
        for line in (COMPOSE / "Dockerfile").read_text().splitlines()
        if line and not line.startswith(("#", " "))
    ]
    copied = {one for words in instructions if words[0] == "COPY" for one in words[1:-1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert not [path for path in copied if not (ROOT / path).exists()]
    assert [words[1:] for words in instructions if words[0] == "USER"] == [["transit"]]
    for words in instructions:
        if words[0] == "FROM":
            assert_pinned(words[1])


def test_passwords_are_not_for_git() -> None:
    assert "docker.env" in (COMPOSE / ".gitignore").read_text().split()


def test_provisioned_files_parse() -> None:
    files = list(COMPOSE.rglob("*.y*ml"))
    assert len(files) >= 5
    for path in files:
        assert yaml.safe_load(path.read_text()), path
