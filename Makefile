# Needs Python 3.11 or newer with venv and pip, and make. Everything else is installed into .venv from constraints.txt.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit 0; }; done; echo python3)
WORKERS ?= 2
CYCLES ?= 1000000
MINUTES ?= 60
PY := .venv/bin/python
PYTEST := $(PY) -m pytest -q -n $(WORKERS) --dist loadfile


export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help runtime dev peers demo test lint types floors unit test-slow soak soak-memory bench mutants faults agentdojo reference tables constraints clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

runtime:
	@$(PYTHON) scripts/venv.py

dev:
	@$(PYTHON) scripts/venv.py --dev

peers:
	@$(PYTHON) scripts/venv.py --bench

demo: runtime ## the whole path on one screen: an honest day, an attacker's day, an offline check
	@.venv/bin/intended demo

test: lint types floors unit ## every check but the slow tests

lint: dev
	$(PY) -m ruff check .

types: dev
	$(PY) -m mypy

floors: dev
	.venv/bin/lint-imports --no-cache

unit: dev
	$(PYTEST) -m "not slow"

test-slow: dev ## processes, crashes, wheels and long searches; says how much the judges compared
	$(PYTEST) -m slow -rP

soak: dev ## memory over CYCLES=1000000 cycles, at most MINUTES=60; then property tests for long, with fresh randomness
	PYTHONPATH=. $(PY) bench/soak_memory.py --cycles $(CYCLES) --minutes $(MINUTES)
	HYPOTHESIS_PROFILE=soak $(PYTEST) --timeout 3600 tests/property tests/faults tests/fuzz

soak-memory: dev ## the first part of it alone: memory over CYCLES=1000000 cycles, at most MINUTES=60
	PYTHONPATH=. $(PY) bench/soak_memory.py --cycles $(CYCLES) --minutes $(MINUTES)

bench: peers ## every benchmark, or one: make bench ROOM=decide
	@set -e; for file in $(if $(ROOM),bench/bench_$(ROOM).py,$(sort $(wildcard bench/bench_*.py))); do \
		echo "== $$file"; PYTHONPATH=. $(PY) $$file; done
	@PYTHONPATH=. $(PY) bench/render.py
	@PYTHONPATH=. $(PY) bench/plot.py

mutants: dev ## small faults put into the rooms that decide: do their tests notice? (ROOM=combine for one, ROOM=tokens for a wing)
	PYTHONPATH=. $(PY) -m scripts.mutate $(ROOM)

faults: dev ## the fault matrix as a table, or for some flows: make faults FLOW="authorize redeem"; orders of pairs: FLOW="--orders redeem"
	PYTHONPATH=. $(PY) -m scripts.faults $(FLOW)

agentdojo: dev ## real agent traffic: the tool calls and attacks of the AgentDojo benchmark
	$(PY) -m intended_adapters.agentdojo

reference: dev ## write the generated pages of docs/reference
	$(PY) -m scripts.reference

tables: dev ## write the tables of the grammar anew
	$(PY) -m scripts.tables

constraints: ## resolve every pin anew (needs a package index)
	$(PYTHON) scripts/pin.py

clean: ## remove what the other targets made
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
