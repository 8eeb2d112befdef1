"""The error family of the gate: what keeps it from doing its job, in words for whoever must mend it."""


class EdgeError(Exception):
    """The gate cannot do what it was asked."""


class NotSetUp(EdgeError):
    """Something that must be installed or configured first is missing. The sentence says what to do."""


class TrustError(EdgeError):
    """The updates on the disk are missing, torn or not genuine; what was in force stays in force."""


class NoSuchRecord(EdgeError):
    """A record that was asked for is not there, or does not hold what was asked of it."""
