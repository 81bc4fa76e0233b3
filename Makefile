.PHONY: all check test demo docs tables bench
PYTHON ?= python

all: check test

check:  ## style, types, floors
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:  ## everything, warnings are errors
	$(PYTHON) -m pytest -q

demo:  ## the built-in record, analysed
	einthoven demo --force

tables:  ## pages and README tables from results/*.json
	$(PYTHON) -m einthoven.report.results

docs:  ## the documentation, in site/
	mkdocs build --strict

bench:  ## side by side with peers; prints ratios
	for f in benchmarks/*.py; do echo "== $$f"; $(PYTHON) $$f || exit 1; done
