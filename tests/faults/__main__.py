"""`make faults`: a JSON line a seed; exit code 1 if one failed, met nothing, or sees nothing."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.faults.degradation import as_markdown
from tests.faults.mutants import MUTANTS, was_seen
from tests.faults.run import run_seed
from tests.faults.stack import start_stack

SECONDS = 8.0


def parse_seeds(text: str) -> list[int]:
    """`7` or `1..20`."""
    first, _, last = text.partition("..")
    return list(range(int(first), int(last or first) + 1))


def main() -> int:
    """Run the seeds on one stack, whose audit is clean between them."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=parse_seeds, default=parse_seeds("1..20"), metavar="1..20")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load (%(default)g)")
    parser.add_argument(
        "--prove", action="store_true", help="also run the builds with a broken promise"
    )
    parser.add_argument(
        "--table",
        action="store_true",
        help="only print the degradation table, for compose/README.md",
    )
    parser.add_argument("--log", type=Path, help="copy the service's log here")
    chosen = parser.parse_args()
    if chosen.table:
        print(as_markdown())
        return 0
    failed, without_effect = [], []
    with start_stack() as stack:
        for seed in chosen.seeds:
            verdict = run_seed(stack, seed, chosen.seconds)
            print(json.dumps(verdict.as_line()), flush=True)
            failed += [] if verdict.passed else [seed]
            without_effect += [] if verdict.counts else [seed]
        if chosen.log:
            chosen.log.write_bytes(stack.log.read_bytes())
    counted = len(chosen.seeds) - len(set(failed + without_effect))
    print(f"{counted} of {len(chosen.seeds)} seeds passed with every fault hitting requests in "
          f"flight; failed: {failed or 'none'}; met nothing: {without_effect or 'none'}",
          file=sys.stderr)  # fmt: skip
    blind = prove(chosen.seconds) if chosen.prove else []
    return 1 if failed or without_effect or blind else 0


def prove(seconds: float) -> list[str]:
    """The broken builds that the suite does not see; there must be none."""
    blind = []
    for name, (run, words) in MUTANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            verdict = run(Path(folder), seconds)
        seen = was_seen(verdict, words)
        print(json.dumps({"mutant": name, "seen": seen, **verdict.as_line()}), flush=True)
        blind += [] if seen else [name]
    return blind


if __name__ == "__main__":
    sys.exit(main())
