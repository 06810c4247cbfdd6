# Bare `make` lists the commands.
DAYS ?= 7
# Two at a time where there are two cores: most of the integration tests wait for services. A file stays in one process.
WORKERS ?= -n logical --maxprocesses=2 --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run stop status logs doctor test unit integration coverage check format bench lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: DAYS=1 (lead days of make run, 7 unless set), PYTHON=python3.12, SSA_HOME, DATABASE_URL"

setup: ## make .venv from the lock files (part of all commands that need it)
	@scripts/setup.sh

run: setup ## start the services and screen the bundled catalogue, DAYS lead days
	@$(BIN)/ssa demo --days $(DAYS)

stop: setup ## stop everything that was started; keeps the data
	@$(BIN)/ssa down

status: setup ## show what runs
	@$(BIN)/ssa status

logs: setup ## show the end of the logs
	@$(BIN)/ssa logs

doctor: setup ## check machine and installation
	@$(BIN)/ssa doctor

test: unit integration ## run every test, the quick ones first

unit: setup ## run the tests that need no service
	$(BIN)/python -m pytest $(WORKERS) --dist worksteal ssa_pipeline_tests/unit

integration: setup ## run the tests on real servers
	$(BIN)/python -m pytest $(WORKERS) ssa_pipeline_tests/integration

coverage: setup ## run every line of the core in plain Python, show what is not covered
	$(BIN)/python -m ssa_pipeline_tests.integration.core.test_plain_python

check: setup ## linters, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## measure the targets in a few minutes (FULL=1: seven days, 105,000 objects, the pipeline, SQL)
	$(BIN)/python -m benchmarks $(if $(FULL),--full)

# Existing pins are kept; add UPGRADE=1 for the newest versions.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	$(if $(UPGRADE),--upgrade)
lock: ## renew the lock files from pyproject.toml (needs uv)
	@command -v uv > /dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(LOCK) --extra dev --extra kubernetes -o requirements.lock pyproject.toml
	$(LOCK) --extra kubernetes --constraint requirements.lock -o deploy/requirements.lock pyproject.toml
	echo 'setuptools>=77' | $(LOCK) -o requirements-build.lock -

JUNK := .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage htmlcov build dist ssa_pipeline.egg-info .venv .setup.lock
clean: ## remove caches and .venv; never data (with DATA=1 data too, after asking)
	@if [ -n "$(DATA)" ]; then scripts/erase_data.sh; fi
	@if [ -x $(BIN)/ssa ] && $(BIN)/ssa status 2> /dev/null | grep -q ' running '; then \
		echo "make clean: services run from .venv; make stop first" >&2; exit 1; fi
	@for junk in $(JUNK); do if [ -e $$junk ]; then echo "removing $$junk"; rm -rf $$junk; fi; done
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
