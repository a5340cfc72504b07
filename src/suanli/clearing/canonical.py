"""An order of its own for every auction, whatever order its rows came in.

Blocks are sorted by a hash of the seed and of what they say: legs by cell, side, limit, ratio, the
parent's hash, and the hashes of their exclusive group. Arcs are sorted by what they say. Steps need
no sorting: they are merged by price. So the solver sees the same program for any permutation, and
which of two equally good blocks is taken depends on the seed alone.
"""

import hashlib

import numpy as np

from suanli.market.auction.instance import NONE, Arcs, Auction, Blocks, Clearing, Ints


class Rank:
    """Where each row of the sorted auction was: blocks and arcs."""

    def __init__(self, blocks: Ints, arcs: Ints) -> None:
        self.blocks, self.arcs = blocks, arcs


def reordered(auction: Auction, seed: bytes) -> tuple[Auction, Rank]:
    """Return the auction in its own order, and where each row came from."""
    arcs = auction.arcs
    rank = Rank(_rank_of_blocks(auction.blocks, seed),
                np.lexsort((arcs.gain_ppm, arcs.fee, arcs.capacity, arcs.target, arcs.source)))
    return Auction(auction.cells, auction.price_min, auction.price_max, auction.curves,
                   sorted_blocks(auction.blocks, rank.blocks), auction.offers,
                   Arcs(*(field[rank.arcs] for field in arcs))), rank


def as_given(clearing: Clearing, rank: Rank) -> Clearing:
    """Return a clearing of the sorted auction for the auction as it was given."""
    ppm, flows = clearing.block_ppm.copy(), clearing.flows.copy()
    ppm[rank.blocks] = clearing.block_ppm
    flows[rank.arcs] = clearing.flows
    return clearing._replace(block_ppm=ppm, flows=flows)


def sorted_blocks(blocks: Blocks, rank: Ints) -> Blocks:
    """Return blocks in another order, their links kept."""
    place = np.empty(rank.size, np.int64)
    place[rank] = np.arange(rank.size)
    parent = blocks.parent[rank]
    size = np.diff(blocks.leg_start)[rank]
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    leg = np.repeat(blocks.leg_start[:-1][rank] - start[:-1], size) + np.arange(int(start[-1]))
    return Blocks(blocks.side[rank], blocks.price[rank], blocks.ratio_ppm[rank],
                  np.where(parent == NONE, NONE, place[parent]), blocks.group[rank], start,
                  blocks.leg_cell[leg], blocks.leg_lots[leg])


def _rank_of_blocks(blocks: Blocks, seed: bytes) -> Ints:
    own = [_said(blocks, block, seed) for block in range(blocks.side.size)]
    groups: dict[int, list[bytes]] = {}
    for block, group in enumerate(blocks.group.tolist()):
        groups.setdefault(group, []).append(own[block])
    shared = {group: b"" if group == NONE else b"".join(sorted(members))
              for group, members in groups.items()}
    key = [b"".join([_hash(own[block] + _ancestors(blocks, block, own)
                           + shared[int(blocks.group[block])])])
           for block in range(blocks.side.size)]
    return np.array(sorted(range(len(key)), key=lambda block: key[block]), np.int64)


def _ancestors(blocks: Blocks, block: int, own: list[bytes]) -> bytes:
    said = b""
    above = int(blocks.parent[block])
    while above != NONE:
        said += own[above]
        above = int(blocks.parent[above])
    return said


def _said(blocks: Blocks, block: int, seed: bytes) -> bytes:
    legs = slice(int(blocks.leg_start[block]), int(blocks.leg_start[block + 1]))
    cell, lots = blocks.leg_cell[legs], blocks.leg_lots[legs]
    rank = np.lexsort((lots, cell))
    terms = np.array([blocks.side[block], blocks.price[block], blocks.ratio_ppm[block]])
    return _hash(seed + terms.tobytes() + cell[rank].tobytes() + lots[rank].tobytes())


def _hash(said: bytes) -> bytes:
    return hashlib.blake2b(said, digest_size=16).digest()
