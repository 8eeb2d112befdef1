"""What can be wrong with something that came over the wire. All of it is the peer's fault."""

from sync.errors import PeerFault


class WireError(PeerFault):
    """Bytes that are not what the protocol says. The sentence says which rule they break."""


class NotGenuine(WireError):
    """A signed message whose form or signature does not hold. It says nothing about the person or machine it names.

    reason: "malformed", "not_canonical", "unknown_key", "wrong_purpose", "bad_signature", "key_not_valid".
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
