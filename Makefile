# Interpreter Fleet. Everything is installed into this folder; `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
ROOT := $(CURDIR)
VENV := $(ROOT)/.venv
export PATH := $(VENV)/bin:$(ROOT)/node_modules/.bin:$(PATH)
# The lock files are complete, so pip installs exactly them: hashed, nothing resolved anew.
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help setup sandbox-extra demo test lint types unit slow check bench docs lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed .venv-sandbox/.installed .venv-checkov/.installed node_modules/.installed ## install everything into this folder, pinned and hashed

.venv/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "interpreter-fleet needs Python 3.11 or newer, found %d.%d; set PYTHON=python3.12, say" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "setup: Python packages into .venv"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python $(PIP_INSTALL) --no-compile -r requirements/dev.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-sandbox/.installed: requirements/sandbox.txt requirements/sandbox-node/package.json requirements/sandbox-node/package-lock.json
	@echo "setup: the sessions' own Python and npm packages into .venv-sandbox"
	@$(PYTHON) -m venv .venv-sandbox
	@.venv-sandbox/bin/python $(PIP_INSTALL) -r requirements/sandbox.txt
	@mkdir -p .venv-sandbox/lib/nodejs
	@cp requirements/sandbox-node/package.json requirements/sandbox-node/package-lock.json .venv-sandbox/lib/nodejs
	@cd .venv-sandbox/lib/nodejs && ../../bin/npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.venv-checkov/.installed: requirements/checkov.txt
	@echo "setup: checkov into .venv-checkov"
	@$(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/python $(PIP_INSTALL) --no-compile -r requirements/checkov.txt
	@touch $@

# Only the tests run these; `make test` installs them.
.venv-clients/.installed: requirements/clients.txt requirements/clients-node/package-lock.json .venv/.installed
	@echo "setup: other people's clients, for the tests, into .venv-clients"
	@$(PYTHON) -m venv .venv-clients
	@.venv-clients/bin/python $(PIP_INSTALL) --no-compile -r requirements/clients.txt
	@mkdir -p .venv-clients/node
	@cp requirements/clients-node/package.json requirements/clients-node/package-lock.json .venv-clients/node
	@cd .venv-clients/node && npm ci --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps
	@touch $@

sandbox-extra: .venv-sandbox/.extra ## opt-in: the rest of what the service has preinstalled, for sessions (about 4 GB)

.venv-sandbox/.extra: requirements/sandbox-extra.txt .venv-sandbox/.installed
	@echo "setup: everything that the service has preinstalled into .venv-sandbox; this is about 4 GB"
	@.venv-sandbox/bin/python $(PIP_INSTALL) -r requirements/sandbox-extra.txt
	@touch $@

.venv-bench/.installed: requirements/bench.txt
	@echo "setup: the benchmarks' peer into .venv-bench"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python $(PIP_INSTALL) -r requirements/bench.txt
	@touch $@

node_modules/.installed: package-lock.json .venv/.installed
	@echo "setup: the cdk CLI into node_modules"
	@.venv/bin/npm ci --silent --no-audit --no-fund
	@touch $@

demo: .venv/.installed .venv-sandbox/.installed node_modules/.installed ## declare, deploy, prove and remove the example fleet on this machine
	@sh scripts/demo.sh

test: setup .venv-clients/.installed lint types unit ## set up, then lint, types and every test but the slow ones

lint:
	@.venv/bin/ruff check --no-cache
	@.venv/bin/ruff format --check --no-cache

types:
	@.venv/bin/mypy

unit:
	@.venv/bin/python -m pytest -m "not slow" -n 2

slow: setup .venv-clients/.installed ## the tests that take longer; .ci/run runs them too
	@.venv/bin/python -m pytest -m slow -n 2

check: .venv/.installed node_modules/.installed ## synthesize the fleet and check the templates
	@node_modules/.bin/cdk synth --quiet
	@.venv/bin/python scripts/check.py cdk.out

bench: .venv/.installed .venv-sandbox/.installed .venv-bench/.installed node_modules/.installed ## run the benchmarks, each beside a peer
	@for b in benchmarks/bench_*.py; do .venv/bin/python $$b || exit 1; done

docs: .venv/.installed ## write what is generated: the JSON schema of fleet.yaml, tables in docs/
	@.venv/bin/python -m interpreter_fleet.schema
	@.venv/bin/python -m interpreter_policies.rules_doc
	@.venv/bin/python tests/parity.py
	@.venv/bin/python tests/local/escapes/table.py
	@.venv/bin/python -c "from interpreter_validation.reports import shape; shape.write()"

# Run by a maintainer to move the pins; needs `uv` on the PATH. No index address is written.
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet
# npm writes whom a package asks for money, with addresses.
define NO_FUNDING
import json, pathlib, sys
for path in map(pathlib.Path, sys.argv[1:]):
    lock = json.loads(path.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
endef
export NO_FUNDING
lock: ## resolve the dependencies anew into requirements/ and package-lock.json
	@$(LOCK) pyproject.toml --all-extras --output-file requirements/dev.txt
	@$(LOCK) requirements/sandbox.in --output-file requirements/sandbox.txt
	@cd requirements && $(LOCK) sandbox-extra.in --output-file sandbox-extra.txt
	@cd requirements && $(LOCK) bench.in --output-file bench.txt
	@$(LOCK) requirements/checkov.in --output-file requirements/checkov.txt
	@$(LOCK) requirements/clients.in --output-file requirements/clients.txt
	@.venv/bin/npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	@cd requirements/clients-node && $(VENV)/bin/npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --legacy-peer-deps
	@cd requirements/sandbox-node && $(VENV)/bin/npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	@.venv/bin/python -c "$$NO_FUNDING" package-lock.json requirements/*/package-lock.json

clean: ## stop the local endpoint and remove everything that was installed or made here
	@if [ -x .venv/bin/interpreter-local ]; then .venv/bin/interpreter-local down; fi
	@rm -rf .venv .venv-sandbox .venv-checkov .venv-clients .venv-bench node_modules cdk.out build dist .interpreter-local
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
