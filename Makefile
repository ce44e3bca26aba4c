# `make run` and `make test` are all that a newcomer needs; both do their own set-up.
.DEFAULT_GOAL := help
BIN := .venv/bin
PORT ?= 8000
# Four workers on the two cores that this is made for: a fifth of the time a test waits. A file goes to one of
# them, so that what its tests share is made once, in the order of tests/conftest.py.
# Containers often forbid bytecode: every process of every test would compile what it loads anew.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: drill soak help setup run test clients check lint types imports nightly check-deploy check-image cluster-tools cluster-up cluster-down check-cluster check-release lighthouse bench docs dashboards rules maintenance format clean

help:
	@echo "make run      start everything with demo data on http://localhost:$(PORT)"
	@echo "make test     what the tests need, then the tests"
	@echo "make clients  Python and TypeScript clients made from the API's document, type-checked and used"
	@echo "make check    ruff, mypy, import-linter and the tests: what CI runs"
	@echo "make check-deploy  deployment/, the workflows and the migrations, by their checkers"
	@echo "make check-image  the image, built and run as the manifests run it"
	@echo "make check-cluster  the platform on a Kubernetes control plane of its own (as root; KUBERNETES=1.28 for another)"
	@echo "make check-release  releases on such a control plane under guests who book: canary, blue-green, rollback"
	@echo "make cluster-up, cluster-down  the same cluster to look at (ENVIRONMENT=staging for another)"
	@echo "make nightly  what a push tries once, in all its variants; full data sets, long fault and fuzz runs"
	@echo "make soak     half an hour of guests while everything that can fail fails (as root; MINUTES=30)"
	@echo "make bench    how fast everything is on this machine, beside the machine's limits (docs/BENCH.md)"
	@echo "make drill    a PostgreSQL under bookings is lost and restored: what was lost, how long it took (GIGABYTES=10)"
	@echo "make docs     the tables of docs/CONFIGURATION.md, METRICS.md and compliance/ASVS.md, from the code"
	@echo "make dashboards  Grafana's dashboards in deployment/monitoring, from the code"
	@echo "make rules    Prometheus' rules as Kubernetes takes them, from deployment/monitoring/prometheus/rules"
	@echo "make maintenance  what the gateway answers while the platform is maintained, from the application"
	@echo "make lighthouse  the guests' pages as Google's Lighthouse sees them on a phone"

setup:
	@scripts/bootstrap

run: setup
	@$(BIN)/hotel-booking demo --port $(PORT)

test: setup
	@scripts/browser
	@scripts/compile_tests
	$(PYTEST) -m "not nightly and not deploy and not cluster and not release"

clients:
	@scripts/clients
	HOTEL_TEST_CLIENTS=1 $(BIN)/pytest tests/api_clients

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python scripts/dead_code

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

check: lint types imports test

nightly: setup
	@scripts/browser
	@scripts/deploy_packages
	@scripts/deploy_tools >/dev/null
	$(PYTEST) -m "nightly and not cluster and not release" --ignore tests/soak
	$(PYTEST) -m "postgresql and not nightly"
	$(PYTEST) -m "not nightly" --hypothesis-profile night tests/unit
	$(BIN)/pytest -m nightly tests/soak
	$(MAKE) --no-print-directory check-cluster KUBERNETES=1.28
	$(MAKE) --no-print-directory check-release

check-deploy: setup
	@scripts/deploy_packages
	@scripts/deploy_tools >/dev/null
	$(BIN)/pytest -n 4 --dist loadfile -m "deploy and not nightly" tests/deployment

check-image: setup
	@scripts/deploy_packages
	$(BIN)/pytest -m deploy tests/deployment/test_image.py

# What tests/cluster is made of: half an hour on a new machine, a second after that.
KUBERNETES ?= 1.34
ENVIRONMENT ?= production
cluster-tools: setup
	@scripts/cluster_tools $(KUBERNETES)

cluster-up: cluster-tools
	@$(BIN)/python -m tests.cluster up --kubernetes $(KUBERNETES) --environment $(ENVIRONMENT)

cluster-down: setup
	@$(BIN)/python -m tests.cluster down

check-cluster: cluster-tools
	KUBERNETES=$(KUBERNETES) $(BIN)/pytest -m cluster tests/cluster

check-release: cluster-tools
	@scripts/deploy_tools >/dev/null
	KUBERNETES=$(KUBERNETES) $(BIN)/pytest -m release tests/release

lighthouse: setup
	@scripts/browser
	$(BIN)/python -m benchmarks.lighthouse

bench: setup
	@$(BIN)/hotel-booking bench

drill: setup
	@scripts/deploy_packages
	@deployment/scripts/backup-restore.sh drill --gigabytes $(or $(GIGABYTES),1) $(if $(REPORT),--report $(abspath $(REPORT)))

soak: setup
	@scripts/deploy_packages
	HOTEL_SOAK_MINUTES=$(or $(MINUTES),30) $(BIN)/pytest -m nightly tests/soak

docs: setup
	@$(BIN)/python -m hotel_booking.core.settings_page docs/CONFIGURATION.md
	@$(BIN)/python -m hotel_booking.core.metrics_page docs/METRICS.md
	@$(BIN)/python -m tests.house.asvs docs/compliance/ASVS.md

dashboards: setup
	@$(BIN)/python deployment/monitoring/dashboards

rules: setup
	@$(BIN)/python scripts/kubernetes_rules > deployment/monitoring/kubernetes/rules.yaml

maintenance: setup
	@$(BIN)/python scripts/maintenance_mode > deployment/kubernetes/maintenance-mode.yaml

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv .venv-uv .venv-clients .venv-deploy tests/api_clients/node_modules tests/api_clients/generated .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
