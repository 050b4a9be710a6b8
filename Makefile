# All commands for newcomers, maintainers and the continuous integration. `make` alone lists the targets.

PYTHON_CANDIDATES = python3 python3.13 python3.12 python3.11
PYTHON_BELOW = 4.0
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --root-user-action=ignore

RUN := .venv-run
DEV := .venv
FLINK := .venv-flink
UV := .cache/uv
# Tests with real parts wait for most of their time: two workers need little more than half the time of one.
SIDE_BY_SIDE := -n 2
PY := $(DEV)/bin/python

.PHONY: help run test check unit contract integration e2e faults fuzz bench cover docs lock parts flink bridge clean
.PHONY: parts-for-tests flink-for-tests
.NOTPARALLEL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN)/.ready ## Run the main job over sample changes: light install, no service needed
	@$(RUN)/bin/wikistate demo

test: check unit flink-for-tests parts-for-tests ## Run all checks and tests, with real parts
	@$(PY) -m pytest $(SIDE_BY_SIDE) --durations=25 tests/contract tests/integration tests/e2e tests/fuzz

check: $(DEV)/.ready ## Check style, types and layers
	@$(DEV)/bin/ruff check --quiet
	@$(DEV)/bin/ruff format --check --quiet
	@$(DEV)/bin/mypy --no-error-summary
	@$(DEV)/bin/lint-imports --no-logo

unit: $(DEV)/.ready ## Run the unit tests
	@$(PY) -m pytest $(SIDE_BY_SIDE) tests/unit

contract: flink-for-tests parts-for-tests ## Run the contract suites of sources, sinks, stores and runners
	@$(PY) -m pytest tests/contract

integration: flink-for-tests parts-for-tests ## Test each adapter with the real part
	@$(PY) -m pytest tests/integration

e2e: flink-for-tests parts-for-tests ## Test whole jobs, started as a user starts them
	@$(PY) -m pytest tests/e2e

faults: export WIKISTATE_FAULTS = long
faults: flink-for-tests parts-for-tests ## Run the long form of the fault tests: kills, cuts, full disks
	@$(PY) -m pytest -m fault --timeout 3600 tests

fuzz: $(DEV)/.ready ## Feed mutated input to all readers: FUZZ_SECONDS (1800), FUZZ_SEED, FUZZ_TARGET
	@$(PY) -m tests.fuzz

bench: $(DEV)/.ready ## Measure, and compare with the results in bench/
	@$(PY) -m bench

cover: $(DEV)/.ready ## List the lines without a unit test, file by file
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest tests/unit
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --skip-empty

docs: $(DEV)/.ready ## Generate docs/reference from the code
	@$(PY) docs/generate.py

parts: $(DEV)/.ready ## Download the real parts of the tests: Java, Kafka, MediaWiki, kcat, triple and S3 stores, Kerberos
	@$(PY) -m tests.support.dependencies

flink: $(FLINK)/.ready ## Build the environment with Apache Flink, and print its use
	@echo "A job on Flink, in one command:"
	@echo "  $(FLINK)/bin/wikistate run page-content-change --runner flink --source URL --sink URL"
	@echo "Jars that your own cluster needs beside Flink:"
	@$(FLINK)/bin/wikistate flink jars

bridge: $(DEV)/.ready $(FLINK)/.ready ## Compile jvm/src into the jar of the package
	@$(PY) -m jvm.build $(FLINK)

# As `parts` and `flink`, but outside CI a part that is not available only causes the skip of its tests.
parts-for-tests: $(DEV)/.ready
	@$(PY) -m tests.support.dependencies || [ "$$CI" != true ]

flink-for-tests:
	@$(MAKE) --no-print-directory $(FLINK)/.ready || [ "$$CI" != true ]

clean: ## Remove environments, caches and output; downloaded parts stay in the user's cache
	@rm -rf $(RUN) $(DEV) $(FLINK) .cache .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find src tests bench docs jvm -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment depends on hashes alone: pip compares each package of a registry with the lock. The build backend is
# locked, too, and therefore not isolated. An environment is made again when its lock changes; a change of
# pyproject.toml alone installs the package again, for its commands.
$(RUN)/.locked: requirements/run.lock
$(DEV)/.locked: requirements/dev.lock
$(FLINK)/.locked: requirements/flink.lock

$(RUN)/.locked $(DEV)/.locked:
	@$(ENVIRONMENT)
	@echo "Installing $< into $(@D) ..."
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes --requirement $<
	@touch $@

# Some of Flink's dependencies have no wheel. They are built with the locked setuptools, which is installed first.
$(FLINK)/.locked: PYTHON_CANDIDATES = python3 python3.12 python3.11
$(FLINK)/.locked: PYTHON_BELOW = 3.13
$(FLINK)/.locked:
	@$(ENVIRONMENT)
	@echo "Installing $< into $(@D) (about 1 GB) ..."
	@awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' $< >$(@D)/setuptools.lock
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes --requirement $(@D)/setuptools.lock
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes --no-build-isolation --requirement $<
	@touch $@

$(RUN)/.ready $(DEV)/.ready $(FLINK)/.ready: %/.ready: %/.locked pyproject.toml
	@$(@D)/bin/python $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

define SUITABLE
import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < tuple(map(int, sys.argv[1].split("."))))
endef

# Find a Python from 3.11 and below PYTHON_BELOW, and make the environment $(@D). As root on Debian, install the package
# that gives `venv` its pip.
define ENVIRONMENT
set -e; \
for name in $(PYTHON_CANDIDATES); do \
  if $$name -c '$(SUITABLE)' $(PYTHON_BELOW) 2>/dev/null; then python=$$name; break; fi; \
done; \
if [ -z "$${python:-}" ]; then \
  echo "$(@D) needs Python 3.11 or later, below $(PYTHON_BELOW); tried: $(PYTHON_CANDIDATES)." >&2; \
  echo "On Debian or Ubuntu: apt-get install python3, or the version of these that your release has." >&2; \
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

# The locks hold for every supported Python. This needs no Java and no real part.
lock: $(UV)/.ready ## Update the locks in requirements/ from pyproject.toml
	@for part in run: dev:--extra=dev flink:--extra=flink,requirements/flink-build.in; do \
	  echo "Locking $${part%%:*} ..."; \
	  $(UV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    pyproject.toml requirements/build.in $$(echo $${part#*:} | tr , ' ') \
	    --output-file requirements/$${part%%:*}.lock || exit 1; \
	done
	@for peer in quix faust bytewax rdflib; do \
	  echo "Locking bench/peers/$$peer ..."; \
	  $(UV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    bench/peers/$$peer.in --output-file bench/peers/$$peer.lock || exit 1; \
	done

$(UV)/.ready:
	@$(ENVIRONMENT)
	@$(@D)/bin/python $(PIP_INSTALL) uv
	@touch $@
