"""Loaded by schemathesis itself: what it sends as a batch – garbage, envelopes, and what a rogue gate signs."""

from __future__ import annotations

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

from sync.collector.intake.api import CONTENT_TYPE
from sync.wire.statedir import StateDir
from tests.sync.collector import rogue
from tests.sync.collector.gateside import Gate

gate = Gate(StateDir.at(Path(os.environ["ROGUE_GATE"])))
schemathesis.openapi.media_type(
    CONTENT_TYPE,
    st.one_of(st.binary(max_size=3_000), rogue.strangers(), rogue.envelopes(gate), rogue.bodies(gate)),
)
