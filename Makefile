# `make` lists the targets. Needed: Python 3.11 or newer, and make.

PYTHON   ?= python3
# Options of `make run`: seconds of rush hour, keep serving afterwards (1 or 0), the port.
DURATION ?= 60
SERVE    ?= 1
PORT     ?= 8000
# Options of `make bench-big`: trips of S5 and S7, share of the weekday of S9.
TRIPS    ?= 10000000
SCALE    ?= 1.0
# Options of `make test`: processes that share the tests, each with servers of its own.
PROCESSES ?= 2
# Options of `make faults` and `make soak`.
SEEDS    ?= 1..20
MINUTES  ?= 20

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/installed
TEST_STAMP := $(VENV)/installed-for-tests

.DEFAULT_GOAL := help
.PHONY: help install lock run test mutants faults soak bench bench-big profile coverage lint clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## make .venv and install the project into it

# Again only when what is to be installed changed; the stamps lie inside, so they go with it.
# Not compiled: Python compiles what it imports, and most modules never are.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

$(STAMP): setup.cfg pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "cannot make $(VENV); on Debian: apt-get install python3-venv"; exit 1; }
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# What only tests and linters need; `make run` does without.
$(TEST_STAMP): $(STAMP) requirements-test.lock
	$(INSTALL) --require-hashes -r requirements-test.lock
	@touch $(TEST_STAMP)

LOCK := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate

# What setup.cfg and pyproject.toml allow, as exact versions with the hashes of their files, for
# every system; what still fits stays as it is: `make lock ARGS=--upgrade` takes the newest.
lock:  ## write requirements.lock and requirements-test.lock anew (ARGS=--upgrade)
	@test -x build/lock/bin/uv || { $(PYTHON) -m venv build/lock \
		&& build/lock/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13.9,<0.14'; }
	@$(PYTHON) -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		> build/lock/build-system.txt
	$(LOCK) $(ARGS) setup.cfg build/lock/build-system.txt --output-file requirements.lock
	$(LOCK) $(ARGS) setup.cfg build/lock/build-system.txt --extra test \
		--constraint requirements.lock --output-file requirements-test.lock

# exec: Ctrl-C and kill reach the Python program itself.
run: $(STAMP)  ## start everything and drive it with a simulated rush hour (DURATION=60 SERVE=1 PORT=8000)
	@exec $(BIN)/python -m simulator demo --duration $(DURATION) --serve $(SERVE) --port $(PORT)

test: $(TEST_STAMP)  ## run the whole test suite, on servers of its own
	@exec $(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal $(ARGS)

bench: $(TEST_STAMP)  ## measure the targets side by side, about 10 minutes (QUICK=1 about 2)
	@exec $(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(ARGS)

bench-big: $(TEST_STAMP)  ## what grows with the data, and a whole day (TRIPS=10000000 SCALE=1.0): hours
	@exec $(BIN)/python -m tests.bench --big $(TRIPS) --day-scale $(SCALE) $(ARGS)

profile: $(TEST_STAMP)  ## where the time of a request goes
	@exec $(BIN)/python -m tests.bench.profile $(ARGS)

coverage: $(TEST_STAMP)  ## which lines and branches the tests reach
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -n 0 $(ARGS)
	@$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report --skip-covered

mutants: $(TEST_STAMP)  ## break procedures, service and simulator in one place each, and see a test fail each time
	@exec $(BIN)/python -m tests.mutants $(ARGS)

faults: $(TEST_STAMP)  ## break the running system at seeded moments, compare all books (SEEDS=1..20)
	$(BIN)/python -m tests.faults --seeds $(SEEDS) --prove
	TRANSIT_TEST_LONG=1 $(BIN)/python -m pytest tests/faults

soak: $(TEST_STAMP)  ## run for long: memory, connections, latency, bloat as slopes (MINUTES=20)
	@exec $(BIN)/python -m tests.faults.soak --minutes $(MINUTES)

lint: $(TEST_STAMP)  ## check style and types of Python, and the SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar sql

clean:  ## remove what was made here: .venv, .data, caches
	@$(PYTHON) -c 'from pathlib import Path; import shutil; \
		place = Path(".data/location"); \
		place.exists() and shutil.rmtree(place.read_text().strip(), ignore_errors=True)'
	rm -rf $(VENV) .data build reports *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
