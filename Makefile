# The first call of any target sets everything up in .venv: it needs Python 3.11 or newer, and make. Later calls are instant.
# Another interpreter: make test PYTHON=/path/to/python

PYTHON ?=
READY := .venv/.ready

.PHONY: demo test check clean

demo: $(READY)  ## register the packaged pair and write its report to demo-output/
	rm -rf demo-output
	.venv/bin/sarnet demo --out demo-output

test: $(READY)  ## run the tests
	scripts/test

check: $(READY)  ## lint, formatting and types
	scripts/check

$(READY): requirements.lock pyproject.toml scripts/setup
	PYTHON="$(PYTHON)" scripts/setup
	touch $@

clean:  ## remove everything that the targets above made
	rm -rf .venv demo-output dist build .pytest_cache .mypy_cache .ruff_cache .coverage
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
