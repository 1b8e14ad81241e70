# Every target sets up what it needs: a virtual environment in .venv from the hash-locked lists in requirements/.
# The lists are whole, so nothing is resolved (--no-deps): for `pydantic[email]` of another package's metadata pip 23
# takes the newest release, which no list has, as soon as there is one. `make check` looks for gaps instead.
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check

# Or each of the 100 programs that the tests start compiles the product again: 0.5 s of CPU for the plugin alone.
unexport PYTHONDONTWRITEBYTECODE

# An environment whose Python was removed is made again.
$(shell test -x $(BIN)/python || rm -f .venv/made)

# Each process has a Valkey and a PostgreSQL of its own, and most have a whole stack: docs/adr/0027. `auto` is
# three processes for two cores (tests/conftest.py).
ALL_CORES := -n auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo run test test-slow test-browser pictures check format bench growth truth soak fuzz lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/run ## play three months of a small shop through the real services and show the report; ONCE=1 exits after it
	$(BIN)/python -m demo $(if $(ONCE),--once)

run: .venv/run ## start salepixel for real use, with data in ./data
	$(BIN)/salepixel up --data data

test: .venv/dev ## run the tests that need only the installed packages, but the slow ones
	$(BIN)/pytest $(ALL_CORES)

test-slow: .venv/dev ## run the slow tests: kills of whole stacks, simulated worlds, the load of a mailing
	$(BIN)/pytest $(ALL_CORES) -m slow

test-browser: .venv/dev ## run the tests that need browsers: Chromium, Firefox ESR, WebKitGTK
	$(BIN)/pytest -m browser

pictures: .venv/dev ## make the pictures in the docs again, by the tests in a browser
	SCREENSHOTS=1 $(BIN)/pytest -m browser -k "not axe" $(addprefix tests/browser/test_, views.py campaign.py dashboard.py demo.py)

check: .venv/dev ## check environment, format, lint, types and import rules
	$(BIN)/pip check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev ## format the code and apply the fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## measure performance as ratios to a yardstick; ONLY=fold runs one part, CLICKS=10000000 measures the edge's memory
	$(if $(CLICKS),BENCH_CLICKS=$(CLICKS)) $(BIN)/python -m bench $(ONLY)

growth: .venv/dev ## what a click, an order and each page cost at 10 k, 100 k and 1 M clicks, each view at 10 k and 1 M sales; SIZES="--sqlite 10000000 --postgresql"
	$(BIN)/python -m bench.growth $(SIZES)
	$(BIN)/python -m bench.views $(SALES)

truth: .venv/dev ## measure the accuracy of the attribution in 40 simulated worlds; SEEDS=20, TAG_ONLY=1
	$(if $(SEEDS),SEEDS=$(SEEDS)) $(if $(TAG_ONLY),TAG_ONLY=1) $(BIN)/python -m truth

fuzz: .venv/dev ## random input until a fault is found or SECONDS=600 are over; ONLY=rewrite runs one subject
	$(if $(SECONDS),SECONDS=$(SECONDS)) $(BIN)/python -m fuzz $(ONLY)

soak: .venv/dev ## run the long tests (half an hour): the load of a mailing, 200 kills (kill -9) of each kind, new random examples
	$(BIN)/python -m bench.mailing
	KILL_ROUNDS=200 $(BIN)/pytest -m "not browser" tests/edge/test_kills.py tests/stack/test_stack.py -k kill_9
	SOAK=1 $(BIN)/pytest $(ALL_CORES) -m hypothesis

.venv/made:
	@sh requirements/environment.sh $(PYTHON)
	@touch $@

.venv/run: requirements/run.txt pyproject.toml .venv/made
	$(INSTALL) --no-deps --require-hashes -r requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements/dev.txt .venv/run
	$(INSTALL) --no-deps --require-hashes -r requirements/dev.txt
	touch $@

lock: ## update the locked lists after a change of dependencies in pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra all --group demo -o requirements/run.txt pyproject.toml requirements/build.in
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra all --group dev -o requirements/dev.txt pyproject.toml requirements/build.in
