"""Governed parameters: name -> (start value, least, most). Only a regulator changes them."""

from typing import Final

from suanli.terms.instant import DAY, HOUR, MINUTE, SECOND

PARAMETERS: Final[dict[str, tuple[int, int, int]]] = {
    # Milli-RMB a token: the tick is one, the caps are a market rule.
    "price_mrmb_min": (1, 1, 1_000_000_000),
    "price_mrmb_max": (1_000_000_000, 1, 1_000_000_000),
    # How long period tokens still settle use inside their period (DESIGN section 3).
    "token_grace_ms": (DAY, HOUR, 30 * DAY),
    # Share of attested device time that issuance leaves alone, in parts per million.
    "headroom_ppm": (0, 0, 1_000_000),
    # Part of each pool that planning keeps for serving, in parts per million.
    "inference_floor_ppm": (0, 0, 1_000_000),
    "time_limit_ms_max": (400 * DAY, HOUR, 4000 * DAY),
    # A placement is left alone this long: restoring and warming up must not be all it does.
    "preempt_run_ms_min": (10 * MINUTE, 0, DAY),
    # Share of an operator's healthy devices that it may preempt in a running hour, in parts per
    # million; 0: none at all.
    "preempt_devices_ppm_per_hour": (1_000_000, 0, 1_000_000),
    # How much of the work lost in one preemption the operator bears; the tenant pays the rest.
    # It is bounded since what counts as saved is the tenant's to arrange.
    "preempt_compensation_ms_max": (DAY, 0, 30 * DAY),
    # What a seller owes beside the price of firm tokens that it failed to deliver, in parts per
    # million of that price; more, if replacing them costs more.
    "undelivered_penalty_ppm": (250_000, 0, 10_000_000),
    # Run time that a job may spend on restoring what it had saved, beside its time limit.
    "resume_allowance_ms": (10 * MINUTE, 0, HOUR),
    # How far a trade may lie from the last auction's price, and from the mean of the last five
    # minutes' trades, in parts per million; 0: no band.
    "band_static_ppm": (0, 0, 10_000_000),
    "band_dynamic_ppm": (0, 0, 10_000_000),
    # How long a product may stand at its band before it is halted, and for how long then: the
    # times of the limit-up limit-down plan of the United States' share markets.
    "band_limit_ms": (15 * SECOND, 0, HOUR),
    "band_halt_ms": (5 * MINUTE, 0, DAY),
    # Resting orders that a participant may have in one product: far above what people need.
    "orders_resting_max": (10_000, 1, 1_000_000),
    # Orders and modifications that a participant may send in a minute; 0: no limit.
    "orders_per_minute_max": (0, 0, 1_000_000_000),
    # Part of a product's attested tokens that one buyer may hold or bid for, in parts per million;
    # 0: no limit.
    "position_ppm_max": (0, 0, 1_000_000),
    # How long before it takes effect a change of the price caps is announced; 0: none is needed.
    "cap_notice_ms": (0, 0, 366 * DAY),
    # A traded price above this part of the cap calls for a higher one, and for how much higher a
    # one: three fifths and a third, as the European day-ahead coupling had it in 2022. Proposals
    # only; 0: none are made.
    "cap_touch_ppm": (600_000, 0, 1_000_000),
    "cap_step_ppm": (333_333, 1, 1_000_000),
    # Part of attested device time kept for national-priority use, and until how long before the
    # hour begins: then what is unused is released. At the least that is before any running job
    # buys its next hour, so that no purchase but an order can meet the set-aside.
    "set_aside_ppm": (0, 0, 1_000_000),
    "set_aside_release_ms": (HOUR, 10 * MINUTE, 7 * DAY),
    # Call auctions. Where a delivery day begins, after midnight UTC.
    "auction_day_start_ms": (0, 0, DAY - HOUR),
    # How long before the first delivery hour the gate of each session closes.
    "auction_day_ahead_lead_ms": (12 * HOUR, HOUR, 36 * HOUR),
    "auction_intraday_1_lead_ms": (9 * HOUR, HOUR, 36 * HOUR),
    "auction_intraday_2_lead_ms": (2 * HOUR, HOUR, 36 * HOUR),
    "auction_intraday_3_lead_ms": (2 * HOUR, HOUR, 36 * HOUR),
    # 12 h and 168 h are still within what an operator may attest ahead.
    "auction_weekly_lead_ms": (12 * HOUR, HOUR, 24 * HOUR),
    # Before the gate: how long orders are taken, and the last part of it, without cancelling.
    "auction_open_ms": (3 * HOUR, HOUR // 4, DAY),
    "auction_no_cancel_ms": (10 * MINUTE, 0, HOUR),
    # The end is drawn within this time after the gate, when it is over.
    "auction_random_end_ms": (MINUTE, 1, HOUR // 4),
    # How long after that solvers may propose clearings.
    "auction_solve_ms": (5 * MINUTE, 1, HOUR // 2),
    # Milli-RMB a token that an auction's prices stay within, beside the caps above; the lower, the
    # more lots fit into one auction, since no sum of lots x price may overflow.
    "auction_price_mrmb_max": (10_000_000, 1, 1_000_000_000),
    # What one participant may have in one auction: it bounds memory and each check's cost.
    "auction_orders_max": (1000, 1, 100_000),
}

# Parameters that take effect at an announced instant; whoever reads one says at which instant.
ANNOUNCED: Final = ("price_mrmb_min", "price_mrmb_max", "cap_notice_ms")
