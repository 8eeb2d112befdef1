# Venue Gate (场所通行). `make demo` and `make test` set up everything that they need.
PYTHON := .venv/bin/python

.PHONY: help demo demo-reset test lint bench stress emulated-pi mutants soak install-gate install-collector uninstall-gate clean
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
	$(PYTHON) -m pytest -m "not stress" -n auto --maxprocesses 4 --dist worksteal --ignore=tests/whole --ignore=tests/browser
	$(PYTHON) -m pytest -m "not stress" -n 2 --dist loadfile tests/whole tests/browser  # real time, real browsers: a pair at a time

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

bench:  ## measure, as ratios in one run (SEED=n PHOTOS=DIR, SUITE=name for one suite)
	@.ci/setup test
	@SEED=$(SEED) PHOTOS=$(PHOTOS) $(PYTHON) tests/bench/run.py $(SUITE)

stress:  ## minutes of kill -9, power cuts and full disks (needs root)
	@.ci/setup stress
	$(PYTHON) -m pytest -m stress --timeout=3600
	THOROUGH=5 $(PYTHON) -m pytest -m "not stress" --timeout=1200 `grep -rl "tests.examples" tests --include="test_*"`
	$(PYTHON) tests/bench/run.py size

emulated-pi:  ## the gate on an emulated Raspberry Pi, its plug pulled (root, an hour; SCENARIO=name, CUTS=n, SEED=n, BROKEN=name)
	@.ci/setup emulated-pi
	@CUTS=$(CUTS) EDGES=$(EDGES) LIES=$(LIES) SEED=$(SEED) $(PYTHON) -m tests.emulated_pi $(SCENARIO) $(if $(BROKEN),--broken $(BROKEN))

soak:  ## the simulated gate with random faults, for MINUTES=n (5 unless said), SEED=n
	@.ci/setup test
	$(PYTHON) -m tests.whole.soak --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

mutants:  ## how many seeded mistakes in the pure modules the tests notice (minutes)
	@.ci/setup test
	.venv/bin/pip install -qq --disable-pip-version-check -e '.[test,mutants]'
	rm -rf build/mutants && mkdir -p build/mutants && git archive HEAD | tar -x -C build/mutants
	cd build/mutants && ../../.venv/bin/mutmut run --max-children 2 && ../../.venv/bin/mutmut results | tail -40

install-gate:  ## install this machine as a gate, or upgrade it (as root; systemd/install-gate --help)
	systemd/install-gate

install-collector:  ## install this machine as the centre, or upgrade it (as root; systemd/install-collector --help)
	systemd/install-collector

uninstall-gate:  ## take the gate's programs away; records and settings stay
	systemd/install-gate --uninstall

clean:  ## remove what was built, not the demo's data
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
