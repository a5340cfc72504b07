"""The study: four forms of market on the same days, as means over seeds with their intervals."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from suanli.simulation.confidence import mean_of
from suanli.simulation.coupling.auctioned import auctioned
from suanli.simulation.coupling.outcome import Outcome, figures
from suanli.simulation.coupling.posted import posted
from suanli.simulation.coupling.world import Day, draw_day

FORMS: Final[dict[str, Callable[[Day], Outcome]]] = {
    "posted prices": posted,
    "isolated auctions": partial(auctioned, is_coupled=False),
    "coupled, no blocks": partial(auctioned, has_blocks=False),
    "coupled auction": auctioned,
}


def study(seeds: int) -> Iterator[tuple[int, dict[str, dict[str, float]]]]:
    """Yield, for each seed, the figures of each form of market."""
    for seed in range(1, seeds + 1):
        day = draw_day(seed)
        yield seed, {name: figures(day, form(day)) for name, form in FORMS.items()}


def summary(rows: list[dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """Return a row a form: means with the halves of their 95 % intervals; welfare also gained."""
    first = next(iter(FORMS))
    return [{"form": name, "seeds": len(rows),
             **{key: mean_of([row[name][key] for row in rows])
                for key in rows[0][name]},
             "welfare_gain": mean_of([row[name]["welfare_rmb"] / row[first]["welfare_rmb"] - 1
                                      for row in rows])}
            for name in FORMS]
