# Everything a newcomer or a machine needs to call; each target is complete from a fresh clone.
# The virtual environment is .venv; stamps inside it tell what is done, so repeated calls are quick.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --quiet --disable-pip-version-check
# Parts whose tests answer within seconds; `make test` runs everything.
FAST_TESTS := $(wildcard tests/tidy tests/abi tests/diag tests/docs tests/lang tests/engine tests/lab)
NATIVE := setup.py reclaim/engine/build_native.py $(wildcard reclaim/core/*.c reclaim/core/*.h)

.PHONY: demo test check bench fuzz generate build format clean
.DELETE_ON_ERROR:

demo: $(VENV)/stamp-run
	$(BIN)/reclaim compare

test: $(VENV)/stamp-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2

check: $(VENV)/stamp-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 -m "not slow" $(FAST_TESTS)

bench: $(VENV)/stamp-test
	$(BIN)/python -m benchmarks

# MINUTES=60 looks longer; what is found is made small and written to build/fuzz.
MINUTES ?= 10
fuzz: $(VENV)/stamp-test
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --keep build/fuzz

# The header comes first: the core does not build against a stale one.
generate: $(VENV)/stamp-venv
	$(BIN)/python -m reclaim.abi.cheader
	$(MAKE) --no-print-directory $(VENV)/stamp-test
	$(BIN)/python -m reclaim.cli.reference_pages

format: $(VENV)/stamp-test
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

build: $(VENV)/stamp-run

clean:
	rm -rf build dist *.egg-info reclaim/engine/_rcl.* $(VENV)/stamp-*

# The environment itself, with what is missing named in words.
$(VENV)/stamp-venv:
	@test -n "$(PYTHON)" || { echo "python3 was not found; Python 3.11 or newer is needed (or: make PYTHON=/path/to/python)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is `$(PYTHON) -V 2>&1`; Python 3.11 or newer is needed (or: make PYTHON=/path/to/python)"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; install it (Debian: apt install python3-venv)"; exit 1; }
	@command -v "$${CC:-cc}" >/dev/null || { echo "no C compiler: $${CC:-cc} was not found (Debian: apt install gcc libc6-dev)"; exit 1; }
	@test -f "`$(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))'`/Python.h" || { echo "Python.h was not found; install the headers of $(PYTHON) (Debian: apt install python3-dev)"; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(PIP) install 'setuptools>=77' wheel 'cffi>=1.17'
	@touch $@

$(VENV)/stamp-run: $(VENV)/stamp-venv pyproject.toml $(NATIVE)
	$(PIP) install --no-build-isolation --editable .
	@touch $@

$(VENV)/stamp-test: $(VENV)/stamp-run
	$(PIP) install --no-build-isolation --editable '.[test]'
	@touch $@
