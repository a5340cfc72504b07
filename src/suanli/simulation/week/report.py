"""The week told as a page: generated from its figures, by the command that it names."""

import textwrap
from typing import Any, Final

from suanli.simulation.week.figures import Figures
from suanli.simulation.week.hedging import WAYS
from suanli.simulation.week.run import GAP
from suanli.simulation.week.stage import (
    BACK_HOUR,
    BENEFICIARY,
    BUYS_AHEAD,
    CAP_MRMB,
    DECODE,
    DEVICES,
    ENTERPRISES,
    FAIL_HOUR,
    FAILING,
    GRADE,
    HOLDERS,
    LINK_FEE_MRMB,
    LINK_LOTS,
    LOWERED_CAP_MRMB,
    NEED_LOTS,
    OPERATORS,
    PEOPLE,
    PREPAID_TOKENS,
    SET_ASIDE_PPM,
    TAKES_COLLAR,
)
from suanli.terms.quantity import RMB

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
                  "served": "part of the need bought", "refunded_rmb": "refunded RMB"}
JOINT: Final = {
    "day": "day", "tokens": "tokens of both grades", "decode_tokens": f"of them `{DECODE}`",
    "decode_mean": "at a mean price", "start_cost_rmb": "start cost RMB",
    "started_tokens": "tokens sold for it", "start_earned_rmb": "earned, or would have, RMB"}
SET_ASIDE: Final = {
    "day": "day", "withheld_tokens": "tokens withheld", "price_mean": "mean price",
    "without_mean": "without the set-aside", "set_aside_cost_rmb": "cost to buyers RMB",
    "drawn_tokens": "the beneficiary bought"}
STRIPS: Final = {
    "operator": "operator", "buyer": "taken by", "floor": "floor", "cap": "cap", "hours": "hours",
    "at_floor": "at the floor", "between": "between", "at_cap": "at the cap"}
CREDITS: Final = {
    "operator": "operator", "price": "prepaid at", "granted_rmb": "granted RMB",
    "converted_rmb": "converted RMB", "tokens": "into tokens", "mean": "at a mean price",
    "worth": "tokens for one prepaid", "sold_out": "refused, sold out",
    "returned_rmb": "given back RMB", "owed_rmb": "owed RMB"}
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
        *_table(found["by_day"], MARKET), "",
        f"Solved to within {GAP:.0%} of the welfare's bound; of `{GRADE}` and `{DECODE}`.", "",
        "## Two grades and a start cost", "", *_joint(found), "",
        "## The set-aside", "", *_set_aside(found), "", "## The weekly auction", "",
        *_table(found["weekly"], WEEKLY), "",
        "Only blocks of all hours are sold: what binds one is the mean of its hours' prices. One "
        "hour's price alone says little here.", "", "## Strips", "", *_strips(found), "",
        "## Prepaid credits", "", *_credits(found), "", "## Spot book, jobs and deliveries", "",
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
        "belongs to something open, and what is held is the sum of the holds; every open hour of a "
        "strip is on hold; credit granted is converted, given back or owed; device time issued "
        "is attested. None broke. At the end the stored chain was verified: "
        f"{found['blocks']} blocks, {found['rows']} ledger rows (signatures, hashes, trees, a "
        f"naive ledger over all rows). State root `{found['state_root']}`.", "",
        f"Refund payers: {', '.join(found['paid_refunds']) or 'nobody'}. Auctions that cleared "
        f"something: {found['auctions_settled']}; void: {found['auctions_void']}. Commands "
        f"refused: {refused}."]


def _joint(found: Figures) -> list[str]:
    both = ", ".join(o.name for o in OPERATORS if len(o.grades) > 1)
    costs = ", ".join(f"{o.name} for {o.start_cost // RMB} RMB a day" for o in OPERATORS
                      if o.start_cost)
    return [
        f"{both} offer the same devices in both grades, and the auction chooses in which they are "
        "delivered. Half of a fleet must be started, and is offered at its base price as one offer "
        f"over all hours ({costs}): taken only if it earns that beyond its price. Where it was "
        "left out, the last column is what all of it would have earned at the prices found; if "
        "that is above the cost, it was left out paradoxically: with it, prices would be others.",
        "", *_table(found["by_day"], JOINT)]


def _set_aside(found: Figures) -> list[str]:
    return [
        f"{SET_ASIDE_PPM / 10_000:.0f} % of each hour's device time is kept for {BENEFICIARY} "
        "until it is released; what that cost everybody else is what the auctions publish, from a "
        "second clearing without it (the last column is of the day of buying, not of delivery).",
        "", *_table(found["by_day"], SET_ASIDE)]


def _strips(found: Figures) -> list[str]:
    return [
        f"Each of {NEED_LOTS / 1000:.0f} tokens in every hour, taken whole before the week; an "
        "hour with a floor and a cap is fixed by its day-ahead auction.", "",
        *_table(found["strips"], STRIPS)]


def _credits(found: Figures) -> list[str]:
    holders = len(next(iter(HOLDERS.values())))
    return [
        f"{holders} tenants had prepaid each operator for {PREPAID_TOKENS} tokens each at its own "
        "price, and convert into hours of the next day at the auction's price; what the auction "
        "has sold out is no longer there for them.", "", *_table(found["credits"], CREDITS)]


def _hedging(found: Figures) -> list[str]:
    rows = [row | {key: f"{row[key]:.2f}" for key in ("mean_rmb", "deviation_rmb", "refunded_rmb")}
            | {"price_mrmb": round(row["price_mrmb"]), "served": f"{row['served']:.1%}"}
            for row in found["hedging"]]
    deviation = {row["way"]: row["deviation_rmb"] for row in found["hedging"]}
    collar, ahead = deviation[WAYS[TAKES_COLLAR]], deviation[WAYS[BUYS_AHEAD]]
    return [
        f"{len(WAYS)} equal enterprises need {NEED_LOTS / 1000:.0f} tokens every hour and really "
        "buy them, each in its own way; what counts is what was paid for each hour, a block of the "
        f"week at its one price. Bills are before refunds, over {found['days']} days, scaled to "
        "the whole need where part of it could not be bought: what was to be had at no price is in "
        "its own column, not in the bill."
        + (f" A strip with floor and cap had {collar / ahead:.0%} of the day-ahead bill's standard "
           "deviation." if ahead else "")
        + " What is cheaper says more about this model than about hedging: its prices are made up, "
        "and an operator offers to the day-ahead auction what it posts at noon, for all hours of "
        "the next day.", "", *_table(rows, HEDGING)]


def _table(rows: list[Figures], columns: dict[str, str]) -> list[str]:
    return [f"| {' | '.join(columns.values())} |", "|" + "---|" * len(columns),
            *(f"| {' | '.join(_cell(row.get(key)) for key in columns)} |" for row in rows)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value >= 200:
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
