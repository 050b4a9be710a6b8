# The one door: what a newcomer, a maintainer and the continuous integration call. `make` alone lists the targets.

PYTHON_CANDIDATES := python3 python3.13 python3.12 python3.11
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --root-user-action=ignore

RUN := .venv-run
DEV := .venv
UV := .cache/uv
PY := $(DEV)/bin/python

.PHONY: help run test check unit contract integration e2e faults bench cover lock parts parts-for-tests clean
.NOTPARALLEL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN)/.ready ## Watch the main job at work on sample changes: light install, no service needed
	@$(RUN)/bin/wikistate demo

test: check unit parts-for-tests ## Everything, with real parts
	@$(PY) -m pytest tests/contract tests/integration tests/e2e

check: $(DEV)/.ready ## Style, types and layers
	@$(DEV)/bin/ruff check --quiet
	@$(DEV)/bin/ruff format --check --quiet
	@$(DEV)/bin/mypy --no-error-summary
	@$(DEV)/bin/lint-imports --no-logo

unit: $(DEV)/.ready ## Unit tests, with their coverage
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest tests/unit
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --format=total | sed 's/.*/Coverage of the unit tests: & %/'

contract: $(DEV)/.ready ## What every source, sink and runner must do
	@$(PY) -m pytest tests/contract

integration: $(DEV)/.ready ## Each adapter against the real part
	@$(PY) -m pytest tests/integration

e2e: $(DEV)/.ready ## Whole jobs, started as a user starts them
	@$(PY) -m pytest tests/e2e

faults: $(DEV)/.ready ## The long form of the fault tests: kills, cuts, full disks
	@WIKISTATE_FAULTS=long $(PY) -m pytest -m fault --timeout 3600 tests

bench: $(DEV)/.ready ## Measure, and compare with the results that are kept in bench/
	@$(PY) -m bench

cover: unit ## The lines that no unit test reaches, file by file
	@$(PY) -m coverage report --skip-empty

docs: $(DEV)/.ready ## Renew docs/reference from the code
	@$(PY) docs/generate.py

parts: $(DEV)/.ready ## Fetch the real parts of the tests: Java, Kafka, MediaWiki, kcat
	@$(PY) -m wikistate.testing.parts

# As `parts`, but outside CI a part that cannot be had only leaves out the tests that need it.
parts-for-tests: $(DEV)/.ready
	@$(PY) -m wikistate.testing.parts || [ "$$CI" != true ]

clean: ## Remove environments, caches and output; fetched parts stay in the user's cache
	@rm -rf $(RUN) $(DEV) .cache .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment stands on hashes alone: what a registry answers with is compared with the lock, also for the build
# backend, which is locked too and therefore not isolated. It is made anew when its lock changes; a change of
# pyproject.toml alone installs the package again, for its commands.
$(RUN)/.locked: requirements/run.lock
$(DEV)/.locked: requirements/dev.lock

$(RUN)/.locked $(DEV)/.locked:
	@$(ENVIRONMENT)
	@echo "Installing $< into $(@D) ..."
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes --requirement $<
	@touch $@

$(RUN)/.ready $(DEV)/.ready: %/.ready: %/.locked pyproject.toml
	@$(@D)/bin/python $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

# Finds a Python, makes the environment $(@D), and on Debian as root adds the package without which `venv` has no pip.
define ENVIRONMENT
set -e; \
for name in $(PYTHON_CANDIDATES); do \
  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
done; \
if [ -z "$${python:-}" ]; then \
  echo "wikistate needs Python 3.11 or later; tried: $(PYTHON_CANDIDATES). On Debian or Ubuntu: apt-get install python3" >&2; \
  exit 1; \
fi; \
if ! $$python -c 'import ensurepip' 2>/dev/null; then \
  package=$$($$python -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))'); \
  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    echo "Installing $$package ..."; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get -qq install -y --no-install-recommends $$package >/dev/null 2>&1 \
      || { apt-get -qq update && apt-get -qq install -y --no-install-recommends $$package >/dev/null; }; \
  else \
    echo "$$python cannot make environments. As root: apt-get install $$package" >&2; \
    exit 1; \
  fi; \
fi; \
$$python -m venv --clear $(@D)
endef

# `.[dev]` and the build backend, for every Python that we run on. Needs no Java and no real part.
lock: $(UV)/.ready ## Renew the locks in requirements/ from pyproject.toml
	@for part in run: dev:--extra=dev flink:--extra=flink; do \
	  echo "Locking $${part%%:*} ..."; \
	  $(UV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    pyproject.toml requirements/build.in $${part#*:} --output-file requirements/$${part%%:*}.lock || exit 1; \
	done

$(UV)/.ready:
	@$(ENVIRONMENT)
	@$(@D)/bin/python $(PIP_INSTALL) uv
	@touch $@
