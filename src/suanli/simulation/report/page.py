"""One page about a replay: headline, pictures, every figure with its definition; nothing loaded.

Pictures are of the centre's first seed; intervals and the tables are over all seeds. A policy's
colour is the same in all pictures.
"""

import html
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from suanli.simulation.confidence import mean_of
from suanli.simulation.experiments import Experiment
from suanli.simulation.report.definitions import DEFINITIONS
from suanli.simulation.summary import groups, is_sustained, means, number
from suanli.simulation.trials import Result, Row, Trial
from suanli.terms.errors import InputError

STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:40px 28px 80px;background:#fff;color:#222;
font:15px/1.55 Inter,"Helvetica Neue",Arial,sans-serif}
h1{font-size:27px;line-height:1.25;margin:0 0 6px}h2{font-size:18px;margin:46px 0 4px}
h3{font-size:14px;margin:22px 0 2px;color:#555}p{margin:4px 0 12px;max-width:76ch}
.lead,.note{color:#666}.note{font-size:13px}nav{margin:18px 0;font-size:13px}
nav a{margin-right:14px}a{color:#0072B2;text-decoration:none}
.cards{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}
.card{flex:1 1 150px;background:#F7F6F3;border-radius:8px;padding:12px 16px}
.card b{display:block;font-size:22px;font-weight:600}.card span{color:#666;font-size:13px}
.pair{display:flex;flex-wrap:wrap;gap:20px}.pair>div{flex:1 1 430px;min-width:0}
svg{display:block;width:100%;height:auto}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;margin:10px 0;width:100%}
th,td{padding:5px 10px;border-bottom:1px solid #e8e8e8;text-align:right;white-space:nowrap}
th{color:#666;font-weight:600}td:first-child,th:first-child{text-align:left}
td.text{text-align:left;white-space:normal;color:#666;min-width:300px}
"""
POLICY = ("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; img-src data:\">")


def require_matplotlib() -> None:
    """Refuse where pictures cannot be drawn, naming what to install."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("--report needs matplotlib, which is not installed: "
                         "`pip install 'suanli[report]'` brings it")


def write_report(folder: Path, experiment: Experiment, results: Mapping[str, Result]) -> Path:
    """Write `index.html` into a folder, made if need be; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    part = folder / "index.html.part"
    part.write_text("".join(_page(experiment, results)), encoding="utf-8")
    part.replace(page)
    return page


def _page(experiment: Experiment, results: Mapping[str, Result]) -> Iterator[str]:
    centre = [results[t.identity].row for t in experiment.centre]
    seed = experiment.centre[0].seed
    drawn = [(t.policy, series) for t in experiment.centre if t.seed == seed
             and (series := results[t.identity].series) is not None]
    title = html.escape(experiment.title)
    yield ('<!doctype html><html lang="en"><head><meta charset="utf-8">' + POLICY
           + '<meta name="viewport" content="width=device-width,initial-scale=1">'
           f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>")
    yield _lead(experiment, centre, seed, bool(drawn))
    yield _cards(groups(centre))
    yield from _pictures(experiment, results, centre, drawn)
    yield from _tables(experiment, results)
    yield "</body></html>\n"


def _lead(experiment: Experiment, centre: Sequence[Row], seed: int, is_drawn: bool) -> str:
    first, at = centre[0], experiment.centre[0]
    options = ", ".join(f"{name.replace('_', ' ')} {_words(value)}"
                        for name, value in at.options.items())
    seeds = len({t.seed for t in experiment.centre})
    said = [f"Simulated. {html.escape(str(first.get('workload', first['trace'])))}.",
            f"{first['devices']} devices; {html.escape(options)}.",
            f"{len(experiment.trials)} trials, {seeds} seed{'s' if seeds > 1 else ''}."]
    if is_drawn:
        said.append(f"Pictures over time are of seed {seed}; intervals are 95 %, over seeds.")
    return f'<p class="lead">{" ".join(said)}</p>'


def _words(value: Any) -> str:
    return " to ".join(map(_words, value)) if isinstance(value, list | tuple) else (
        f"{value:g}" if isinstance(value, float) else str(value))


def _cards(centre: Sequence[Sequence[Row]]) -> str:
    """Return what a hurried reader wants: the shortest delay, the fullest fleet, the worst off."""
    delayed = [g for g in centre if "queueing_delay_mean_s" in means(g) and is_sustained(g)]
    cards = []
    for groups_, name, words, unit, is_least in (
            (delayed, "queueing_delay_mean_s", "shortest mean delay", " s", True),
            (centre, "utilisation", "highest utilisation", "", False),
            (centre, "allocated_share", "most allocated", "", False),
            (centre, "rho_worst", "best worst rho", "", True)):
        known = [(means(g)[name], g[0]["policy"]) for g in groups_ if name in means(g)]
        if known:
            mean, policy = (min if is_least else max)(known, key=lambda k: k[0].value)
            cards.append(f'<div class="card"><span>{words}</span><b>{number(mean)}{unit}</b>'
                         f"<span>{html.escape(policy)}</span></div>")
    bad = [g[0]["policy"] for g in centre if not is_sustained(g)]
    if bad:
        cards.append(f'<div class="card"><span>load not sustained by</span><b>{len(bad)}</b>'
                     f"<span>{html.escape(', '.join(bad))}</span></div>")
    return f'<div class="cards">{"".join(cards)}</div>'


def _section(key: str, title: str, words: str, *drawn: str) -> str:
    return f'<section id="{key}"><h2>{title}</h2><p class="note">{words}</p>{"".join(drawn)}' \
           "</section>"


def _pictures(experiment: Experiment, results: Mapping[str, Result], centre: Sequence[Row],
              drawn: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    import matplotlib

    from suanli.simulation.report import gantt, pictures
    from suanli.simulation.report.style import SETTINGS, svg
    with matplotlib.rc_context(SETTINGS):
        grouped = groups(centre)
        if all("queueing_delay_mean_s" in means(group) for group in grouped):
            yield _section("ranking", "Queueing delay", _meaning("queueing_delay_mean_s")
                           + " Hatched: the load was not sustained, and the mean is only that of "
                           "this window.", svg(pictures.ranking(grouped), "ranking"))
            yield from _factors(experiment, results)
        if not drawn:
            return
        for key, label, title, words, is_share in OVER_TIME:
            if key == "preemptions_a_day" and not any(any(s[key]) for _, s in drawn):
                yield _section(key, title, "No policy preempted anything.")
                continue
            yield _section(key, title, words, svg(pictures.over_time(drawn, key, label, is_share),
                                                  key))
        yield _section("delays", "Who waits, and how long", "Left: the share of jobs that waited "
                       "no longer than a time. Right: by devices asked for, mean (dot) and 95th "
                       "percentile (tick).", '<div class="pair"><div>',
                       svg(pictures.distribution(drawn), "distribution"), "</div><div>",
                       svg(pictures.by_gang(drawn), "gangs"), "</div></div>")
        yield _section("tenants", "Shares of the tenants", "Bars: each tenant's share of the work "
                       "asked for; dots: its share of the device time of running jobs in the "
                       "window, by policy; a stroke: the share that was due, where a policy set "
                       "one.", svg(pictures.tenants(drawn), "tenants"))
        if any(series["prices"] for _, series in drawn):
            yield _section("prices", "Prices", "What a device-hour of a pool costs from each "
                           "instant on, by the policies that set prices.",
                           svg(pictures.prices(drawn), "prices"))
        for policy, series in drawn:
            part = (f"{len(series['hosts'])} of {series['host_count']} hosts are drawn, evenly "
                    "chosen." if len(series["hosts"]) < series["host_count"] else
                    f"All {series['host_count']} hosts.")
            yield _section(
                f"gantt-{html.escape(policy)}", f"Hosts under {html.escape(policy)}",
                f"Colour: the tenant that holds most of a host; paler where less of it is held. "
                f"{part}", svg(gantt.run_at_a_glance(series), f"glance {policy}"),
                "<h3>The busiest day, placement by placement</h3>",
                svg(gantt.busiest_day(series), f"day {policy}"))


OVER_TIME = (
    ("queued_jobs", "jobs in the queue", "Queue", "Jobs submitted or requeued of which not "
     "everything runs yet, mean in each of 240 equal bins.", False),
    ("queued_device_hours", "device-hours in the queue", "Work in the queue", "Work left of the "
     "queued jobs, in device-hours of their reference chip: what a growing backlog shows.", False),
    ("utilisation", "devices in use", "Utilisation", "Devices of fully started jobs over the "
     "devices of the fleet.", True),
    ("preemptions_a_day", "preemptions a day", "Preemptions", "Running placements stopped for "
     "another job, a day.", False),
)


def _meaning(name: str) -> str:
    said = DEFINITIONS[name].meaning
    return html.escape(said[0].upper() + said[1:]) + "."


def _factors(experiment: Experiment, results: Mapping[str, Result]) -> Iterator[str]:
    """Yield a picture for each factor that was varied around the centre."""
    from suanli.simulation.report import pictures
    from suanli.simulation.report.style import svg
    at = experiment.centre[0]
    drawn = []
    for name in at.options:
        values = {repr(getattr(t, name)): getattr(t, name) for t in experiment.trials
                  if _is_beside(t, at, name)}
        if len(values) < 2:
            continue
        ordered = sorted(values.values(), key=lambda v: (isinstance(v, str), v))
        points = [(_words(value), groups(
            results[t.identity].row for t in experiment.trials
            if _is_beside(t, at, name) and getattr(t, name) == value)) for value in ordered]
        drawn.append(f"<div>{svg(pictures.factor(name, points), f'factor {name}')}</div>")
    if drawn:
        yield _section("factors", "One factor at a time", "All else at the centre. Hollow: the "
                       "load was not sustained.", f'<div class="pair">{"".join(drawn)}</div>')


def _is_beside(trial: Trial, centre: Trial, name: str) -> bool:
    """Say whether a trial differs from the centre in one factor at most, policy and seed apart."""
    return replace(trial, policy=centre.policy, seed=centre.seed,
                   **{name: getattr(centre, name)}) == centre


def _tables(experiment: Experiment, results: Mapping[str, Result]) -> Iterator[str]:
    """Yield all figures of the centre with definitions, then the other points' main ones."""
    at_centre = groups(results[t.identity].row for t in experiment.centre)
    names = [name for name in DEFINITIONS if any(name in g[0] for g in at_centre)]
    heads = "".join(f"<th>{html.escape(g[0]['policy'])}</th>" for g in at_centre)
    body = "".join(
        f"<tr><td>{html.escape(DEFINITIONS[name].heading)}</td>"
        + "".join(f"<td>{_figure(group, name)}</td>" for group in at_centre)
        + f'<td>{DEFINITIONS[name].unit}</td><td class="text">'
        f"{html.escape(DEFINITIONS[name].meaning)}</td></tr>" for name in names)
    yield _section("figures", "Every figure, and what it means", "At the centre; mean and 95 % "
                   "interval over seeds.", '<div class="scroll"><table><thead><tr><th>figure</th>'
                   f'{heads}<th>unit</th><th>definition</th></tr></thead><tbody>{body}</tbody>'
                   "</table></div>")
    yield from _points(experiment, results)


def _points(experiment: Experiment, results: Mapping[str, Result]) -> Iterator[str]:
    others = [results[t.identity].row for t in experiment.trials if t not in experiment.centre]
    if not others:
        return
    at = experiment.centre[0].options
    shown = [name for name in ("queueing_delay_mean_s", "queueing_delay_p95_s", "jct_mean_s",
                               "utilisation", "allocated_share", "rho_worst",
                               "backlog_growth_device_hours_per_day", "is_sustained")
             if name in others[0]]
    heads = "".join(f"<th>{html.escape(DEFINITIONS[name].heading)}</th>" for name in shown)
    body = ""
    for group in groups(others):
        moved = ", ".join(f"{name.replace('_', ' ')} {_words(group[0][name])}" for name in at
                          if _words(group[0][name]) != _words(at[name]))
        body += (f"<tr><td>{html.escape(group[0]['policy'])}</td><td>{html.escape(moved)}</td>"
                 + "".join(f"<td>{_figure(group, name)}</td>" for name in shown) + "</tr>")
    yield _section("points", "Away from the centre", "What differs from the centre, and the main "
                   "figures.", '<div class="scroll"><table><thead><tr><th>policy</th><th>at</th>'
                   f"{heads}</tr></thead><tbody>{body}</tbody></table></div>")


def _figure(group: Sequence[Row], name: str) -> str:
    """Return a figure over a group's seeds, or its texts."""
    values = [row.get(name) for row in group]
    if all(isinstance(value, bool) for value in values):
        return "yes" if all(values) else "no" if not any(values) else "in part"
    if all(isinstance(value, int | float) for value in values):
        return number(mean_of([float(value) for value in values if value is not None]))
    return html.escape("; ".join(dict.fromkeys(str(v) for v in values if v))) or "–"
