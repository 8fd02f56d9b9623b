# Everything starts here; only `make` and a Python >= 3.11 are needed. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock vendor texts

# Each makes .venv or brings it up to date first, which takes no time when there is nothing to do.
RUN := @deploy/in-venv run
DEV := @deploy/in-venv dev
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
  --quiet --no-header --no-annotate --no-emit-index-url

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start everything with a sample account
	$(RUN) rollcall up --demo

setup: ## make .venv with the command rollcall and the developer tools
	$(DEV)

check: ## format, lint, types and import contracts
	$(DEV) ruff format --check .
	$(DEV) ruff check .
	$(DEV) mypy
	$(DEV) lint-imports

test: check ## check, then every test against real services
	$(DEV) pytest -n 4 --dist loadfile --no-loadscope-reorder

bench: ## print the rates beside their floors
	$(DEV) python -m tests.performance

lock: ## resolve the requirements*.lock anew (needs uv)
	$(COMPILE) pyproject.toml --extra embedded --extra checkout -o requirements.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
	echo uv | $(COMPILE) - -o requirements-uv.lock
	sed -i '1i # What running Rollcall needs, each file by its hash. Written by `make lock`.' requirements.lock
	sed -i '1i # What developing and testing Rollcall needs, each file by its hash. Written by `make lock`.' requirements-dev.lock
	sed -i '1i # The installer of the other locks, each file by its hash. Written by `make lock`.' requirements-uv.lock

texts: ## bring the catalogues of the languages up to date with the code
	$(DEV) python -m tests.support.console.texts

vendor: ## fetch the vendored files anew, as their vendor.json say (needs npm)
	$(DEV) python -m tests.support.vendored
