# provenline. `make help` lists what can be asked for.
# Needs only Python 3.11+ and make; everything else goes into .venv, from pinned, hashed locks.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

SCENE  ?= first-light
# How many test files run at once: many tests wait more than they work.
WORKERS ?= 3

# Programs are started again and again here: compiled once, they start in half the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check sbom audit bench reliability screenshots web lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 20

demo: $(VENV)/run  ## Run a demonstration and serve its page (SCENE=agv, SCENE= for all; ARGS="--port 9000")
	@$(BIN)/provenline demo $(if $(SCENE),--scene $(SCENE)) $(ARGS)

test: $(VENV)/dev tests/peers/node_modules/.lock  ## Run every test; as root on Debian it installs the programs they need
	@$(BIN)/python -m tests.programs --install
	@$(BIN)/python hatch_build.py
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev  ## Lint, type-check, and check the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python packaging/sbom.py --check

sbom: $(VENV)/dev  ## Write what the product is made of to sbom.json (CycloneDX)
	@$(BIN)/python packaging/sbom.py > sbom.json
	@echo "sbom.json"

audit: $(VENV)/dev  ## Ask public advisories about every pinned package; needs the network
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet "pip-audit>=2.9,<3"
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/run.txt
	@cd web && npm audit --omit=dev

bench: $(VENV)/dev tests/peers/node_modules/.lock  ## Measure, and print ratios to what one would use instead
	@$(BIN)/python -m tests.programs --install
	@$(BIN)/python -m bench $(ARGS)

reliability: $(VENV)/dev  ## Do every fault to real processes, count samples, write docs/reliability.md; needs root on Linux
	@$(BIN)/python -m tests.programs --install
	@$(BIN)/python -m tests.survival --write $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m tests.survival.day --write)

screenshots: $(VENV)/dev  ## Photograph every page into out/screenshots, and those of the README (ARGS="--only overview")
	@$(BIN)/python -m tests.programs --install
	@$(BIN)/python hatch_build.py
	@$(BIN)/python -m tests.web.screenshots $(ARGS)

web: $(VENV)/dev  ## Build the web pages
	@$(BIN)/python hatch_build.py

lock: $(VENV)/dev  ## Pin the newest allowed versions of all dependencies
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv lock --upgrade --quiet
	@$(BIN)/uv export --quiet --no-header --no-annotate --no-emit-project --no-dev -o requirements/run.txt
	@$(BIN)/uv export --quiet --no-header --no-annotate --no-emit-project --group dev -o requirements/dev.txt

clean:  ## Remove what was built and installed here
	rm -rf $(VENV) web/dist web/node_modules tests/peers/node_modules

# The environment is remade when a lock or the project file changed; stamps carry the state.
$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "provenline needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/python requirements/run.txt pyproject.toml hatch_build.py
	@echo "installing provenline (once; about a minute)"
	@$(PIP) install --quiet --require-hashes -r requirements/run.txt
	@$(PIP) install --quiet --no-deps -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	@echo "installing what tests and checks need (once)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

tests/peers/node_modules/.lock: tests/peers/package-lock.json $(VENV)/dev
	@$(BIN)/python -m tests.peers.install
	@touch $@
