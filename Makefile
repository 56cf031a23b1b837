# make run    start the app                 PORT=8501 HOST=127.0.0.1
# make test   run every test                TEST_PROCESSES=2
# make quick  the tests without those that start a server, a browser or nginx, or kill processes
# make setup  make .venv and nothing else
# make check  linter, types, import order
# make i18n   collect the strings, compile the translations
# make bench  the benchmark table          bench-full has the slow rows too
# make fuzz   hostile pictures, weights, zips, links and names at every door; minutes
# make chaos  kill training processes and servers, again and again; minutes
# make axe    every page and tab in both themes and languages, looked at by axe; minutes
# make screenshots  the README's pictures, taken from the running app
# make load   thirty visitors at once: waits, errors, memory; then the same beside a training run
# make soak   half an hour of them: memory, hooks, caches, processes

PYTHON ?= python3
PORT ?= 8501
HOST ?= 127.0.0.1
TEST_PROCESSES ?= 2
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test quick check i18n bench bench-full fuzz chaos axe screenshots load soak

help:
	@sed -n 's/^# make/make/p' Makefile

# The environment follows the requirement files: it is made once, and brought up to date when they change.
setup: .venv/ready
.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed; name one with PYTHON=" && false)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt requirements-onnx.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

run: .venv/ready
	$(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.address $(HOST)

# One thread each: processes whose threads wait for one another on the same cores are slower than one alone.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

quick: .venv/ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --quick -n $(TEST_PROCESSES) --dist loadfile

check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

i18n: .venv/ready-dev
	$(BIN)/python -m tools.catalogue

bench: .venv/ready-dev
	$(BIN)/python -m tools.bench

bench-full: .venv/ready-dev
	$(BIN)/python -m tools.bench --full

fuzz: .venv/ready-dev
	$(BIN)/python -m tools.fuzz

chaos: .venv/ready-dev
	$(BIN)/python -m pytest tools/chaos.py

axe: .venv/ready-dev
	AXE_EVERYTHING=1 $(BIN)/python -m pytest tests/browser/test_axe.py tests/browser/test_people.py

screenshots: .venv/ready-dev
	$(BIN)/python -m tools.screenshots

load: .venv/ready-dev
	$(BIN)/python -m tools.load
	$(BIN)/python -m tools.load --training

soak: .venv/ready-dev
	$(BIN)/python -m tools.load --soak 30
