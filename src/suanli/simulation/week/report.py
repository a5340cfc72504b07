"""The week told as a page: generated from its figures, by the command that it names."""

import textwrap
from typing import Any, Final

from suanli.simulation.week.bids import STRIP_LOTS
from suanli.simulation.week.figures import Figures
from suanli.simulation.week.hedging import COLLAR_PPM
from suanli.simulation.week.stage import (
    BACK_HOUR,
    CAP_MRMB,
    DEVICES,
    ENTERPRISES,
    FAIL_HOUR,
    FAILING,
    LINK_FEE_MRMB,
    LINK_LOTS,
    LOWERED_CAP_MRMB,
    OPERATORS,
    PEOPLE,
)

COLUMNS: Final = 100
MARKET: Final = {
    "day": "day", "price_min": "price min", "price_mean": "mean", "price_max": "max",
    "tokens": "tokens", "welfare_rmb": "welfare RMB", "rejected": "paradoxically rejected",
    "cap": "cap", "cap_hours": "hours at the cap", "cap_filled": "filled at the cap"}
REST: Final = {
    "day": "day", "spot_trades": "spot trades", "resales": "of them resales",
    "spot_tokens": "spot tokens", "spot_mean": "spot mean price", "jobs_ended": "jobs ended",
    "jobs_on_own": "of them on bought hours",
    "jobs_lost": "of them lost", "refunds": "refunds", "refunded_tokens": "tokens undelivered",
    "refunded_rmb": "paid RMB"}
HEDGING: Final = {"way": "how it buys", "mean_rmb": "daily bill RMB, mean",
                  "deviation_rmb": "standard deviation", "price_mrmb": "mean price",
                  "served": "part of the need bought"}
WEEKLY: Final = {key: name for key, name in MARKET.items() if key not in ("day", "cap_filled")}


def page(found: Figures) -> str:
    """Return the page in Markdown."""
    command = f"suanli bench week --days {found['days']} --seed {found['seed']}"
    lines = [
        "# A week of the whole market (simulated)", "",
        f"Written by `{command} --report FILE`: the text follows from the run. Synthetic demand "
        "on virtual time, through the production state machine, market, planner, auctioneer, "
        "solver and SQLite engine; nothing here was measured on a real market. Prices are in "
        "milli-RMB a token.", "", *_who(), *_events(found), "", "## Conservation", "",
        *_laws(found), "", "## Day-ahead auctions, by delivery day", "",
        *_table(found["by_day"], MARKET), "", "## The strips of the week", "",
        *_table(found["weekly"], WEEKLY), "",
        "A strip is a block: what binds it is the mean of its hours' prices. One hour's price "
        "alone says little here.", "", "## Spot book, jobs and deliveries", "",
        *_table(found["by_day"], REST), "",
        "Trades and jobs are of the day in which they happened, refunds of the day whose hours "
        "were not delivered.", "", "## What hedging is worth", "", *_hedging(found), ""]
    return "\n".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    """Return a line of text in lines of the house's width; tables and headings stay whole."""
    if line[:1] in ("|", "#", ""):
        return line
    return textwrap.fill(line, COLUMNS, break_long_words=False, break_on_hyphens=False)


def _who() -> list[str]:
    fleets = "; ".join(f"{o.name} in area `{o.area}`: {o.hosts} hosts of {DEVICES} {o.chip} from "
                       f"{o.price_mrmb}" for o in OPERATORS)
    return [
        f"Three operators ({fleets}), {len(PEOPLE) + len(ENTERPRISES)} tenants. A posted price "
        "rises with what is sold of the next hour, up to twice its start. Links of "
        f"{LINK_LOTS / 1000:.0f} tokens an hour join all areas, for {LINK_FEE_MRMB} a token.", ""]


def _events(found: Figures) -> list[str]:
    return [
        f"On day {found['fail_day']} all hosts of {FAILING.name} are down from {FAIL_HOUR}:00 to "
        f"{BACK_HOUR}:00, hours that it had sold. On day {found['scarce_day']} most bidders want "
        "three times as much and pay what it costs; the regulator had announced on the Sunday "
        f"before that the price cap falls from {CAP_MRMB} to {LOWERED_CAP_MRMB} the day before."]


def _laws(found: Figures) -> list[str]:
    refused = ", ".join(f"{code} {count}" for code, count in found["refused"].items()) or "none"
    return [
        f"Checked after each of {found['hours_checked']} hours, by code that only reads tables: "
        "in every class debits are credits; cash is what was granted; only issuers owe; every hold "
        "belongs to something open, and what is held is the sum of the holds; device time issued "
        "is attested. None broke. At the end the stored chain was verified: "
        f"{found['blocks']} blocks, {found['rows']} ledger rows (signatures, hashes, trees, a "
        f"naive ledger over all rows). State root `{found['state_root']}`.", "",
        f"Refund payers: {', '.join(found['paid_refunds']) or 'nobody'}. Auctions that cleared "
        f"something: {found['auctions_settled']}; void: {found['auctions_void']}. Commands "
        f"refused: {refused}."]


def _hedging(found: Figures) -> list[str]:
    rows = [row | {key: f"{row[key]:.2f}" for key in ("mean_rmb", "deviation_rmb")}
            | {"price_mrmb": round(row["price_mrmb"]), "served": f"{row['served']:.1%}"}
            for row in found["hedging"]]
    return [
        f"Three equal enterprises need {STRIP_LOTS / 1000:.0f} tokens every hour and really buy "
        "them, each in its own way. The collar is computed, not traded: the spot bill, with what "
        f"lies more than {COLLAR_PPM / 10_000:.0f} % above or below the strip's price settled in "
        "cash. Bills are before refunds, over "
        f"{found['days']} days, scaled to the whole need where part of it could not be bought: "
        "what was to be had at no price is in the last column, not in the bill. What is cheaper "
        "says more about this model than about hedging: an operator offers to the day-ahead "
        "auction what it posts at noon, for all hours of the next day.", "",
        *_table(rows, HEDGING)]


def _table(rows: list[Figures], columns: dict[str, str]) -> list[str]:
    return [f"| {' | '.join(columns.values())} |", "|" + "---|" * len(columns),
            *(f"| {' | '.join(_cell(row.get(key)) for key in columns)} |" for row in rows)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value >= 200:
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
