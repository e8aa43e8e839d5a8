# What a person types. Each target is one script or one line; `make help` lists them.

.PHONY: help setup demo test format texts
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

texts: ## take the texts of templates and code into the catalogues of translations
	@.venv/bin/python manage.py makemessages --all --add-location file --no-wrap --no-obsolete \
	  --ignore tests --ignore benchmarks --ignore data --ignore .venv
	@sed -i '/^"POT-Creation-Date/d' config/locale/*/LC_MESSAGES/django.po
	@.venv/bin/pybabel --quiet compile --directory config/locale --domain django
