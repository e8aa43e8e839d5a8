# What a person types. Each target is one script or one line; `make help` lists them.

.PHONY: help setup demo test format
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/'

setup: ## install what Sheaf runs on into .venv
	@.ci/setup.sh

demo: setup ## start Sheaf with an invented class whose papers run through (Ctrl-C stops it)
	@.ci/demo.sh || test $$? -eq 130

test: ## install the test tools and run every check and test
	@.ci/setup.sh test
	@.ci/test.sh

format: ## format the code
	@.ci/setup.sh test
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .
