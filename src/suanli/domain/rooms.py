"""The declared set of rooms of a domain, built in the order in which they may read each other."""

from typing import Any

from suanli.chips import commands as chips_commands
from suanli.chips import slices
from suanli.chips.datasheet import parse
from suanli.chips.state import Chips
from suanli.domain.genesis import ALL_ROOMS, Genesis
from suanli.ledger import commands as ledger_commands
from suanli.ledger.state import Ledger
from suanli.market import commands as market_commands
from suanli.market.auction import commands as auction_commands
from suanli.market.product import ProductGrid
from suanli.market.state import Market
from suanli.members import commands as members_commands
from suanli.members.state import Members
from suanli.schedule import commands as schedule_commands
from suanli.schedule.state import Schedule
from suanli.settlement import commands as settlement_commands
from suanli.settlement.state import Settlement
from suanli.terms.errors import InputError
from suanli.terms.room import Room
from suanli.units import commands as units_commands
from suanli.units.state import Units

KINDS: dict[str, type] = {
    command.kind: command
    for module in (members_commands, chips_commands, units_commands, ledger_commands,
                   market_commands, auction_commands, schedule_commands, settlement_commands)
    for command in module.COMMANDS}

# What each room reads; a domain that declares a room must declare these too.
NEEDS = {"members": (), "chips": (), "units": ("chips",), "ledger": ("members",),
         "market": ("members", "chips", "units", "ledger"),
         "schedule": ("members", "chips", "units"),
         "settlement": ("chips", "ledger", "market", "schedule")}


class Rooms:
    """The rooms of one domain by name; asking for one that is not declared is a bug."""

    members: Members
    chips: Chips
    units: Units
    ledger: Ledger
    market: Market
    schedule: Schedule
    settlement: Settlement

    def __init__(self, genesis: Genesis) -> None:
        declared = [name for name in ALL_ROOMS if name in genesis.rooms]
        for name in declared:
            missing = [need for need in NEEDS[name] if need not in genesis.rooms]
            if missing:
                raise InputError(f"room {name!r} needs {', '.join(missing)}")
        datasheet = parse(genesis.datasheet, "genesis datasheet") if "chips" in declared else {}
        self._profiles = slices.parse(genesis.slices, datasheet, "genesis slices")
        self.by_name: dict[str, Room] = {}
        for name in declared:
            room = self._build(name, datasheet)
            self.by_name[name] = room
            setattr(self, name, room)

    def _build(self, name: str, datasheet: Any) -> Room:
        match name:
            case "members":
                return Members()
            case "chips":
                return Chips(datasheet, self._profiles)
            case "units":
                return Units(datasheet)
            case "ledger":
                chips = self.by_name.get("chips")
                return Ledger(self.members, chips if isinstance(chips, Chips) else None)
            case "market":
                return Market(self.members, self.ledger)
            case "schedule":
                return Schedule(self.members, self.chips, self.units)
            case _:
                return Settlement(self.chips, self.ledger, self.market, self.schedule)

    def grid(self) -> ProductGrid | None:
        """Return a product grid for one command, where there is a market."""
        if "market" not in self.by_name:
            return None
        return ProductGrid(self.members, self.chips, self.units, self.ledger)

    def roots(self) -> dict[str, bytes]:
        return {name: room.root() for name, room in self.by_name.items()}
