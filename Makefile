# Everything starts here; only `python3.11` and `make` are needed. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock vendor

PYTHON ?= python3.11
BIN := .venv/bin
# Written last, so that an interrupted setup is taken up again.
STAMP := .venv/.complete

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything locked in requirements.lock and the command rollcall

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: setup ## start everything with a sample account
	$(BIN)/rollcall up --demo

check: setup ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## check, then every test against real services
	$(BIN)/pytest -n 2 --dist loadfile

bench: setup ## print the rates beside their floors
	$(BIN)/python -m tests.performance

lock: ## resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
	  --quiet --no-header --no-annotate --no-emit-index-url -o requirements.lock
	sed -i '1i # Every package Rollcall is built, run and tested with, each file by its hash. Written by `make lock`.' requirements.lock

vendor: setup ## fetch the vendored files anew, as their vendor.json say (needs npm)
	$(BIN)/python -m tests.support.vendored
