# Venue Gate (场所通行). `make demo` and `make test` set up everything that they need.
PYTHON := .venv/bin/python

.PHONY: help demo demo-reset test lint bench stress clean
help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

demo:  ## a small town on this machine: collector, gate, visitors (OFFLINE=1: with the link cut)
	@.ci/setup run
	@$(PYTHON) -m edge.demo $(if $(OFFLINE),--offline)

demo-reset:  ## forget the demo's data
	@$(if $(wildcard $(PYTHON)),$(PYTHON) -m edge.demo --reset,rm -rf demo-state)

test:  ## set up, check and test everything
	@.ci/setup test
	@$(MAKE) --no-print-directory lint
	$(PYTHON) -m pytest -m "not stress"

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

bench:  ## measure, as ratios in one run (SEED=n PHOTOS=DIR, SUITE=name for one suite)
	@.ci/setup test
	@SEED=$(SEED) PHOTOS=$(PHOTOS) $(PYTHON) tests/bench/run.py $(SUITE)

stress:  ## minutes of kill -9, power cuts and full disks (needs root)
	@.ci/setup test
	$(PYTHON) -m pytest -m stress --timeout=1800

clean:  ## remove what was built, not the demo's data
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
