# genie_nb's commands. Everything is installed into .venv; nothing global is written, but for `make chromium`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

LOCK = $(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-annotate --no-header pyproject.toml

# Install what a lock file pins, with uv where it is there, as it is faster.
define install
	if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=$(VENV) uv pip install -q --no-deps --require-hashes -r $(1); \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(1); \
	fi
endef

.DEFAULT_GOAL := help
.PHONY: help lab test test-all prove check bench notebooks browser chromium mcp-peers format lock clean
WORKERS ?= 2
# Tests of both tiers: how many processes.

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

lab: $(VENV)/lab ## Open JupyterLab on the first lesson
	$(BIN)/genie-nb lab

test: $(VENV)/ready ## Run the quick tests: a part for every room; about 7 minutes on two cores
	$(BIN)/pytest -n $(WORKERS) -m "not slow and not browser"

test-all: $(VENV)/ready ## Run the rest: lessons, browser, chaos, installation, what is slow
	$(BIN)/pytest -m "slow or browser"

prove: $(VENV)/ready ## Run what takes hours: half an hour of questions, long chaos, the lessons three times at a load of 20
	$(BIN)/python -m tests.soak 30
	CHAOS_ROUNDS=2000 $(BIN)/pytest tests/chaos
	for turn in 1 2 3; do $(BIN)/python -m tests.under_load 20 $(BIN)/pytest tests/notebooks/test_lessons.py || exit 1; done

check: $(VENV)/ready ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/ready ## Run the benchmarks; each prints a table and writes JSON
	for script in benchmarks/bench_*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

notebooks: $(VENV)/ready ## Run the lessons and write their outputs
	$(BIN)/python notebooks/execute.py

browser: $(VENV)/ready ## Run only the browser tests; writes screenshots to tests/browser/shots
	$(BIN)/pytest tests/browser

chromium: ## Install Debian's Chromium and fonts for the browser tests (needs root)
	command -v chromium >/dev/null && fc-list 2>/dev/null | grep -qi 'noto.*cjk' || \
	  { apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-noto-cjk fontconfig; }

mcp-peers: ## Install npm's MCP peers for the tests, pinned, into tests/mcp_peers/node_modules (needs npm, or root to get it)
	command -v npm >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends npm; }
	npm ci --prefix tests/mcp_peers --ignore-scripts --no-audit --no-fund

format: $(VENV)/ready ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/ready ## Compile the lock files again from pyproject.toml
	$(LOCK) --all-extras -o requirements-test.lock
	$(LOCK) --extra all -c requirements-test.lock -o requirements.lock
	$(BIN)/python -m tests.install.lowest

clean: ## Remove what these commands made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# What the lab needs. The tests' own libraries come on top of it.
$(VENV)/lab: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "genie_nb needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV) || { echo "On Debian: apt-get install python3-venv"; exit 1; }
	$(call install,requirements.lock)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/ready: $(VENV)/lab requirements-test.lock
	$(call install,requirements-test.lock)
	touch $@
