"""Where a host stands in its zone's network: leaf and spine blocks, and the links that join them.

Laws
----
* Blocks nest: hosts of one leaf are of one spine, hosts of one spine of one zone.
* What is not known is not shared: a host without a leaf shares a leaf with no other host.

Levels are those of topology-aware scheduling in Kueue and KAI ("required" and "preferred" level);
a leaf is what one switch, or one rail group of switches, joins; a spine what joins leaves.
"""

from typing import Any, Final

LEVELS: Final = ("", "device", "host", "leaf", "spine", "zone")  # "": nothing is asked for
DEVICE, HOST, LEAF, SPINE, ZONE = range(1, len(LEVELS))

# Between the devices of a host, and between hosts; "": not stated.
LINKS: Final = ("", "nvlink", "hccs", "pcie", "other")
NETWORKS: Final = ("", "infiniband", "roce", "ethernet")

# A path from the zone inwards; the host's own name where its place ends before the level.
Block = tuple[str, ...]


def block_of(level: str, name: str, zone: str, spine: str, leaf: str) -> Block:
    """Return the block of a level in which a host stands.

    >>> block_of("spine", "h1", "z", "", "leaf-1") == block_of("spine", "h2", "z", "", "leaf-1")
    True
    >>> block_of("leaf", "h1", "z", "", "") == block_of("leaf", "h2", "z", "", "")
    False
    """
    if level == "zone":
        return (zone,)
    if level == "spine" and spine:
        return (zone, spine)
    if level in ("spine", "leaf") and leaf:
        return (zone, spine, leaf)
    return (zone, spine, leaf, name)


class Blocks:
    """The devices of each chip in each block, and the largest block of each level.

    Hosts that are down count: they are expected back. Cost: `add` O(levels), `largest` O(chips).
    """

    def __init__(self) -> None:
        self._devices: dict[tuple[str, Block, str], int] = {}
        # (level, area or "" for all, chip) -> (devices, block); blocks only grow
        self._largest: dict[tuple[str, str, str], tuple[int, Block]] = {}

    def add(self, name: str, host: Any, area: str) -> None:
        """Count a new host."""
        for level in LEVELS[HOST:]:
            block = block_of(level, name, host.zone, host.spine, host.leaf)
            key = (level, block, host.chip)
            self._devices[key] = self._devices.get(key, 0) + host.devices
            self._enlarge(level, area, host.chip, (self._devices[key], block))
        self._enlarge("device", area, host.chip, (1, (name,)))

    def _enlarge(self, level: str, area: str, chip: str, found: tuple[int, Block]) -> None:
        for where in ("", area):
            key = (level, where, chip)
            self._largest[key] = max(self._largest.get(key, (0, ())), found)

    def largest(self, level: str, area: str, chips: Any) -> tuple[int, Block]:
        """Return (devices, block) of the block with the most devices of one of the chips."""
        return max((self._largest.get((level, area, chip), (0, ())) for chip in chips),
                   default=(0, ()))
