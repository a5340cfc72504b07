"""Receipt files: one answer with its inclusion proof, verifiable with nothing but the genesis key.

A receipt file is JSON, so that people can read it: the envelope, the result, the provenance
leaves, the header, the audit paths and the certificate; bytes are hexadecimal.
"""

from typing import Any

from suanli.chain import merkle
from suanli.chain.block import Block
from suanli.terms.canonical import decode, leaf_hash


def receipt_of(block: Block, index: int) -> dict[str, Any]:
    """Return the receipt file of the block's envelope `index`, as JSON-ready values."""
    result = decode(block.body.results[index])
    first, count = result["leaves"]
    return {
        "format": "suanli receipt 1",
        "height": block.header.height,
        "index": index,
        "size": len(block.body.results),
        "envelope": block.body.envelopes[index].hex(),
        "envelope_path": _path(block.body.envelopes, index),
        "result": block.body.results[index].hex(),
        "result_path": _path(block.body.results, index),
        "leaves": [{"leaf": block.body.leaves[i].hex(), "index": i,
                    "size": len(block.body.leaves), "path": _path(block.body.leaves, i)}
                   for i in range(first, first + count)],
        "header": block.header.to_bytes().hex(),
        "certificate": block.certificate.hex(),
    }


def _path(leaves: tuple[bytes, ...], index: int) -> list[str]:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    return [node.hex() for node in merkle.inclusion_path(hashes, index)]
