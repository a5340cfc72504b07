"""A scheduler that tells, beside deciding, why jobs wait and when they will start.

It decides nothing else than the scheduler inside. Every hour a sample of what waits is explained
and, under TokenFlow, forecast; the jobs that were asked about have a story: a line whenever
something else keeps them back.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from suanli.planning.explaining import Explanation, explain
from suanli.planning.forecasts import Forecasts
from suanli.planning.scheduler import Action, Publisher, Scheduler
from suanli.planning.tokenflow.scheduler import TokenFlow
from suanli.planning.view import View
from suanli.terms.instant import HOUR, in_words

SAMPLE_MS: Final = HOUR
Story = list[dict[str, Any]]


class Explained:
    """A scheduler with an account of what waits; `asked` are jobs by number, the first is 1."""

    def __init__(self, inner: Scheduler, asked: tuple[int, ...]) -> None:
        self.inner = inner
        self.forecasts = Forecasts()
        self.stories: dict[int, Story] = {number - 1: [] for number in asked}  # by row
        self._waited_for: Counter[str] = Counter()
        self._sampled_at: int | None = None
        if isinstance(inner, Publisher):  # what it publishes is published
            self.published = inner.published

    def next_instant(self, at: int) -> int | None:
        return self.inner.next_instant(at)

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield what the scheduler inside decides, then look at what is left waiting."""
        yield from self.inner.decide(view, at)
        if self._sampled_at is None or at - self._sampled_at >= SAMPLE_MS:
            self._sampled_at = at
            self._sample(view, at)
        for row, story in self.stories.items():
            self._tell(view, row, story, at)

    def _sample(self, view: View, at: int) -> None:
        if not view.queued:
            return
        rows = list(view.queued)
        if isinstance(self.inner, TokenFlow):
            rows = list(self.forecasts.tell(view, self.inner, at))
        self._waited_for.update(explain(view, self.inner, row, at).constraint for row in rows)

    def _tell(self, view: View, row: int, story: Story, at: int) -> None:
        if row in view.queued:
            found = explain(view, self.inner, row, at)
            if not story or story[-1]["constraint"] != found.constraint:
                story.append(self._line(view, row, found, at))
        elif row < view.jobs.count and (not story or story[-1]["constraint"] != "starts"):
            story.append({"job": row + 1, "at": at, "constraint": "starts",
                          "after_ms": at - int(view.jobs.submitted[row])})

    def _line(self, view: View, row: int, found: Explanation, at: int) -> dict[str, Any]:
        line = {"job": row + 1, "at": at, "constraint": found.constraint,
                "after_ms": at - int(view.jobs.submitted[row]), "position": found.position,
                "waiting": found.waiting, "sentence": found.sentence,
                "price_gap": found.price_gap}
        if interval := self.forecasts.of(view, self.inner, row, at):
            line |= {"starts_earliest_ms": interval[0] - at, "starts_latest_ms": interval[1] - at}
        return line

    def row(self) -> dict[str, Any]:
        """Return what is told at the end: shares of the samples, coverage, the stories."""
        samples = max(1, self._waited_for.total())
        return {"waited_for": {name: count / samples
                               for name, count in self._waited_for.most_common()},
                **(self.forecasts.coverage() if isinstance(self.inner, TokenFlow) else {}),
                "explained": [line for story in self.stories.values() for line in story]}


def told(line: dict[str, Any]) -> str:
    """Return a line of a story as people read it."""
    after = f"job {line['job']}, after {in_words(line['after_ms'])}: {line['constraint']}"
    if "sentence" not in line:
        return after
    starts = "" if "starts_latest_ms" not in line else (
        f"; starts in {in_words(line['starts_earliest_ms'])} to "
        f"{in_words(line['starts_latest_ms'])}")
    return f"{after}, {line['position']} of {line['waiting']}: {line['sentence']}{starts}"
