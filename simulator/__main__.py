"""The command line `transit-sim`: demo, run and the rest."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from simulator.demo import Demo, run_demo

DESCRIPTION = """\
Bogotá's riders, validators and buses, against a running service.

  transit-sim demo               start a service, drive a rush hour through it, check the books
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    chosen = make_parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    code: int = chosen.command(chosen, console)
    return code


def make_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="transit-sim",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="a service and a rush hour on this machine")
    demo.add_argument("--duration", type=float, default=60.0, help="seconds (%(default)g)")
    demo.add_argument("--rate", type=float, default=60.0, help="taps a second (%(default)g)")
    demo.add_argument("--port", type=int, default=8000, help="port wanted (%(default)s)")
    demo.add_argument("--data-dir", type=Path, default=Path(".data"), help="(%(default)s)")
    demo.add_argument("--scenario", default="rush-hour", help="(%(default)s)")
    demo.set_defaults(command=command_demo)
    return parser


def command_demo(chosen: argparse.Namespace, console: Console) -> int:
    """In a terminal it keeps serving; SERVE=0 says not to."""
    serve = os.environ.get("SERVE", "1" if sys.stdin.isatty() and console.is_terminal else "0")
    demo = Demo(
        duration_s=chosen.duration,
        rate=chosen.rate,
        port=chosen.port,
        data_dir=chosen.data_dir,
        scenario=chosen.scenario,
        serve=serve not in ("", "0"),
        log=Path("reports") / "service.log",
    )
    return run_demo(demo, console)


if __name__ == "__main__":
    sys.exit(main())
