"""The one table of what follows from what: the life of a token-hour on one page.

| when                      | then, in the same all-or-nothing set                    | room       |
|---------------------------|---------------------------------------------------------|------------|
| an order trades (firm)    | the buyer's claim on the hour: a reservation            | schedule   |
|                           | what it paid, in case the seller fails to deliver       | settlement |
| an auction is settled     | the same for what was bought there, page by page        | schedule,  |
|                           |                                                         | settlement |
| a strip is taken          | the same for each of its hours, at the floor            | schedule,  |
|                           |                                                         | settlement |
| an hour of it is fixed    | the rest of its price is part of what was paid          | settlement |
| a job is placed           | its hour is bought: issue, hold cash, hold tokens       | settlement |
| jobs are placed           | for each, as one array: its hour is bought              | settlement |
| placements are renewed    | the next hour is bought for each, as one array          | settlement |
| a placement ends          | metered part posted and burned, rests voided, retired   | settlement |
| a placement is preempted  | what its lost work may cost the operator is put on hold | settlement |
| a firm product reopens    | the buyers' claims on the hour, as after any trade      | schedule   |
| a credit is converted     | the same as when an order trades; what was paid is its  | schedule,  |
|                           | face                                                    | settlement |
| members move tokens       | nobody is lifted above its position limit               | market     |
| past classes are swept    | orders still resting on past hours are voided           | market     |
|                           | hours of strips that have begun are fixed, as above     | market,    |
|                           |                                                         | settlement |
|                           | auctions whose last hour is over are forgotten          | market     |
|                           | claims on hours whose tokens expired are forgotten      | schedule,  |
|                           | and what was paid for them                              | settlement |

Each follow-up reads the state before the command and returns the change with more in it, or the
refusal that refuses the whole command. All rooms of this table are in one domain today; where a
room is elsewhere, its row becomes an outbox effect (DESIGN section 4).
"""

from collections.abc import Callable, Iterable
from typing import Any

from suanli.domain.rooms import Rooms
from suanli.ledger.commands import Batch, Sweep
from suanli.ledger.row import CASH, RowCode, class_of, owner_of, unpack
from suanli.market.auction.commands import SettleAuction
from suanli.market.auction.settling import paid_of
from suanli.market.commands import Convert, FixStrip, Modify, Order, Reopen, TakeStrip
from suanli.market.product import CREDIT, Product, ProductGrid
from suanli.market.strip import Taken
from suanli.schedule.commands import Ended, Place, PlaceMany, Preempt, Renew
from suanli.settlement.buying import Basket
from suanli.settlement.delivery import cleared_writes, contract_writes, fixed_writes
from suanli.terms.change import Change, Part, Write
from suanli.terms.errors import present
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Refusal
from suanli.terms.room import changed

FollowUp = Callable[[Rooms, Any, Change, int, ProductGrid], Change | Refusal]


def reserve(rooms: Rooms, command: Order | Modify | Reopen | Convert, change: Change, at: int,
            grid: ProductGrid) -> Change | Refusal:
    """Turn the fills of a firm product, or what was converted into it, into reservations."""
    klass = change.answer["class"]
    if grid.token_class(klass).tier != "firm":
        return change
    moved: dict[tuple[int, int], int] = {}
    for seller, buyer, _, lots in change.answer["trades"]:
        for owner, tokens in ((buyer, lots * LOT), (seller, -lots * LOT)):
            moved[owner, klass] = moved.get((owner, klass), 0) + tokens
    contracts = contract_writes(rooms.settlement.tables["contracts"], klass,
                                grid.token_class(klass).issuer,
                                change.answer["trades"])
    return _with(change, _joined(_reservations(rooms, moved), Part(contracts)))


def _reservations(rooms: Rooms, moved: dict[tuple[int, int], int]) -> Part:
    """Return what moves of firm tokens, by (owner, class), make of the claims on their hours."""
    held = rooms.schedule.tables["reservations"]
    writes = []
    for key, tokens in moved.items():
        left = int(held.get(key) or 0) + tokens
        if left > 0 or key in held:
            writes.append(Write("schedule", "reservations", key, left if left > 0 else None))
    return Part(tuple(writes))


