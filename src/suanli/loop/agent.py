"""An agent: a key that signs commands for one member, with the nonce it is at."""

from typing import Any

from nacl.signing import SigningKey

from suanli.members.envelope import Envelope, sign
from suanli.terms.canonical import plain, sha256
from suanli.terms.command import encode_command


class Agent:
    """Signs; one agent a key, since it counts the nonces."""

    def __init__(self, key: SigningKey, chain: str, member: int, nonce: int = 0) -> None:
        self._key = key
        self._chain = chain
        self.member = member
        self._nonce = nonce

    @property
    def public_key(self) -> bytes:
        return bytes(self._key.verify_key)

    def salt(self, label: str) -> bytes:
        """Return a secret that only this key's owner can derive again, one a label."""
        return sha256(b"suanli salt\x00", bytes(self._key), label.encode())

    def sign(self, command: Any) -> Envelope:
        """Return the command's envelope, with the next nonce."""
        self._nonce += 1
        return sign(self._key, self._chain, self.member, self._nonce,
                    plain(encode_command(command)))
