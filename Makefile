# Two commands to remember: `make run` and `make test`. Both set up all they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint types bench conformance fire soak lan long fuzz page docs clean

run: $(VENV)/.ready  ## Front the example service, or yours: make run TARGET=3000
	$(BIN)/tunnel $(or $(TARGET),example) $(ARGS)

test: $(VENV)/.tested lint types  ## Lint, type-check and test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tested
	$(BIN)/mypy --platform linux
	$(BIN)/mypy --platform darwin
	$(BIN)/mypy --platform win32

page: $(VENV)/.tested  ## Our pages in Chromium: what people do there, and axe-core
	$(BIN)/python -m pytest -m page tests/inspector tests/share $(ARGS)

soak: $(VENV)/.tested  ## Mixed traffic for so long, after which nothing may be left of it: make soak SECONDS=14400
	TUNNEL_SOAK=$(or $(SECONDS),60) $(BIN)/python -m pytest -m soak tests/fire/soak $(ARGS)

long: $(VENV)/.tested  ## More examples, and what takes longer than five seconds
	$(BIN)/python -m pytest -m long tests $(ARGS)

lan: $(VENV)/.tested  ## As root: what is shared, attacked from another host, in network namespaces that the tests make
	$(BIN)/python -m pytest -m lan tests/lan $(ARGS)

bench: $(VENV)/.tested  ## Figures beside nginx, Caddy, Node's http-proxy and mitmproxy
	$(BIN)/python -m benchmarks $(ARGS)

conformance: $(VENV)/.tested  ## Outside judges: requests' own suite through a front, sslyze, pkilint
	$(BIN)/python -m conformance $(ARGS)

fire: $(VENV)/.tested  ## Faults that take longer: restarts, kill -9 a hundred times, suspension (docs/faults.md)
	$(BIN)/python -m pytest -m fire tests/fire $(ARGS)

fuzz: $(VENV)/.fuzzed  ## Every parser on hostile bytes, sharing the time: make fuzz SECONDS=3600
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),240) $(ARGS)

docs: $(VENV)/.ready  ## Print docs/settings.md and docs/filters.md from the code
	$(BIN)/python -m tunnel.cli.settings_page
	$(BIN)/python -m tunnel.cli.filters_page

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tunnel needs Python 3.11 or newer; name one with: make PYTHON=python3.13"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tested: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.ready

$(VENV)/.fuzzed: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,fuzz]'
	@touch $@
