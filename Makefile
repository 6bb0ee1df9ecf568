# The commands of the project. `make demo` and `make test` are the two to know.
.PHONY: help demo test build assets setup test-rust test-cases test-campaign test-browser bench-judge bench-append campaign-small fmt lint

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: build ## Build, make a history, serve it on loopback and say what to click first
	target/release/mandate demo

build: assets ## The binary, at target/release/mandate
	cargo build --release --locked --package mandate-api

assets: api/assets/dist/manifest.json ## Style sheets and scripts, from npm, de-branded

api/assets/dist/manifest.json: api/assets/package.json api/assets/package-lock.json api/assets/licences.txt \
    $(wildcard api/assets/*.css api/assets/*.mjs api/assets/*.svg)
	cd api/assets && npm ci --no-audit --no-fund && node build.mjs

setup: ## What the tests need besides Rust and Node: Debian's Chromium, npm packages
	tests/setup.sh

test: setup assets test-rust test-cases test-campaign test-browser ## Everything

test-rust:
	cargo test --workspace --locked

test-cases: ## The histories in tests/cases through the command line
	cargo build --package mandate-api --locked
	python3 tests/cases/run.py --program 'target/debug/mandate judge --format jsonl'

test-campaign: ## A slice of campaign-small and of campaign-tamper
	cargo run --locked --package mandate-tests --bin campaign -- drive --nominals 150 --kills 5
	cargo build --package mandate-api --locked
	cargo run --locked --package mandate-tests --bin tamper -- --flips 60

test-browser: ## A walk through the demonstration with Chromium, axe-core, JavaScript off and on
	cargo build --package mandate-api --locked
	tests/browser/run.sh target/debug/mandate

bench-judge: build ## mandate judge on a national history, against only decoding the same file
	tests/bench/judge.sh

bench-append: ## The log's appender against the stock crate
	cargo bench --package mandate-store --bench append

campaign-small: ## A small history through the whole system, 30 days of clock, 30 kills: one set of breaches everywhere
	cargo run --release --locked --package mandate-tests --bin campaign -- drive --kills 30

.PHONY: campaign-tamper
campaign-tamper: build ## Bytes of a log's file changed at random: each is found, or makes no difference. N=500
	cargo run --release --locked --package mandate-tests --bin tamper -- --flips $(or $(N),500)

fmt: ## Format
	cargo fmt --all

lint: ## What the continuous integration run checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
