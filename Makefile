# Needs make and Python 3.11 or later; everything else is set up by the targets themselves, in .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first Python that is new enough; `make test PYTHON=/path/to/python` chooses another.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$python" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo "$$python"; break; fi; done)
UV := uv==0.13.9

bin := .venv/bin
run := .venv/run.stamp
dev := .venv/dev.stamp
code := cds_service hooks fixtures tests bench
pip := $(bin)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help
help:  ## list the targets
	@echo 'Usage: make TARGET [ARGS="..."]    needs only Python 3.11 or later; the rest goes to .venv'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: $(run)  ## start the service with the demo patients, http on 127.0.0.1:8080
	@$(bin)/nam-cds serve --demo $(ARGS)

.PHONY: test
test: $(dev)  ## all tests, one process a core; branch coverage of hooks/ must be complete
	@$(bin)/pytest -n auto --dist loadscope --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=100 $(ARGS)

.PHONY: check
check: $(dev)  ## format, lint, types, known weaknesses, clinical knowledge
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy $(code)
	@$(bin)/python -m tests.scans
	@$(bin)/nam-cds check-knowledge

.PHONY: format
format: $(dev)  ## format and sort imports
	@$(bin)/ruff check --quiet --select I --fix .
	@$(bin)/ruff format .

.PHONY: bench
bench: $(dev)  ## measure the ratios the design promises
	@$(bin)/python -m bench $(ARGS)

.PHONY: load
load: $(dev)  ## five minutes of mixed traffic on two workers: no error, no growth, no stragglers
	@$(bin)/python -m bench.load $(ARGS)

.PHONY: mutation
mutation: $(dev)  ## mutate hooks/ and see which tests notice; takes hours (ARGS="--sample 1000", or a module)
	@$(bin)/python -m tests.mutation $(ARGS)

.PHONY: fuzz
fuzz: $(dev)  ## send spoiled requests to every address (ARGS="--count 200000 --seed 1 --jobs 2")
	@$(bin)/python -m tests.fuzz $(ARGS)

.PHONY: screenshots
screenshots: $(dev)  ## take the pictures of the documents anew (needs Chromium)
	@$(bin)/python -m tests.browser.screenshots

.PHONY: hapi
hapi: $(run)  ## start a HAPI FHIR server, 127.0.0.1:8090 (Java 17 and Maven); Ctrl-C ends it
	@$(bin)/python -m tests.integration.hapi $(ARGS)

.PHONY: lock
lock: python  ## resolve the requirements anew
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	$(PYTHON) -m venv "$$scratch"; "$$scratch/bin/pip" --disable-pip-version-check install --quiet '$(UV)'; \
	compile() { "$$scratch/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url "$$@"; }; \
	compile pyproject.toml -o requirements/run.txt; \
	compile --group build -o requirements/build.txt; \
	compile pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt

.PHONY: clean
clean:  ## remove .venv and what tools left behind
	@rm -rf .venv build dist mutants *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find $(code) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: python
python:
	@if [ -z "$(PYTHON)" ]; then \
		echo 'nam-cds needs Python 3.11 or later with its venv module; found: '"$$(python3 --version 2>&1 || true)" >&2; \
		echo 'Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make run PYTHON=/path/to/python' >&2; \
		exit 1; \
	fi
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { \
		echo '$(PYTHON) is older than Python 3.11, or lacks the venv module (Debian, Ubuntu: apt install python3-venv)' >&2; \
		exit 1; }

# A directory without a stamp is of unknown origin and is made anew.
$(run): pyproject.toml requirements/run.txt requirements/build.txt | python
	@test -e $(run) || { echo 'Setting up .venv'; $(PYTHON) -m venv --clear .venv; }
	@$(pip) --require-hashes --no-deps -r requirements/run.txt -r requirements/build.txt
	@$(pip) --no-deps --no-build-isolation --editable .
	@touch $@

$(dev): $(run) requirements/dev.txt
	@echo 'Installing the tools for tests and checks'
	@$(pip) --require-hashes --no-deps -r requirements/dev.txt
	@$(bin)/python -m pip --disable-pip-version-check check --quiet
	@touch $@