def reserve_cleared(rooms: Rooms, command: SettleAuction, change: Change, at: int,
                    grid: ProductGrid) -> Change:
    """Turn the firm tokens that a page of a settlement moves into reservations and contracts."""
    moved: dict[tuple[int, int], int] = {}
    paid: dict[tuple[int, int], int] = {}
    for row in unpack(change.parts[0].rows):
        if row.klass == CASH or grid.token_class(row.klass).tier != "firm":
            continue
        if row.code == RowCode.POST:
            key = owner_of(row.debit), row.klass
            moved[key] = moved.get(key, 0) - row.amount
        elif row.code == RowCode.TRANSFER:
            key = owner_of(row.credit), row.klass
            moved[key] = moved.get(key, 0) + row.amount
            paid[key] = paid.get(key, 0) + paid_of(row)
    contracts = cleared_writes(rooms.settlement.tables["contracts"], moved, paid)
    return _with(change, _joined(_reservations(rooms, moved), Part(contracts)))


def reserve_strip(rooms: Rooms, command: TakeStrip, change: Change, at: int,
                  grid: ProductGrid) -> Change:
    """Turn the hours of a strip into reservations and contracts of its buyer."""
    taken = next(w.value for w in change.parts[0].writes if w.table == "strips_taken")
    keys = [(taken.buyer, grid.class_of(product)) for product in taken.strip.products]
    moved = dict.fromkeys(keys, taken.strip.lots * LOT)
    paid = dict.fromkeys(keys, taken.strip.lots * taken.strip.floor_mrmb)
    contracts = cleared_writes(rooms.settlement.tables["contracts"], moved, paid)
    return _with(change, _joined(_reservations(rooms, moved), Part(contracts)))


def pay_strip(rooms: Rooms, command: FixStrip, change: Change, at: int,
              grid: ProductGrid) -> Change:
    """Count what fixing a strip's hours pays as paid for their tokens."""
    return _with(change, _paid(rooms, [rooms.market.tables["strips_taken"][command.strip]], at))


def _paid(rooms: Rooms, strips: Iterable[Taken], at: int) -> Part:
    """Return what fixing all that is due of taken strips makes of contracts."""
    paid: dict[tuple[int, int], int] = {}
    for taken in strips:
        for hour, price in rooms.market.strips.due(taken, at).items():
            klass = rooms.ledger.class_id(*taken.strip.product(hour))
            key = taken.buyer, klass or CASH  # no contract is about cash
            paid[key] = paid.get(key, 0) + taken.strip.above_floor(price)
    return Part(fixed_writes(rooms.settlement.tables["contracts"], rooms.ledger, paid))


def within_limits(rooms: Rooms, command: Batch, change: Change, at: int,
                  grid: ProductGrid) -> Change | Refusal:
    """Refuse rows by which somebody would get more of a product than it may buy.

    A transfer counts when it is made, a hold when who gets it posts it.
    """
    if not rooms.members.parameter("position_ppm_max"):
        return change
    got: dict[tuple[int, int], int] = {}
    for row in unpack(command.rows):
        if row.code in (RowCode.TRANSFER, RowCode.POST):
            key = owner_of(row.credit), class_of(row.credit)
            got[key] = got.get(key, 0) + row.amount
    for (owner, klass), tokens in got.items():
        record = rooms.ledger.token_class(klass)  # None: cash, or a class that is not there
        if record is None or record.tier == CREDIT:
            continue
        product = Product(record.issuer, record.area, record.grade, record.tier, record.start)
        if refusal := rooms.market.limits.position_refusal(owner, product, tokens, grid):
            return refusal
    return change


