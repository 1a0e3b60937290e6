# Every command sets up what it needs: Python 3.11 or newer and make are enough to begin.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Tests and services start hundreds of processes: what one has compiled, the others only load.
unexport PYTHONDONTWRITEBYTECODE
UV := scripts/uv
# Some tests wait for servers while others compute, so there are more workers than cores. A file stays with one
# worker, which has servers of its own.
WORKERS := --numprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start everything in one process (MEDIAMILL_HOME, MEDIAMILL_HOST, MEDIAMILL_PORT; BROKER_URL for RabbitMQ)
	@$(UV) sync --quiet --locked --no-dev --inexact
	@exec $(BIN)/mediamill-standalone

.PHONY: test
test: setup ## Run all tests against private servers (ARGS="-k name" for some)
	@scripts/install-test-servers
	@$(BIN)/python scripts/install_node_packages.py
	@$(BIN)/pytest $(WORKERS) $(ARGS)

.PHONY: check
check: setup ## Check style, types, layers, imports, generated documents and deployment files
	@$(MAKE) --keep-going check-style check-types check-layers check-imports check-documents check-deploy

.PHONY: format
format: setup ## Format the code and mend what can be mended by machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: documents
documents: setup ## Generate docs/schemas, docs/messages.md, .env.example and the alert rules
	@$(BIN)/python scripts/generate_documents.py
	@$(BIN)/python scripts/generate_environment.py
	@$(BIN)/python scripts/generate_alerts.py

.PHONY: bench
bench: ## Measure against a bare loop, Celery and others; writes benchmarks/results/
	@$(UV) sync --quiet --locked --group bench
	@scripts/install-test-servers redis-server
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: env
env: ## Write .env for Docker Compose, with fresh secrets
	@python3 scripts/write_env.py

.PHONY: up
up: ## Start the distributed form with Docker Compose (needs .env: `make env`)
	@docker compose up --build --detach --wait $(ARGS)

.PHONY: down
down: ## Stop it; volumes stay (ARGS=--volumes removes them)
	@docker compose down $(ARGS)

.PHONY: migrate
migrate: setup ## Bring the database of DATABASE_URL to the newest schema
	@$(BIN)/mediamill-migrate

.PHONY: setup
setup:
	@$(UV) sync --quiet --locked

.PHONY: check-style
check-style:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: check-types
check-types:
	@$(BIN)/mypy

.PHONY: check-layers
check-layers:
	@$(BIN)/lint-imports

.PHONY: check-imports
check-imports:
	@scripts/check-imports

.PHONY: check-documents
check-documents:
	@$(BIN)/python scripts/generate_documents.py --check
	@$(BIN)/python scripts/generate_environment.py --check
	@$(BIN)/python scripts/generate_alerts.py --check

.PHONY: check-deploy
check-deploy:
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/hadolint --config deploy/hadolint.yaml deploy/Dockerfile
