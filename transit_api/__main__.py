"""The command line: up, serve, migrate, audit, compute, url, lab."""

import argparse
import dataclasses
import json
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import psycopg2

from transit_api.database.backup import back_up, restore
from transit_api.database.base_tables import RollupsDiffer, time_base_tables
from transit_api.database.clock import prepare_clock
from transit_api.database.migrate import SQL, DatabaseAway, MigrationError, migrate
from transit_api.database.network_files import NetworkFileError
from transit_api.database.startup import LatePreparation, prepare
from transit_api.lab.build import broken_build, claim, environment_of, sql_of
from transit_api.lab.defects import DEFECTS
from transit_api.lab.exercises import LabError, run_exercise, run_measure
from transit_api.local.embedded import running_url, start_embedded
from transit_api.local.embedded_roles import OWNER
from transit_api.local.psql import open_psql
from transit_api.observe.audit_metrics import write_audit_metrics
from transit_api.process.expiry import Expiry, expire_cards
from transit_api.process.processes import ProcessError
from transit_api.process.sockets import is_loopback, open_sockets, url_of
from transit_api.process.standard_streams import open_standard_streams
from transit_api.process.supervisor import run_workers
from transit_api.settings import Settings, SettingsError, list_settings, read_settings

DESCRIPTION = """\
The back office of Bogotá's fare cards: taps, recharges, fares, and books that agree.

  transit-api up                 everything on this machine, data under .data; Ctrl-C ends it
  transit-api serve              only the service, on DATABASE_URL and REDIS_URL
  transit-api migrate            bring the database to this release
  transit-api audit              check the books; exit code 0 only if they agree
  transit-api backup FILE        write the database into one file, while it is in use
  transit-api restore FILE       fill an empty database from it, and check the books
  transit-api expire             expire cards long unused; `up` does it every hour
  transit-api compute            what analytics would cost without rollups, as JSON
  transit-api url                where the database of a running `up` is, for psql
  transit-api psql               that database in psql, if it is installed
  transit-api lab NAME           an exercise of the lab, on the service that runs; see LAB.md
"""

EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    open_standard_streams()
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    logging.basicConfig(format="transit-api: %(message)s", level=logging.INFO, stream=sys.stderr)
    # Before the workers' parent takes over, SIGTERM unwinds what was started like Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    run: Callable[[Settings, argparse.Namespace], int] = chosen.run
    try:
        return run(read_settings(), chosen)
    except (SettingsError, NetworkFileError) as error:
        return _complain(error, EXIT_WRONG_INPUT)
    except (ProcessError, MigrationError, LabError) as error:
        return _complain(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def make_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="transit-api",
        description=DESCRIPTION,
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    up = commands.add_parser("up", help="run everything: PostgreSQL, Valkey, the service")
    up.add_argument(
        "--data-dir",
        type=Path,
        help="where the data lives (.data, or .data-broken-NAME with --broken)",
    )
    up.add_argument(
        "--broken",
        choices=DEFECTS,
        metavar="NAME",
        help=f"serve with one classic defect, to learn from it: {', '.join(DEFECTS)}",
    )
    up.add_argument(
        "--any-port-if-taken", action="store_true", help="take a free port if --port is taken"
    )
    up.add_argument(
        "--user",
        metavar="NAME",
        help="started by root: who runs the servers and workers, instead of a user id of their own",
    )
    up.set_defaults(run=run_up)
    serve = commands.add_parser("serve", help="run the service on DATABASE_URL and REDIS_URL")
    serve.set_defaults(run=run_serve, any_port_if_taken=False)
    for command in (up, serve):
        _add_service_options(command)
    migration = commands.add_parser("migrate", help="bring the database to this release")
    migration.set_defaults(run=run_migrate)
    audit = commands.add_parser("audit", help="check the books against each other")
    audit.add_argument("--card", type=int, metavar="CARD_ID", help="one card only")
    audit.add_argument(
        "--on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="one service day only"
    )
    audit.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="write the outcome there for Prometheus' node_exporter (a name that ends in .prom)",
    )
    audit.set_defaults(run=run_audit)
    compute = commands.add_parser(
        "compute",
        help="time each analytics answer from the base tables",
        description="Print, as JSON, the milliseconds that each analytics answer takes from the "
        "base tables instead of the rollups; exit code 1 if the two differ.",
    )
    compute.set_defaults(run=run_compute)
    url = commands.add_parser("url", help="print the address of the embedded database, for psql")
    url.set_defaults(run=run_url)
    expire = commands.add_parser("expire", help=(run_expire.__doc__ or "").rstrip("."))
    expire.set_defaults(run=run_expire)
    psql = commands.add_parser("psql", help=(run_psql.__doc__ or "").rstrip("."))
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="for psql, after --")
    psql.set_defaults(run=run_psql)
    for command in (audit, compute, expire, url, psql):
        _add_data_dir(command)
    _add_backup_commands(commands)
    _add_lab_command(commands)
    return parser


