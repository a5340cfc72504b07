"""`suanli verify`: a copy of a chain, or one receipt file, judged offline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suanli.adapters.verification import Verdict, verify_file
from suanli.bootstrap import CHAIN_FILE
from suanli.chain.verify import verify_receipt
from suanli.terms.canonical import decode
from suanli.terms.errors import InputError, IntegrityBroken


def verify_directory(directory: Path, replay: bool,
                     progress: Callable[[int, int], None] = lambda done, total: None) -> Verdict:
    """Verify the chain in a directory; raises IntegrityBroken naming the first bad block."""
    path = directory / CHAIN_FILE if directory.is_dir() else directory
    return verify_file(path, replay, progress)


def verify_receipt_file(path: Path, validator: str | None) -> dict[str, Any]:
    """Verify one receipt file; return what it says. Raises IntegrityBroken or InputError."""
    try:
        receipt = json.loads(path.read_text(encoding="utf-8"))
        validators = [bytes.fromhex(v) for v in ([validator] if validator
                                                 else receipt["validators"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a receipt file: {error!r}") from error
    header = verify_receipt(receipt, validators)
    result = decode(bytes.fromhex(receipt["result"]))
    if result["code"]:
        raise IntegrityBroken(f"the receipt is of a refusal: {result['reason']}")
    return {"height": header["height"], "time": header["time"], "chain": header["chain"],
            "validator": validators[0].hex(), "answer": result["answer"],
            "leaves": [decode(bytes.fromhex(leaf["leaf"])) for leaf in receipt["leaves"]]}
