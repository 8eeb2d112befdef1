"""The error family of the sync folder: our bug, the peer's fault and no network are told apart."""


class SyncError(Exception):
    """A record could not be kept, sent or taken in."""


class NoNetwork(SyncError):
    """The centre was not reached: no route, no name, a time-out, a cut connection. Nobody's fault."""


class PeerFault(SyncError):
    """The centre, or something that answers in its place, said what the protocol does not allow."""
