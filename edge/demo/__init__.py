"""The demo: a whole small town on one machine – collector, gate, panel, gate-sync, visitors, and a link to cut."""