def _add_lab_command(commands: Any) -> None:
    lab = commands.add_parser("lab", help=(run_lab.__doc__ or "").rstrip("."))
    lab.add_argument("name", choices=DEFECTS, metavar="NAME", help=", ".join(DEFECTS))
    lab.add_argument(
        "--url", default="http://127.0.0.1:8000", help="the service to try (%(default)s)"
    )
    lab.add_argument(
        "--measure",
        action="store_true",
        help="instead, time the requests that the defence is part of",
    )
    _add_data_dir(lab)
    lab.set_defaults(run=run_lab)


def _add_data_dir(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir",
        type=Path,
        default=Path(".data"),
        help="the data of a running `up`, if DATABASE_URL is not set (%(default)s)",
    )


def _add_backup_commands(commands: Any) -> None:
    for name, run, data in (
        ("backup", run_backup, "the data of a running `up`, if DATABASE_URL is not set"),
        ("restore", run_restore, "a new directory of data for `up`, if DATABASE_URL is not set"),
    ):
        command = commands.add_parser(name, help=(run.__doc__ or "").rstrip("."))
        command.add_argument("file", type=Path, metavar="FILE", help="in pg_dump's custom format")
        command.add_argument(
            "--binaries",
            type=Path,
            metavar="DIR",
            help="where pg_dump and pg_restore of the server's own version are, if it is not ours",
        )
        command.add_argument(
            "--data-dir", type=Path, default=Path(".data"), help=f"{data} (%(default)s)"
        )
        command.set_defaults(run=run)


def _add_service_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", help="address to listen on (TRANSIT_HOST, 127.0.0.1)")
    command.add_argument("--port", type=int, help="port, 0 for a free one (TRANSIT_PORT, 8000)")
    command.add_argument(
        "--workers", type=int, help="processes that answer (TRANSIT_WORKERS, half the cores)"
    )
    command.add_argument(
        "--simulated-clock",
        nargs="?",
        const="",
        metavar="START",
        help="let time be set over HTTP; a new clock starts at START (RFC 3339) or now",
    )


def run_up(settings: Settings, chosen: argparse.Namespace) -> int:
    """Everything on this machine."""
    settings = _with_options(settings, chosen)
    # Before anything is started: a taken port is the likeliest reason not to.
    sockets = open_sockets(settings.host, settings.port, any_port_if_taken=chosen.any_port_if_taken)
    name = chosen.broken or ""
    directory = chosen.data_dir or Path(f".data-broken-{name}" if name else ".data")
    with ExitStack() as stack:
        sql, environment = SQL, None
        if name:
            if not is_loopback(sockets):
                raise SettingsError("a broken service listens on a loopback address only")
            claim(directory, name)
            # Two workers, so that what happens at once happens in two processes.
            settings = dataclasses.replace(settings, workers=settings.workers or 2)
            build = stack.enter_context(broken_build(DEFECTS[name]))
            sql, environment = sql_of(build), environment_of(build)
            logging.warning("BROKEN on purpose, %s: %s", name, DEFECTS[name].taken_away)
        servers = stack.enter_context(
            start_embedded(directory, connections=settings.connections, user=chosen.user)
        )
        settings = dataclasses.replace(
            settings,
            database_url=servers.database_url,
            owner_database_url=servers.owner_url,
            redis_url=servers.redis_url,
        )
        logging.info("database: %s", migrate(servers.owner_url, sql, name))
        prepare_clock(settings)
        _serve(settings, sockets, servers.postgresql.uid, environment)
    return 0


def run_serve(settings: Settings, chosen: argparse.Namespace) -> int:
    """Only the service."""
    settings = _with_options(settings, chosen)
    _need_database(settings)
    sockets = open_sockets(settings.host, settings.port)
    try:
        prepare(settings)
    except DatabaseAway as error:
        # It is there for those who look at it, and says so: a service that comes up only after its
        # database would have to be started again after a power cut.
        logging.warning("%s; answering 503 until it does", error)
        return _serve_without_database(settings, sockets)
    _serve(settings, sockets)
    return 0


def _serve_without_database(settings: Settings, sockets: list[Any]) -> int:
    late = LatePreparation(settings)
    late.start()
    try:
        _serve(settings, sockets)
    finally:
        late.stop()
    if late.refusal is not None:
        raise late.refusal
    return 0


