# Every target makes the virtual environment it needs. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ES_HOME ?= $(CURDIR)/.elasticsearch
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-fast lint elasticsearch elasticsearch-stop clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

$(VENV)/base: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(VENV)/base $@

demo: $(VENV)/base ## a working personalised shop; ARGS="--engine elasticsearch" and others are passed on
	@case "$(ARGS)" in *elasticsearch*) $(BIN)/pip install --quiet --editable '.[elasticsearch]';; esac
	$(BIN)/search-rerank demo $(ARGS)

test: $(VENV)/dev ## lint, types and all tests, on both engines
	bash tests/run.sh

test-all: $(VENV)/dev ## the same and the tests of a cluster: three more nodes, 2.5 GB of memory
	SEARCH_RERANK_EXAMPLES=10000 bash tests/run.sh -m ""

test-fast: $(VENV)/dev ## the tests that need no server and take under a minute
	$(BIN)/pytest -q -m "not slow and not elasticsearch and not browser and not data and not cluster"

lint: $(VENV)/dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

elasticsearch: ## start a real Elasticsearch server without Docker and print its address
	@bash tests/elasticsearch/start.sh $(ES_HOME)

elasticsearch-stop: ## stop it
	@bash tests/elasticsearch/stop.sh $(ES_HOME)

clean: ## remove everything that make made
	-test ! -d $(ES_HOME) || bash tests/elasticsearch/stop.sh $(ES_HOME)
	rm -rf $(VENV) .demo .search-rerank .elasticsearch .mypy_cache .pytest_cache .ruff_cache *.egg-info
