"""The command line `transit-sim`; bad input ends at once with one line and exit code 2."""

import argparse
import io
import sys
from importlib.metadata import version

from rich.console import Console

from simulator import commands, studies
from simulator.client import NoAnswer
from simulator.scenario import BadInput, scenario_names
from simulator.world import Unusable

DESCRIPTION = """\
Bogotá's riders, validators and buses, against a running service.

  transit-sim demo                    start a service, drive a rush hour, check the books
  transit-sim run rush-hour --url URL drive a scenario; see `transit-sim run --help`
  transit-sim compare A.json B.json   two runs side by side: what became worse
  transit-sim city                    how like Bogotá the simulated day is, in figures
  transit-sim day --scale 0.1         a weekday through the batch endpoints, to the peso
  transit-sim latency                 what caching is worth, endpoint by endpoint
"""
PACKAGE = "transit-api"
EXIT_BAD_INPUT = 2
PLAIN_WIDTH = 110  # where there is no terminal to say


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A letter of Bogotá on a stream of ASCII is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = make_parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    try:
        code: int = chosen.command(chosen, console)
    except (BadInput, Unusable, NoAnswer) as error:
        print(f"transit-sim: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("transit-sim: interrupted", file=sys.stderr)
        return 130
    return code


def make_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="transit-sim",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version(PACKAGE)}")
    group = parser.add_subparsers(required=True, metavar="command")
    commands.add_demo(group)
    commands.add_run(group, scenario_names())
    studies.add_compare(group)
    studies.add_city(group)
    studies.add_day(group)
    studies.add_latency(group)
    return parser


if __name__ == "__main__":
    sys.exit(main())