def _serve(
    settings: Settings,
    sockets: list[Any],
    uid: int | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    url = url_of(sockets)
    if not is_loopback(sockets):
        logging.warning("reachable from other machines, and there is no access control")
    expiry = Expiry(settings.owner_database_url) if settings.owner_database_url else None
    if expiry:
        expiry.start()
    run_workers(
        settings,
        sockets,
        lambda: print(f"Serving {url} (documentation: {url}/docs)", flush=True),
        uid,
        environment,
    )


def run_migrate(settings: Settings, chosen: argparse.Namespace) -> int:
    """Bring the database to this release."""
    if not settings.owner_url:
        raise SettingsError("neither TRANSIT_OWNER_DATABASE_URL nor DATABASE_URL is set")
    print(migrate(settings.owner_url))
    return 0


def run_expire(settings: Settings, chosen: argparse.Namespace) -> int:
    """Expire the cards that were issued 5 years ago and are unused for 2."""
    url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    try:
        print(f"expired {expire_cards(url)} cards")
    except psycopg2.Error as error:
        raise MigrationError(f"cannot expire: {_first_line(error)}") from error
    return 0


def run_audit(settings: Settings, chosen: argparse.Namespace) -> int:
    """Print each offence; 0 only when there is none."""
    if chosen.metrics and (chosen.card or chosen.on):
        raise SettingsError("--metrics tells of the whole books, not of a card or a day")
    url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    return _audit(url, settings, chosen.card, chosen.on, chosen.metrics)


def _audit(
    url: str,
    settings: Settings,
    card: int | None = None,
    on: date | None = None,
    metrics: Path | None = None,
) -> int:
    try:
        connection = psycopg2.connect(url, connect_timeout=settings.connect_timeout_seconds)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM api.audit(%s::bigint, %s::date)", [card, on])
            offences = cursor.fetchall()
        connection.close()
    except psycopg2.Error as error:
        raise MigrationError(f"cannot audit: {_first_line(error)}") from error
    if metrics:
        write_audit_metrics(metrics, len(offences))
    for invariant, subject, detail in offences:
        print(invariant, subject, detail)
    if offences:
        print(f"{len(offences)} offences: the books do not agree", file=sys.stderr)
        return EXIT_FAILED
    print("the books agree")
    return 0


def run_compute(settings: Settings, chosen: argparse.Namespace) -> int:
    """Print what the base tables take; 1 if the rollups are not what they sum."""
    url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    try:
        print(json.dumps(time_base_tables(url), indent=1))
    except psycopg2.Error as error:
        raise MigrationError(f"cannot compute: {_first_line(error)}") from error
    except RollupsDiffer as error:
        return _complain(error, EXIT_FAILED)
    return 0


def run_url(settings: Settings, chosen: argparse.Namespace) -> int:
    """Print where the owner reaches the database of a running `up`."""
    print(running_url(chosen.data_dir, OWNER))
    return 0


def run_psql(settings: Settings, chosen: argparse.Namespace) -> int:
    """Open the database in psql, as its owner."""
    url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    return open_psql(url, chosen.arguments)


def run_lab(settings: Settings, chosen: argparse.Namespace) -> int:
    """Try one exercise of the lab on a running service; 1 if its defect shows."""
    if chosen.measure:
        return run_measure(chosen.name, chosen.url)
    try:
        database_url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    except ProcessError:
        # Most exercises need the service alone.
        database_url = ""
    return run_exercise(chosen.name, chosen.url, database_url)


def run_backup(settings: Settings, chosen: argparse.Namespace) -> int:
    """Write the database into one file, while it is in use."""
    url = settings.owner_url or running_url(chosen.data_dir, OWNER)
    back_up(url, chosen.file, chosen.binaries)
    print(f"wrote {chosen.file}: {chosen.file.stat().st_size} bytes")
    return 0


def run_restore(settings: Settings, chosen: argparse.Namespace) -> int:
    """Fill an empty database from a backup, and check the books."""
    if settings.owner_url:
        restore(settings.owner_url, chosen.file, chosen.binaries)
        return _audit(settings.owner_url, settings)
    with start_embedded(chosen.data_dir) as servers:
        restore(servers.owner_url, chosen.file, chosen.binaries)
        return _audit(servers.owner_url, settings)


def _with_options(settings: Settings, chosen: argparse.Namespace) -> Settings:
    """Options win over the environment, and pass the same checks."""
    changes = {
        name: getattr(chosen, name)
        for name in ("host", "port", "workers")
        if getattr(chosen, name) is not None
    }
    if chosen.simulated_clock is not None:
        changes |= {"simulated_clock": True, "simulated_clock_start": chosen.simulated_clock}
    return dataclasses.replace(settings, **changes)


def _need_database(settings: Settings) -> None:
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set; `transit-api up` brings a database along")


def _settings_help() -> str:
    lines = ["settings, from the environment:"]
    for variable, default, meaning in list_settings():
        lines.append(f"  {variable}={default}\n      {meaning}")
    return "\n".join(lines)


def _first_line(error: psycopg2.Error) -> str:
    return str(error).strip().partition("\n")[0]


def _complain(error: Exception, code: int) -> int:
    print(f"transit-api: {error}", file=sys.stderr)
    return code


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
