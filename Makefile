# Every target is one line, and CI calls the same ones. `make help` lists them.
# `uv run` would resolve anew in each clone, as uv.lock is not committed (it names registry hosts):
# the environment is made from requirements*.lock, and targets call its programs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PARTS := -e sandbox -e verifiers -e clients -e service -e .
MANIFESTS := pyproject.toml sandbox/pyproject.toml verifiers/pyproject.toml clients/pyproject.toml service/pyproject.toml
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-emit-package rewardd-client --no-emit-package rewardd-sandbox --no-emit-package rewardd-service --no-emit-package rewardd-verifiers

.DEFAULT_GOAL := help
.PHONY: help demo test install format lint types cover bench serve up build lock check

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/runtime  ## start a server, score examples/mixed.jsonl through the client, print the table
	$(BIN)/rewardd demo

test: .venv/dev  ## run the whole suite
	$(BIN)/python -m pytest -n auto $(TESTS)

install: .venv/dev  ## create .venv with everything a developer needs

format: .venv/dev  ## reformat the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix-only .

lint: .venv/dev  ## check style and import contracts
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports

types: .venv/dev  ## check types, tests included
	PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT=1 $(BIN)/pyright

cover: .venv/dev  ## run the suite and report branch coverage
	$(BIN)/coverage erase && $(BIN)/coverage run -m pytest $(TESTS) && $(BIN)/coverage combine -q && $(BIN)/coverage report

bench: .venv/dev  ## measure: ratios against named baselines, see benchmarks/README.md
	$(BIN)/python -m benchmarks

serve: .venv/runtime  ## start a server on 127.0.0.1:8000
	$(BIN)/rewardd serve

up:  ## start the fleet in containers: gateway, workers, Redis; COMPOSE_PROFILES=observability,cache for more
	docker compose up --build

build: .venv/dev  ## build the wheels into dist/
	for part in sandbox verifiers clients service .; do $(BIN)/python -m build --no-isolation --wheel --outdir dist $$part || exit 1; done

lock: .venv/dev  ## pin all dependencies anew
	$(LOCK) pyproject.toml --all-extras --group build -o requirements.lock && $(LOCK) pyproject.toml --all-extras --group build --group dev -c requirements.lock -o requirements-dev.lock

check: format lint types test  ## what a commit must pass

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock $(MANIFESTS) | .venv/bin/python
	$(PIP) install --require-hashes -r requirements.lock && $(PIP) install --no-deps --no-build-isolation $(PARTS) && touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	$(PIP) install --require-hashes -r requirements-dev.lock && touch $@