def buy_first_hour(rooms: Rooms, command: Place, change: Change, at: int,
                   grid: ProductGrid) -> Change | Refusal:
    """Buy what a fresh placement needs, with the job as the placement makes it."""
    job = next(w.value for w in change.parts[0].writes if w.table == "jobs")
    bought = rooms.settlement.open(command.job, job, at, Basket(grid))
    if isinstance(bought, Refusal):
        return bought
    return _with(change, Part((*grid.writes(), *bought.writes), bought.rows))


def buy_first_hours(rooms: Rooms, command: PlaceMany, change: Change, at: int,
                    grid: ProductGrid) -> Change:
    """Buy what each fresh placement of the array needs; refuse those that cannot have it."""
    parts, refused = [], dict(change.refused)
    basket = Basket(grid)
    standing = [i for i in range(len(command.placements)) if i not in refused]
    for index, part in zip(standing, change.parts, strict=True):
        job = part.writes[0]
        bought = rooms.settlement.open(job.key, job.value, at, basket)
        if isinstance(bought, Refusal):
            refused[index] = int(bought.code)
        else:
            parts.append(_joined(part, bought))
    opening = Part(grid.writes())
    return Change((opening, *parts), is_array=True, refused=tuple(sorted(refused.items())))


def buy_next_hour(rooms: Rooms, command: Renew, change: Change, at: int,
                  grid: ProductGrid) -> Change | Refusal:
    """Buy the next hour for each placement of the array."""
    return rooms.settlement.renew(command.jobs, grid)


def settle(rooms: Rooms, command: Ended, change: Change, at: int,
           grid: ProductGrid) -> Change | Refusal:
    """Settle an ended placement, with the job as it was."""
    job = present(rooms.schedule.job(command.job), "schedule has checked the id")
    return _with(change, rooms.settlement.close(command.job, job, command.saved,
                                                command.finished))


def secure_compensation(rooms: Rooms, command: Preempt, change: Change, at: int,
                        grid: ProductGrid) -> Change | Refusal:
    """Hold what the operator may owe the tenant, or spare a job that runs on firm tokens."""
    job = present(rooms.schedule.job(command.job), "schedule has checked the id")
    held = rooms.settlement.secure(command.job, job, at)
    return held if isinstance(held, Refusal) else _with(change, held)


def forget_the_past(rooms: Rooms, command: Sweep, change: Change, at: int,
                    grid: ProductGrid) -> Change | Refusal:
    """Void orders on past hours, and forget claims on hours whose tokens have expired."""
    lapsed = [Write("schedule", "reservations", key, None)
              for key in rooms.schedule.tables["reservations"]
              if (klass := rooms.ledger.token_class(key[1])) is None or klass.expires <= at]
    lapsed += [Write("settlement", table, key, None)
                for table, place in (("contracts", 1), ("refunded", 0))
                for key in rooms.settlement.tables[table]
                if (klass := rooms.ledger.token_class(key[place])) is None or klass.expires <= at]
    lapsed += rooms.market.auctions.past(at)
    past = rooms.market.void_past(at)
    if writes := _paid(rooms, rooms.market.tables["strips_taken"].values(), at).writes:
        past.append(Part(writes))
    parts = (*past, Part(tuple(lapsed)))
    return changed(change, parts=(*change.parts, *parts))  # type: ignore[no-any-return]


FOLLOW_UPS: dict[type, FollowUp] = {
    Order: reserve,
    Modify: reserve,
    Reopen: reserve,
    Convert: reserve,
    TakeStrip: reserve_strip,
    FixStrip: pay_strip,
    SettleAuction: reserve_cleared,
    Place: buy_first_hour,
    PlaceMany: buy_first_hours,
    Renew: buy_next_hour,
    Ended: settle,
    Preempt: secure_compensation,
    Sweep: forget_the_past,
    Batch: within_limits,
}


def _with(change: Change, more: Part) -> Change:
    """Return the change with more inside its one all-or-nothing part."""
    part = _joined(change.parts[0], more)
    return changed(change, parts=(part,))  # type: ignore[no-any-return]


def _joined(part: Part, more: Part) -> Part:
    return Part(part.writes + more.writes, part.rows + more.rows,
                part.effects + more.effects, part.leaves + more.leaves)
