"""The verdict of a run as JUnit XML: one test case for each thing that was asked of it."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from simulator.result import Result
from simulator.thresholds import Threshold
from simulator.verdict import Verdict, judge_run

# XML has no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(result: Result, thresholds: Sequence[Threshold] = ()) -> bytes:
    """The whole file. A run that spoiled itself is an error: nothing was tested."""
    verdict = judge_run(result, thresholds)
    failures = sum(not check.passed for check in verdict.checks)
    counts = {
        "tests": str(len(verdict.checks) + 1),
        "failures": str(failures),
        "errors": str(int(bool(verdict.spoiled))),
        "skipped": "0",
        "time": f"{result.recorder.wall_s:.3f}",
    }
    name = clean(f"transit-sim {result.scenario.name}")
    suites = ElementTree.Element("testsuites", {"name": name, **counts})
    started = f"{result.finished_at:%Y-%m-%dT%H:%M:%S}"
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": name, "timestamp": started, **counts}
    )
    add_properties(suite, result)
    add_cases(suite, result, verdict)
    ElementTree.indent(suites)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites) + b"\n"


def add_properties(suite: ElementTree.Element, result: Result) -> None:
    """What it takes to make the run again."""
    scenario = result.scenario
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("url", result.url), ("seed", scenario.seed), ("rate", scenario.rate),
        ("speed", scenario.speed), ("duration_s", scenario.duration_s),
        ("workers", result.workers), ("riders", result.riders),
    ):  # fmt: skip
        ElementTree.SubElement(properties, "property", {"name": name, "value": clean(str(value))})


def add_cases(suite: ElementTree.Element, result: Result, verdict: Verdict) -> None:
    """A case for each check, and one for the generator."""
    of = {"classname": clean(f"transit-sim.{result.scenario.name}")}
    for check in verdict.checks:
        case = ElementTree.SubElement(suite, "testcase", {"name": clean(check.name), **of})
        if not check.passed:
            told = {"message": clean(f"measured: {check.told}"), "type": "failed"}
            ElementTree.SubElement(case, "failure", told)
        ElementTree.SubElement(case, "system-out").text = clean(check.told)
    case = ElementTree.SubElement(suite, "testcase", {"name": "run not spoiled", **of})
    if verdict.spoiled:
        told = {"message": clean("; ".join(verdict.spoiled)), "type": "spoiled"}
        ElementTree.SubElement(case, "error", told)


def clean(text: str) -> str:
    """Without the characters that no XML can hold."""
    return _UNWRITABLE.sub("?", text)
