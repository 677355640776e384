# Two commands matter: `make up` and `make test`. The rest is for people who change Berth.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help up down clean test lint bench env

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

up: ## Install what is missing, start Berth, and serve the sample from real containers
	@infra/up

down: ## Stop Berth and its containers; data stays
	@infra/down

clean: ## Stop Berth and remove everything that it made on this machine
	@infra/clean

test: ## Run all checks and tests
	@infra/test

lint: ## Format, clippy, crate graph, generated code
	@infra/lint

bench: ## Measure against the targets; prints a table and writes target/bench.json
	@infra/bench

env: ## Print the exports that point any AWS client at Berth
	@target/release/berth env
