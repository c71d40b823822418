"""What makes a run fail: conditions like `p99(start_trip) > 25ms` over its measurements."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.measure import ENDPOINTS, EXPECTED_REFUSALS, Recorder, percentile_ms
from simulator.scenario import BadInput

_FORM = re.compile(
    r"^\s*(?P<measure>p\d{1,3}(?:\.\d+)?|errors|refused|requests|rate|lag)"
    r"\s*(?:\(\s*(?P<of>[\w/ ()]+?)\s*\))?"
    r"\s*(?P<test>>=|<=|>|<)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|%|/s)?\s*$"
)
_TESTS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "%": 0.01, "/s": 1.0, None: 1.0}
_RIGHT_UNITS = {
    "p": ("us", "ms", "s"), "lag": ("us", "ms", "s"), "errors": ("%", None),
    "refused": ("%", None), "requests": (None,), "rate": ("/s", None),
}  # fmt: skip

_ANY_ENDPOINT = ENDPOINTS | {"all"}
# What may stand in brackets behind a measure.
_OF: dict[str, frozenset[str]] = {
    "p": _ANY_ENDPOINT, "requests": _ANY_ENDPOINT, "refused": EXPECTED_REFUSALS,
    "errors": frozenset(), "rate": frozenset(), "lag": frozenset(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Threshold:
    """One condition under which the run fails.

    `measure` is pNN (latency in ms of an endpoint, or of all), errors or refused (share of the
    requests), requests (a count), rate (requests a second) or lag (send lag p99 in ms).
    """

    text: str
    measure: str
    of: str
    test: str
    limit: float

    def value(self, recorder: Recorder) -> float:
        """The measured figure, in ms, as a share or as a count."""
        if self.measure.startswith("p"):
            measured = [recorder.latency[name] for name in self._endpoints(recorder)]
            percentile = float(self.measure[1:])
            return max((percentile_ms(one, percentile) for one in measured), default=0.0)
        if self.measure == "lag":
            return recorder.lag_p99_ms()
        if self.measure == "rate":
            return recorder.requests() / max(recorder.wall_s, 1e-9)
        if self.measure == "requests":
            names = self._endpoints(recorder)
            return float(sum(sum(recorder.outcomes[name].values()) for name in names))
        return self._share(recorder)

    @property
    def is_timed(self) -> bool:
        """Whether a generator that was late or had no time falsifies the figure."""
        return self.measure.startswith("p") or self.measure == "rate"

    def told(self, recorder: Recorder) -> str:
        """The measured figure with its unit."""
        value = self.value(recorder)
        if self.measure == "lag":
            return f"{value:.1f} ms"
        if self.measure.startswith("p"):
            return f"{value:.1f} ms" if self._endpoints(recorder) else "no such requests"
        if self.measure == "rate":
            return f"{value:,.1f}/s"
        return f"{value:,.0f}" if self.measure == "requests" else f"{value:.3%}"

    def _share(self, recorder: Recorder) -> float:
        outcomes = recorder.by_outcome()
        if self.measure == "errors":
            count = sum(recorder.failures.values())
        elif self.of:
            count = outcomes[self.of]
        else:
            count = sum(outcomes[code] for code in EXPECTED_REFUSALS)
        return count / max(1, recorder.requests())

    def _endpoints(self, recorder: Recorder) -> list[str]:
        if self.of in ("", "all"):
            return list(recorder.latency)
        return [self.of] if self.of in recorder.latency else []

    def fails(self, recorder: Recorder) -> bool:
        """Whether the condition is met."""
        return _TESTS[self.test](self.value(recorder), self.limit)


def parse_threshold(text: str) -> Threshold:
    """A condition, or BadInput that says what would be right."""
    match = _FORM.match(text)
    if match is None:
        raise BadInput(
            f"--fail-if {text!r} does not parse: write it like 'p99(start_trip) > 25ms', "
            "'errors > 0.1%' or 'rate < 500/s'"
        )
    measure, unit = match["measure"], match["unit"]
    family = "p" if measure[1:2].isdigit() else measure
    if unit not in _RIGHT_UNITS[family]:
        units = " or ".join(str(unit) for unit in _RIGHT_UNITS[family] if unit)
        raise BadInput(f"--fail-if {text!r}: {measure} is given in {units or 'no unit'}")
    if family == "p" and float(measure[1:]) > 100:
        raise BadInput(f"--fail-if {text!r}: there is no percentile above 100")
    of = match["of"] or ""
    known = _OF[family]
    if of and of not in known:
        right = ", ".join(sorted(known)) or "none: it is of the whole run"
        raise BadInput(f"--fail-if {text!r}: {measure} has no {of!r}; there is {right}")
    limit = float(match["limit"]) * _UNITS[unit]
    return Threshold(text, measure, of, match["test"], limit)
