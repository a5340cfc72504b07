"""RFC 9162 Merkle trees: roots, inclusion paths, consistency proofs, and an appendable frontier.

Source: RFC 9162 sections 2.1.1 to 2.1.4.
"""

from collections.abc import Sequence

from suanli.terms.canonical import leaf_hash, node_hash, sha256

EMPTY_ROOT = sha256()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf data; O(n) hashes."""
    return root_of_hashes([leaf_hash(leaf) for leaf in leaves])


def root_of_hashes(hashes: list[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        # An odd last node rises unchanged: the same tree as the recursive definition.
        paired = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = paired + hashes[len(hashes) & ~1:]
    return hashes[0]


def inclusion_path(hashes: list[bytes], index: int) -> list[bytes]:
    """Return the siblings from leaf `index` up; `hashes` are leaf hashes."""
    path = []
    while len(hashes) > 1:
        sibling = index ^ 1
        if sibling < len(hashes):
            path.append(hashes[sibling])
        paired = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = paired + hashes[len(hashes) & ~1:]
        index >>= 1
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root a path leads to from leaf data, or None if its shape is wrong."""
    if not 0 <= index < size:
        return None
    node, last, remaining = leaf_hash(leaf), size - 1, list(path)
    while last > 0:
        if index & 1 or index < last:
            if not remaining:
                return None
            sibling = remaining.pop(0)
            node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
        last >>= 1
    return node if not remaining else None


def consistency_proof(hashes: list[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the first `old_size` leaf hashes are a prefix of all of them."""
    def subproof(start: int, end: int, m: int, is_whole: bool) -> list[bytes]:
        n = end - start
        if m == n:
            return [] if is_whole else [root_of_hashes(hashes[start:end])]
        k = 1 << (n - 1).bit_length() - 1
        if m <= k:
            return [*subproof(start, start + k, m, is_whole),
                    root_of_hashes(hashes[start + k:end])]
        return [*subproof(start + k, end, m - k, False), root_of_hashes(hashes[start:start + k])]
    return subproof(0, len(hashes), old_size, True)


def is_consistent(old_size: int, old_root: bytes, size: int, new_root: bytes,
                  proof: Sequence[bytes]) -> bool:
    """Say whether a consistency proof holds (RFC 9162 section 2.1.4.2)."""
    if old_size == size:
        return old_root == new_root and not proof
    if not 0 < old_size < size or not proof:
        return False
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(node, fr), node_hash(node, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


class Frontier:
    """The right edge of a growing tree: append in O(log n), root in O(log n)."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # largest complete subtree first, one per set bit of size

    def append(self, leaf: bytes) -> None:
        node, size = leaf_hash(leaf), self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node
