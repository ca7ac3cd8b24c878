# Each target is one plain command. `make demo` and `make test` set up .venv by themselves.

SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
CODE := ledger node wallet_cli tests bench examples proto
# e.g. make test ARGS="-k merkle -x"
ARGS ?=
# Three processes, file by file: the suite is long, and much of it waits for other processes. PARALLEL= for one.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder
# Where an environment forbids Python to keep what it compiled, each of hundreds of commands would compile all of it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check contexts interop conformance mutations bench bench-full soak format lint types coverage clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "make %-12s %s\n", $$1, $$2}'

# A candidate must really run (version-manager shims may exist and fail) and be able to make a virtual environment.
# An environment that is already there is kept if its Python serves.
$(READY): pyproject.toml
	@set -e; \
	usable() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }; \
	if ! usable $(PYTHON); then \
	  found=; \
	  for candidate in $$(type -aP python3.12 python3.11 python3 python); do \
	    if usable "$$candidate"; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "make: error: no Python 3.12 or 3.11 that can make a virtual environment was found" >&2; \
	    echo "make: hint: on Debian 12: apt-get install python3.11 python3.11-venv; on Ubuntu 24.04: apt-get install python3.12 python3.12-venv" >&2; \
	    exit 1; \
	  fi; \
	  echo "setting up $(VENV) with $$("$$found" --version), about a minute"; \
	  rm -rf $(VENV); "$$found" -m venv $(VENV); \
	fi; \
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input -e '.[node,dev]'; \
	if ! $(PYTHON) -c 'import plyvel' >/dev/null 2>&1; then \
	  echo "make: no ready-made plyvel for this machine: building it from source"; \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input 'plyvel>=1.5.1' || { \
	    echo "make: error: plyvel, the node's store, could not be built" >&2; \
	    echo "make: hint: on Debian and Ubuntu: apt-get install g++ python3-dev libleveldb-dev; then make again" >&2; \
	    exit 1; }; \
	fi; \
	touch $@

demo: $(READY) ## a whole diploma network on this machine, in under three minutes (KEEP=1 leaves it running)
	@KEEP=$(KEEP) $(PYTHON) -m examples.demo

test: $(READY) ## all tests (ARGS="-k merkle" for some)
	$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

check: $(READY) ## what must pass before a change is proposed: format, lint, types, tests
	$(PYTHON) -m ruff format --check $(wildcard $(CODE))
	$(PYTHON) -m ruff check $(wildcard $(CODE))
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

contexts: $(READY) ## fetch JSON-LD contexts from pinned npm packages into ~/.cairn/contexts (VAULT=FILE for another vault)
	@command -v npm >/dev/null || { echo "make: error: npm and node fetch the contexts and were not found" >&2; \
	  echo "make: hint: install Node.js 18 or newer, or give your own copies to cairn contexts --from DIR" >&2; exit 1; }
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	cp deploy/contexts/package.json deploy/contexts/collect.cjs "$$folder"; \
	npm install --prefix "$$folder" --silent --no-audit --no-fund --ignore-scripts --no-package-lock; \
	node "$$folder/collect.cjs" "$$folder/node_modules" "$$folder/found"; \
	$(VENV)/bin/cairn contexts --from "$$folder/found" $(if $(VAULT),--vault "$(VAULT)")

interop: $(READY) ## install the pinned verifiers of others, and let them read what we issue and us what they issue
	@command -v npm >/dev/null || { echo "make: error: npm and node run the verifiers of others and were not found" >&2; \
	  echo "make: hint: install Node.js 20 or newer" >&2; exit 1; }
	npm ci --prefix tests/interop --no-audit --no-fund --ignore-scripts
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input -e '.[node,dev,peers]'
	$(PYTHON) -m pytest tests/interop $(ARGS)

conformance: $(READY) ## go through all vectors and peers, and write docs/conformance.md (after make interop)
	$(PYTHON) -m tests.conformance

mutations: $(READY) ## plant faults in a copy of the evaluator, one by one: each must be caught
	$(PYTHON) -m tests.mastery.mutations $(ARGS)

bench: $(READY) ## quick measurements, a tenth of the size, under five minutes
	$(PYTHON) -m bench

bench-full: $(READY) ## measurements fit for quoting
	$(PYTHON) -m bench --full

soak: $(READY) ## the tests that run long: crash rounds, ten simulated half-years, the longest ways
	$(PYTHON) -m pytest -m soak --timeout 1800 $(ARGS)

format: $(READY) ## rewrite the code in the house format
	$(PYTHON) -m ruff format $(wildcard $(CODE))
	$(PYTHON) -m ruff check --fix $(wildcard $(CODE))

lint: $(READY) ## ruff alone
	$(PYTHON) -m ruff check $(wildcard $(CODE))

types: $(READY) ## mypy alone
	$(PYTHON) -m mypy

coverage: $(READY) ## tests with branch coverage
	$(PYTHON) -m coverage run -m pytest $(ARGS)
	$(PYTHON) -m coverage report --skip-covered --sort=cover

clean: ## remove what was built, the virtual environment included
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
