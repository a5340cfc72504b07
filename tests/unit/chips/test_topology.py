"""Blocks by hand: they nest, and what is not known is not shared."""

import pytest

from suanli.chips.topology import LEVELS, block_of

HOSTS = {"a": ("z", "s1", "l1"), "b": ("z", "s1", "l1"), "c": ("z", "s1", "l2"),
         "d": ("z", "s2", "l1"), "e": ("z", "s2", ""), "f": ("z", "", "l1"), "g": ("z", "", "l1"),
         "h": ("z", "", ""), "i": ("y", "s1", "l1")}


@pytest.mark.parametrize(("one", "other", "smallest"), [
    ("a", "b", "leaf"),
    ("a", "c", "spine"),
    ("a", "d", "zone"),  # a leaf's name is its spine's own
    ("d", "e", "spine"),  # without a leaf, still of the spine
    ("f", "g", "leaf"),  # whatever their spine is, they share it
    ("a", "f", "zone"),
    ("h", "a", "zone"),
    ("a", "i", ""),  # another zone
])
def test_the_smallest_level_that_two_hosts_share(one: str, other: str, smallest: str) -> None:
    shared = [level for level in LEVELS[2:]
              if block_of(level, one, *HOSTS[one]) == block_of(level, other, *HOSTS[other])]
    wider = LEVELS[LEVELS.index(smallest):] if smallest else ()
    assert shared == list(wider)
