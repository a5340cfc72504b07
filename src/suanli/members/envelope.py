"""Envelopes: one command, signed by a member's key or by an agent the member delegated to.

Laws
----
* The signature covers the chain, the signer, the member, the nonce and the command, behind a
  domain tag, so that no envelope means anything on another chain or as another message.
* A key's nonces strictly increase, so an envelope counts at most once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from suanli.terms.canonical import decode, encode
from suanli.terms.errors import InputError
from suanli.terms.quantity import INT64_MAX

TAG = b"suanli envelope 1\x00"
FIELDS = {"chain": str, "signer": bytes, "member": int, "nonce": int, "command": list,
          "signature": bytes}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed command; `command` is still plain, since its room alone knows its fields."""

    chain: str
    signer: bytes
    member: int
    nonce: int
    command: list[Any]
    signature: bytes

    def to_bytes(self) -> bytes:
        return encode({name: getattr(self, name) for name in FIELDS})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Envelope":
        """Decode an envelope; raises InputError when it is not one."""
        value = decode(data)
        if not isinstance(value, dict) or set(value) != set(FIELDS):
            raise InputError(f"an envelope is a map of exactly {', '.join(FIELDS)}")
        for name, kind in FIELDS.items():
            if type(value[name]) is not kind:
                raise InputError(f"envelope.{name}: a {kind.__name__} is accepted")
        if not all(0 <= value[name] <= INT64_MAX for name in ("member", "nonce")):
            raise InputError("envelope.member and .nonce are 0 to 2^63-1")
        return cls(**value)

    def is_signed(self) -> bool:
        """Say whether the signature is the signer's."""
        body = TAG + _body(self.chain, self.signer, self.member, self.nonce, self.command)
        return _is_valid(self.signer, body, self.signature)


# An envelope is looked at when it is submitted, proposed and applied; its bytes are the key.
@lru_cache(maxsize=16_384)
def _is_valid(signer: bytes, body: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(signer).verify(body, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def _body(chain: str, signer: bytes, member: int, nonce: int, command: list[Any]) -> bytes:
    return encode([chain, signer, member, nonce, command])


def sign(key: SigningKey, chain: str, member: int, nonce: int, command: list[Any]) -> Envelope:
    """Return the envelope of a plain command, signed."""
    signer = bytes(key.verify_key)
    body = TAG + _body(chain, signer, member, nonce, command)
    return Envelope(chain, signer, member, nonce, command, key.sign(body).signature)
