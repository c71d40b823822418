"""The Grafana dashboard and Prometheus: they ask for what the running system really measures."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from tests.compose.compose_file import COMPOSE, read_compose, read_environment_example
from tests.compose.plain_processes import PlainProcesses
from tests.conftest import skip_or_fail
from transit_api.observe.audit_metrics import TEXT

DASHBOARD = json.loads((COMPOSE / "grafana/dashboards/transit.json").read_text())
PROMETHEUS = COMPOSE / "prometheus/prometheus.yml"

METRIC = re.compile(r"\b(?:transit|haproxy)_\w+")
# What Prometheus adds to everything that it scrapes.
ADDED_LABELS = {"instance", "job"}
SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="')


def expressions() -> list[str]:
    """Every query of the dashboard."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


@pytest.fixture
async def samples(cluster_of_two: PlainProcesses) -> dict[str, set[str]]:
    """The metrics of a service that was asked for a bit of everything and of the balancer."""
    names = [name for name in ("api-1", "api-2") if name in cluster_of_two.running]
    if not names:
        cluster_of_two.start("api-1")
        cluster_of_two.await_health("api-1")
    async with ClientSession(cluster_of_two.url((names or ["api-1"])[0], 8000)) as client:
        await use(client)
        text = ""
        # The chores come about once a second.
        async with asyncio.timeout(30):
            while "transit_chore_finished_timestamp_seconds{" not in text:
                text = await read_metrics(client)
                await asyncio.sleep(0.1)
    async with ClientSession(cluster_of_two.url("balancer", 8405)) as client:
        text += await read_metrics(client)
    found: dict[str, set[str]] = {}
    for match in SAMPLE.finditer(text):
        found.setdefault(match["name"], set()).update(LABEL.findall(match["labels"] or ""))
    return found


async def read_metrics(client: ClientSession) -> str:
    async with client.get("/metrics") as answer:
        return await answer.text()


async def use(client: ClientSession) -> None:
    """A tap and a cached read: what is counted appears with its first count."""
    async with client.post("/api/v1/cards", json={}) as answer:
        card_id = (await answer.json())["card_id"]
    async with client.get("/api/v1/stations", params={"limit": 1}) as answer:
        station_id = (await answer.json())["items"][0]["station_id"]
    tap = {"card_id": card_id, "station_id": station_id}
    async with client.post("/api/v1/trips/start", json=tap) as answer:
        assert (await answer.json())["code"] == "insufficient_balance"
    async with client.get("/api/v1/analytics/trips/total") as answer:
        assert answer.status == 200


async def test_every_metric_and_label_of_the_dashboard_exists(
    samples: dict[str, set[str]],
) -> None:
    assert len(expressions()) > 10
    for expression in expressions():
        names = set(METRIC.findall(expression))
        assert names <= samples.keys(), expression
        known = set.union(ADDED_LABELS, *(samples[name] for name in names))
        assert labels_of(expression) <= known, expression


def labels_of(expression: str) -> set[str]:
    """The labels that a query selects or groups by."""
    grouped = ",".join(re.findall(r"\bby \(([^)]*)\)", expression))
    selected = re.findall(r'(\w+)(?:=|!=|=~|!~)"', expression)
    return {*re.findall(r"\w+", grouped), *selected}


def test_dashboard_shows_every_metric_of_the_service(samples: dict[str, set[str]]) -> None:
    asked = " ".join(expressions())
    ours = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in samples}
    for name in ours:
        assert not name.startswith("transit_") or name in asked, name


def test_legends_name_labels_that_the_queries_keep() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if " by (" in target["expr"]:
                assert legend <= labels_of(target["expr"]), target


def test_provisioning_leads_from_grafana_to_the_dashboard_and_to_prometheus() -> None:
    document = read_compose("compose.cluster.yaml", read_environment_example())
    grafana = document["services"]["grafana"]
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    (provider,) = read_yaml("grafana/provisioning/dashboards/transit.yaml")["providers"]

    assert source["url"] == "http://prometheus:9090"
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home) == Path(provider["options"]["path"]) / "transit.json"
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == source["uid"]


def test_prometheus_asks_every_service_by_itself() -> None:
    document = read_compose("compose.cluster.yaml", read_environment_example())
    serving = {
        f"{name}:8000"
        for name, service in document["services"].items()
        if service.get("command", [])[:2] == ["transit-api", "serve"]
    }
    jobs = {
        one["job_name"]: one for one in read_yaml("prometheus/prometheus.yml")["scrape_configs"]
    }

    assert set(jobs["transit-api"]["static_configs"][0]["targets"]) == serving
    (port,) = re.findall(
        r":(\d+)", document["services"]["balancer"]["environment"]["BALANCER_BIND"]
    )
    assert jobs["balancer"]["static_configs"][0]["targets"] == [f"balancer:{port}"]


def read_yaml(path: str) -> Any:
    return yaml.safe_load((COMPOSE / path).read_text())


@pytest.mark.parametrize("what", ["config", "rules"])
def test_prometheus_understands_its_configuration_and_every_query(
    what: str, tmp_path: Path
) -> None:
    """The tool reads queries as rules; Grafana fills in the interval itself."""
    path = PROMETHEUS
    if what == "rules":
        queries = [one.replace("$__rate_interval", "1m") for one in expressions()]
        rules = [{"record": f"query_{n}", "expr": query} for n, query in enumerate(queries)]
        path = tmp_path / "rules.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    try:
        done = subprocess.run(["promtool", "check", what, path], capture_output=True, text=True)
    except FileNotFoundError:
        skip_or_fail("prometheus", "promtool")
    assert done.returncode == 0, done.stdout + done.stderr


ALERTS = COMPOSE / "prometheus/alerts.yml"
ALERTS_TEST = Path(__file__).with_name("alerts_test.yml")
# A file of `transit-api audit --metrics` tells these, and no process of the service.
OF_THE_AUDIT = set(METRIC.findall(TEXT))


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_alerts_fire_on_the_series_that_they_are_for_and_on_no_other(tmp_path: Path) -> None:
    for path in (ALERTS, ALERTS_TEST):
        shutil.copy(path, tmp_path)
    try:
        done = subprocess.run(
            ["promtool", "test", "rules", ALERTS_TEST.name],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        skip_or_fail("prometheus", "promtool")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_firing_and_silent() -> None:
    tests = yaml.safe_load(ALERTS_TEST.read_text())["tests"]
    asked = [one for test in tests for one in test["alert_rule_test"]]
    names = {rule["alert"] for rule in alert_rules() if "alert" in rule}
    assert {one["alertname"] for one in asked if one["exp_alerts"]} == names
    assert {one["alertname"] for one in asked if not one["exp_alerts"]} == names


async def test_every_metric_of_the_alerts_exists(samples: dict[str, set[str]]) -> None:
    for rule in alert_rules():
        names = set(METRIC.findall(rule["expr"])) - OF_THE_AUDIT
        assert names <= samples.keys(), rule
