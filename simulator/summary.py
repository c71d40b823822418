"""The report of a run as data: what --json writes and `transit-sim compare` reads."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from simulator.measure import latency_rows
from simulator.result import Result
from simulator.thresholds import Threshold
from simulator.verdict import judge_run


def summary(result: Result, thresholds: Sequence[Threshold] = ()) -> dict[str, Any]:
    """The report as data."""
    recorder = result.recorder
    verdict = judge_run(result, thresholds)
    return {
        "verdict": {"word": verdict.word, "exit_code": verdict.code, **asdict(verdict)},
        "parameters": asdict(result.scenario),
        "scenario": result.scenario.name,
        "url": result.url,
        "seed": result.scenario.seed,
        "run": result.run,
        "workers": result.workers,
        "finished_at": result.finished_at.isoformat(),
        "wall_s": round(recorder.wall_s, 3),
        "requests": recorder.requests(),
        "latency_ms": latency_rows(recorder),
        "outcomes": {name: dict(codes) for name, codes in recorder.outcomes.items()},
        "retries": dict(recorder.retries),
        "strangers": {str(status): count for status, count in recorder.strangers.items()},
        "failures": dict(recorder.failures),
        "cache": dict(recorder.cache),
        "lag_p99_ms": recorder.lag_p99_ms(),
        "dropped": dict(recorder.dropped),
        "generator_cpu_s": round(recorder.cpu_s, 3),
        "spoiled": recorder.spoiled(result.workers),
        "books": {
            "riders": result.riders,
            "cards": result.cards,
            "agree": result.books_agree,
            "totals": result.totals,
            "total_differences": result.total_differences,
            "differences": [str(difference) for difference in result.differences],
            "statements": result.statements,
            "unresolved": result.unresolved,
        },
    }
