# Needs Python 3.11 or newer and make; everything else it fetches itself, into .venv.
#   make run ARGS="--port 9000"     make test ARGS="-k ledger"     make setup PYTHON=/opt/python3.12/bin/python3

SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready

export UV_PYTHON_DOWNLOADS := never
# Without its cache each of the many processes that `run` and the tests start would compile all it imports: 5.5 s
# of a processor for the web process instead of 2.3 s. The cache stays inside this folder.
unexport PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
unexport VIRTUAL_ENV

.PHONY: run setup test test-slow test-all test-shifted check bench fmt browser
.DEFAULT_GOAL := run

run: $(READY)
	@$(BIN)/laurel run $(ARGS)

setup: $(READY)
	@echo "Laurel is installed: $(CURDIR)/$(BIN)/laurel"

# Minutes, for every day. `test-slow` has what it leaves out, and `test-all` is both at once.
test: $(READY) browser
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: $(READY) browser
	$(BIN)/python -m pytest -m slow $(ARGS)

test-all: $(READY) browser
	$(BIN)/python -m pytest $(ARGS)

# The same tests as `test` on another day: `make test-shifted DAYS=-40`. Needs a C compiler.
DAYS := 7
test-shifted: $(READY) browser
	@cc -shared -fPIC -O2 -Wall -Werror -o .venv/shifted_clock.so tests/shifted_clock.c -ldl
	LD_PRELOAD=$(CURDIR)/.venv/shifted_clock.so CLOCK_SHIFT_SECONDS=$$(($(DAYS) * 86400)) \
	  $(BIN)/python -m pytest -m "not slow" $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/uv lock --check

bench: $(READY)
	$(BIN)/python -m bench $(ARGS)

fmt: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The environment: made by a Python that is new enough, filled by the uv that the lock file names.
$(READY): pyproject.toml uv.lock
	@set -eu; \
	enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$enough" 2>/dev/null; then \
	  found=''; \
	  for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    if "$$candidate" -c "$$enough" 2>/dev/null; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Laurel needs Python 3.11 or newer and found none. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  if ! "$$found" -m venv --clear .venv; then \
	    echo "This Python can't make a virtual environment (on Debian: apt-get install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	fi; \
	wanted=$$($(BIN)/python -c 'import tomllib; print(next(p["version"] for p in tomllib.load(open("uv.lock", "rb"))["package"] if p["name"] == "uv"))'); \
	if [ "$$($(BIN)/uv --version 2>/dev/null | cut -d" " -f2)" != "$$wanted" ]; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$$wanted"; \
	fi; \
	$(BIN)/uv sync --frozen --quiet; \
	touch $@

# The tests open pages in Debian's chromium.
browser:
	@set -eu; \
	if command -v chromium >/dev/null; then exit 0; fi; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing chromium for the browser tests"; \
	  apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else \
	  echo "The browser tests need chromium on the PATH, and only root on a Debian system can install it from here: sudo apt-get install chromium fonts-dejavu-core" >&2; \
	  exit 1; \
	fi
