"""RFC 9162 trees against published vectors and against the verifier's own tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.chain import merkle
from suanli.chain.verify import _climb, _tree
from suanli.terms.canonical import leaf_hash
from suanli.terms.errors import IntegrityBroken

# The leaves and roots of the certificate-transparency reference implementations.
LEAVES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243",
                                     "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
leaf_lists = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_published_roots(size: int, root: str) -> None:
    assert merkle.root(LEAVES[:size]).hex() == root
    frontier = merkle.Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert frontier.root().hex() == root


@given(leaf_lists, st.data())
def test_paths_lead_to_the_root_and_wrong_ones_do_not(leaves: list[bytes],
                                                      data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    root = merkle.root(leaves)
    assert root == _tree(hashes)
    path = merkle.inclusion_path(hashes, index)
    assert merkle.root_from_path(leaves[index], index, len(leaves), path) == root
    assert _climb(leaves[index], index, len(leaves), path) == root
    for wrong in (path[:-1], [*path, bytes(32)]):
        if wrong != path:
            assert merkle.root_from_path(leaves[index], index, len(leaves), wrong) is None
            with pytest.raises(IntegrityBroken):
                _climb(leaves[index], index, len(leaves), wrong)
    assert merkle.root_from_path(leaves[index] + b"x", index, len(leaves), path) != root
    assert merkle.root_from_path(leaves[index], len(leaves), len(leaves), path) is None


def test_a_node_is_not_a_leaf() -> None:
    """Second preimage: the two children of a root, joined, are no leaf of a one-leaf tree."""
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:2]]
    assert merkle.root_from_path(hashes[0] + hashes[1], 0, 1, []) != merkle.root(LEAVES[:2])


@given(leaf_lists, st.data())
def test_consistency(leaves: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(leaves)))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves)
    proof = merkle.consistency_proof(hashes, old)
    assert merkle.is_consistent(old, old_root, len(leaves), new_root, proof)
    if old < len(leaves):
        forked = merkle.root([*leaves[:old - 1], b"another"])
        if forked != old_root:
            assert not merkle.is_consistent(old, forked, len(leaves), new_root, proof)
        assert not merkle.is_consistent(old, old_root, len(leaves), new_root, proof[:-1])
