"""`make faults`: seeds, one JSON line each; exit code 1 if one failed or met nothing."""

import argparse
import json
import sys
from pathlib import Path

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
    parser.add_argument("--log", type=Path, help="copy the service's log here")
    chosen = parser.parse_args()
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
    return 1 if failed or without_effect else 0


if __name__ == "__main__":
    sys.exit(main())
