"""Which tests look at which module, cheapest first: what a random mutant of it is tried on."""

from pathlib import Path

TESTS = Path(__file__).parent.parent
PACKAGES = ("transit_api", "simulator")

_SERVING = ("platform/test_serving.py", "platform/test_cli.py")
_HTTP = ("http",)
_DOCUMENTS = ("http/test_documents.py", "http/test_contract_documents.py", "test_guards.py")
_DRIVING = (
    "simulator/test_driving.py", "simulator/test_asking_again.py", "simulator/test_judging.py",
    "simulator/test_command_line.py", "simulator/test_service.py",
)  # fmt: skip
_CITY = ("simulator/test_riders_and_days.py", "simulator/test_load.py", "simulator/test_realism.py")

# By the beginning of the path; the longest that fits counts.
COVERED_BY: dict[str, tuple[str, ...]] = {
    "transit_api/": (*_HTTP, *_SERVING),
    "transit_api/__main__.py": _SERVING,
    "transit_api/database/array_functions.py": ("http/test_batching.py", *_HTTP),
    "transit_api/database/backup.py": ("faults/test_backup.py",),
    "transit_api/database/batching.py": ("http/test_batching.py", *_HTTP),
    "transit_api/cache/cache.py": ("http/test_cache.py", "http/test_cache_coherence.py", *_HTTP),
    "transit_api/database/clock.py": ("platform/test_serving.py", "http"),
    "transit_api/database/base_tables.py": ("sql/test_compute.py", "platform/test_cli.py"),
    "transit_api/cache/entry.py": ("http/test_cache.py", "http/test_cache_coherence.py"),
    "transit_api/database/pools.py": ("http/test_db.py", "http/test_db_outage.py", *_HTTP),
    "transit_api/database/addresses.py": ("platform/test_settings.py", "platform/test_cli.py"),
    "transit_api/http/connections.py": ("platform/test_connections.py",),
    "transit_api/process/draining.py": _SERVING,
    "transit_api/local/embedded_roles.py": ("platform/test_embedded.py", *_SERVING),
    "transit_api/process/expiry.py": ("platform/test_supervisor.py", *_SERVING),
    "transit_api/database/hosts.py": ("http/test_db_settings.py", "http/test_db_failover.py"),
    "transit_api/database/network_terms.py": ("test_network.py",),
    "transit_api/process/own_user.py": ("platform/test_embedded.py",),
    "transit_api/database/session.py": ("http/test_db_settings.py", "platform/test_pgbouncer.py"),
    "transit_api/database/sqlstates.py": ("http/test_db.py", "platform/test_sqlstates.py"),
    "transit_api/process/standard_streams.py": ("platform/test_cli.py",),
    "transit_api/local/embedded.py": ("platform/test_embedded.py", *_SERVING),
    "transit_api/handlers/": _HTTP,
    "transit_api/process/sockets.py": ("platform/test_listening.py", *_SERVING),
    "transit_api/observe/logs.py": ("http/test_metrics.py", *_SERVING),
    "transit_api/observe/metrics.py": ("http/test_metrics.py", *_SERVING),
    "transit_api/observe/metrics_directory.py": ("platform/test_metrics_directory.py", *_SERVING),
    "transit_api/database/migrate.py": ("platform/test_migrate.py", *_SERVING),
    "transit_api/database/network.py": ("test_network.py",),
    "transit_api/database/network_files.py": ("test_network.py",),
    "transit_api/http/openapi.py": (*_DOCUMENTS, *_HTTP),
    "transit_api/http/openapi3.py": (*_DOCUMENTS, *_HTTP),
    "transit_api/process/pace.py": ("http/test_pace.py",),
    "transit_api/local/postgresql.py": ("platform/test_embedded.py", *_SERVING),
    "transit_api/database/startup.py": _SERVING,
    "transit_api/process/processes.py": ("platform/test_embedded.py", *_SERVING),
    "transit_api/schemas/": _HTTP,
    "transit_api/settings.py": ("platform/test_settings.py", *_SERVING),
    "transit_api/http/validation.py": ("http/test_conventions.py", *_HTTP),
    "transit_api/http/answers.py": ("http/test_conventions.py", *_HTTP),
    "transit_api/process/worker.py": _SERVING,
    "transit_api/process/supervisor.py": ("platform/test_supervisor.py", *_SERVING),
    "simulator/": ("simulator",),
    "simulator/access.py": ("simulator/test_access.py",),
    "simulator/actor.py": _DRIVING,
    "simulator/asking.py": _DRIVING,
    "simulator/books.py": _DRIVING,
    "simulator/client.py": ("simulator/test_client.py", "simulator/test_access.py", *_DRIVING),
    "simulator/cards.py": (*_CITY, "simulator"),
    "simulator/charts.py": ("simulator/test_reports.py",),
    "simulator/city.py": (*_CITY, "simulator"),
    "simulator/city_map.py": ("simulator/test_reports.py",),
    "simulator/compare.py": ("simulator/test_compare.py",),
    "simulator/day.py": (*_CITY, "simulator"),
    "simulator/demo.py": ("simulator/test_demo.py", "simulator/test_command_line.py"),
    "simulator/drive.py": _DRIVING,
    "simulator/fares.py": ("model", *_DRIVING),
    "simulator/figures.py": ("simulator/test_reports.py",),
    "simulator/hdr.py": ("simulator/test_exports.py",),
    "simulator/holders.py": ("simulator/test_holders.py", *_DRIVING),
    "simulator/html.py": ("simulator/test_reports.py",),
    "simulator/interrupt.py": ("simulator/test_interrupt.py",),
    "simulator/junit.py": ("simulator/test_exports.py",),
    "simulator/live.py": ("simulator/test_live.py",),
    "simulator/load.py": ("simulator/test_load.py", *_DRIVING),
    "simulator/measure.py": ("simulator/test_judging.py", *_DRIVING),
    "simulator/parallel.py": ("simulator/test_command_line.py", "simulator/test_interrupt.py"),
    "simulator/realism.py": (*_CITY, "simulator/test_command_line.py"),
    "simulator/replay.py": ("simulator/test_replay.py", "simulator/test_command_line.py"),
    "simulator/report.py": ("simulator/test_reports.py", *_DRIVING),
    "simulator/riders.py": (*_CITY, "simulator"),
    "simulator/session.py": (*_DRIVING, "simulator/test_interrupt.py"),
    "simulator/verdict.py": ("simulator/test_verdicts.py", "simulator/test_exports.py"),
    "simulator/thresholds.py": ("simulator/test_judging.py", *_DRIVING),
}


def find_tests(file: str) -> tuple[str, ...]:
    """The test files that look at a module, each once; first those of its own name."""
    fitting = [prefix for prefix in COVERED_BY if file.startswith(prefix)]
    places = COVERED_BY[max(fitting, key=len)]
    found: list[str] = []
    for place in places:
        inside = sorted((TESTS / place).rglob("test_*.py"))
        found += [path.relative_to(TESTS).as_posix() for path in inside] or [place]
    own = [test for test in found if test.endswith(f"/test_{Path(file).stem}.py")]
    return tuple(dict.fromkeys(own + found))
