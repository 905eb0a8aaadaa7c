# `make` alone lists what there is. Each target is one command; the stamps in .state make them cheap to repeat.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEXT ?= Hello from Mayfly. This sentence will be gone tomorrow.
BACKEND ?= embedded
T ?=
PROVE ?=
DISTRIBUTIONS := libs/runtime clients/python/protos clients/python/client services/storage services/synth services/sweeper clients/gateway
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifeq ($(filter $(BACKEND),embedded aws),)
$(error BACKEND must be embedded or aws, not "$(BACKEND)")
endif
# MAYFLY_PORT_BASE=51000 moves a whole set: 51051 instead of 50051, and so on. `make say` follows it.
ifdef MAYFLY_PORT_BASE
export MAYFLY_STORAGE_TARGET ?= 127.0.0.1:$(shell expr $(MAYFLY_PORT_BASE) + 51)
export MAYFLY_SYNTH_TARGET ?= 127.0.0.1:$(shell expr $(MAYFLY_PORT_BASE) + 61)
export MAYFLY_SWEEPER_TARGET ?= 127.0.0.1:$(shell expr $(MAYFLY_PORT_BASE) + 71)
endif

##@ Use it
.PHONY: demo up say down
demo: .state/run ## Text in, speech out, a link that plays, and a sweep that removes it (TEXT="...")
	@$(BIN)/python -m tools.demo --text "$$TEXT"

up: .state/run .state/moto-$(BACKEND) ## Start storage, synth, sweeper and the gateway with its page on loopback and leave them running (BACKEND=embedded|aws)
	@$(BIN)/python -m tools.stack up --backend $(BACKEND)

say: .state/run ## Speak TEXT="..." to hello.wav through the running set
	@$(BIN)/mayfly say "$$TEXT" -o hello.wav

down: .state/run ## Stop what `make up` started
	@$(BIN)/python -m tools.stack down

##@ Work on it
.PHONY: setup test check prove format protos locks bench pictures test-compose clean help
setup: .state/dev ## Make the virtual environment with everything for development

test: .state/dev ## Run all tests (T=services/storage for some of them)
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(T)

check: .state/dev .state/protos ## Formatters, linters, types, import rules, contracts, generated files
	@$(BIN)/python tools/check.py

prove: .state/dev ## Prove both promises over three virtual days of faults; writes .run/proof.html (PROVE="--hours 6 --seed 1")
	@$(BIN)/python -m tests.prove $(PROVE)

format: .state/dev ## Format code and contracts
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/buf format -w protos

protos: .state/protos .state/dev ## Regenerate the stubs and docs/errors.md from protos/
	@.state/protos-venv/bin/python tools/gen_protos.py
	@$(BIN)/python tools/gen_errors.py

locks: .state/dev ## Refresh requirements/*.txt
	@$(BIN)/python tools/compile_requirements.py

bench: .state/dev ## Run the benchmarks, each beside its limit and its peers
	@$(BIN)/python -m bench

pictures: .state/dev ## Look at the pages in a real Chromium and write docs/pictures
	@$(BIN)/python -m tools.pictures

test-compose: .state/dev ## Build and run docker-compose.yml with a real engine, where one answers
	@$(BIN)/python -m pytest -m compose tests/compose

clean: ## Remove the environments and everything built (not .data)
	rm -rf $(VENV) .state dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

export TEXT

# Environments: hash-pinned, the project's own distributions installed editable.
.state/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Mayfly needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Name one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) && mkdir -p .state && touch $@

.state/run: .state/venv requirements/run.txt $(DISTRIBUTIONS:%=%/pyproject.toml)
	@echo "Installing pinned dependencies (the first time takes a minute) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(DISTRIBUTIONS:%=-e %)
	@touch $@

.state/dev: .state/run requirements/dev.txt
	@echo "Installing pinned development tools ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt && touch $@

.state/moto-embedded: .state/venv
	@touch $@

.state/moto-aws: .state/run requirements/moto.txt
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/moto.txt && touch $@

.state/protos: .state/venv requirements/protos.txt
	@$(PYTHON) -m venv .state/protos-venv
	@.state/protos-venv/bin/python -m pip install --quiet --require-hashes -r requirements/protos.txt && touch $@
