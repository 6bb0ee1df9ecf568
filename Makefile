# The commands of the project. `make demo` and `make test` are the two to know.
.PHONY: help demo test build assets setup test-rust test-cases test-campaign test-faults test-mail test-nodes test-api \
    test-browser bench-judge bench-log bench-projections bench-pages bench-passes campaign-small campaign-crash campaign-power campaign-readers \
    campaign-tamper campaign-browser campaign-derivations campaign-messages campaign-mail campaign-nodes campaign-year fmt lint

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: build ## Build, make a history, serve it on loopback and say what to click first
	target/release/mandate demo

build: assets ## The binaries, target/release/mandate and the offline verifier target/release/mandate-verify
	cargo build --release --locked --package mandate-api --package mandate-verify

assets: api/assets/dist/manifest.json ## Style sheets and scripts, from npm, de-branded

api/assets/dist/manifest.json: api/assets/package.json api/assets/package-lock.json api/assets/licences.txt \
    $(wildcard api/assets/*.css api/assets/*.mjs api/assets/*.svg)
	cd api/assets && npm ci --no-audit --no-fund && node build.mjs

setup: ## What the tests need besides Rust and Node: Debian's Chromium, npm packages
	tests/setup.sh

test: setup assets test-rust test-cases test-campaign test-faults test-mail test-nodes test-api test-browser ## Everything

test-rust:
	cargo test --workspace --locked

test-cases: ## The histories in tests/cases through the command line
	cargo build --package mandate-api --locked
	python3 tests/cases/run.py --program 'target/debug/mandate judge --format jsonl'

test-campaign: ## A slice of campaign-small and of campaign-tamper
	cargo run --locked --package mandate-tests --bin campaign -- drive --nominals 150 --kills 5
	cargo build --package mandate-api --locked
	cargo run --locked --package mandate-tests --bin tamper -- --flips 60

# The database of the campaigns below: sqlite, or postgres in a private cluster. N is how many kills, or events.
DATABASE ?= sqlite
FAULTS = cargo build --locked --package mandate-tests --bin crash --bin readers
CRASH = target/debug/crash
READERS = target/debug/readers

test-faults: ## A slice of campaign-crash, campaign-power and campaign-readers, with their controls
	$(FAULTS)
	$(CRASH) drive --number 12
	$(CRASH) drive --number 12 --kills power
	$(CRASH) drive --number 12 --database postgres
	$(CRASH) drive --number 3 --database postgres --kills postmaster
	$(CRASH) control --promise early --kills program
	$(CRASH) control --promise normal
	$(CRASH) control --promise full --number 8
	$(CRASH) control --promise normal --database postgres --kills postmaster
	$(READERS) run
	$(READERS) run --database postgres
	$(READERS) control

MAIL = target/debug/mail

test-mail: ## A slice of campaign-mail, with its controls
	cargo build --locked --package mandate-tests --bin mail
	$(MAIL) drive --notices 100 --kills 6
	$(MAIL) control --fault loses --notices 60
	$(MAIL) control --fault repeats --notices 60
	$(MAIL) control --fault alters --notices 60
	$(MAIL) relay --notices 10
	$(MAIL) hostile --values 1000

NODES = cargo build --locked --package mandate-tests --bin nodes --bin year && cargo build --locked --package mandate-api

test-nodes: ## A slice of campaign-nodes, with its control, and of campaign-year
	$(NODES)
	target/debug/nodes run --rounds 6
	target/debug/nodes control --rounds 40
	target/debug/year run --days 100
	target/debug/year downtime --open 2000

test-api: ## The API against its own document: no 5xx, and every answer as documented
	cargo build --package mandate-api --locked
	tests/api/run.sh target/debug/mandate

test-browser: ## A walk through the demonstration with Chromium, axe-core, JavaScript off and on
	cargo build --package mandate-api --locked
	tests/browser/run.sh target/debug/mandate

campaign-browser: ## The whole walk, narrow screens as well; SCALE=national on a country's history, each page timed
	cargo build --release --package mandate-api --locked
	MANDATE_WALK=all SCALE=$(or $(SCALE),small) tests/browser/run.sh target/release/mandate

bench-judge: build ## mandate judge on a national history, against only decoding the same file
	tests/bench/judge.sh

bench-log: ## The promises on the log, against the stock crates on SQLite and PostgreSQL
	cargo bench --package mandate-store --bench log

bench-projections: ## The promises on the read models: import, rebuild, keeping up, an idle server
	cargo bench --package mandate-api --bench projections

bench-pages: ## The promise on pages (P14), at present and at past moments, on national data (NOMINALS)
	cargo bench --package mandate-api --bench projections -- --only p14 --nominals $(or $(NOMINALS),74500)

bench-passes: ## The promises on the scheduler, on both databases: finding, a midnight, lateness, a month down (OPEN, SCALE)
	cargo bench --package mandate-scheduler --bench passes -- --open $(or $(OPEN),1000000) --scale $(or $(SCALE),1)

campaign-small: ## A small history through the whole system, 30 days of clock, 30 kills: one set of breaches everywhere
	cargo run --release --locked --package mandate-tests --bin campaign -- drive --kills 30

campaign-crash: ## 500 kills of a program with 20 commands in flight: nothing lost, half there or twice (N, DATABASE)
	$(FAULTS)
	$(CRASH) drive --number $(or $(N),500) --database $(DATABASE)
	$(CRASH) control --promise early --kills program
	if [ $(DATABASE) = postgres ]; then \
	  $(CRASH) drive --number $(or $(N),500) --database postgres --kills postmaster && \
	  $(CRASH) control --promise normal --database postgres --kills postmaster; fi

campaign-power: ## 500 power cuts: what was not synced is lost, nothing that was acknowledged is (N, DATABASE)
	$(FAULTS)
	$(CRASH) drive --number $(or $(N),500) --database $(DATABASE) --kills power
	$(CRASH) control --promise normal --database $(DATABASE)
	$(CRASH) control --promise full --number 50 --database $(DATABASE)

campaign-readers: ## 1 M events by 16 writers, 4 readers that skip none (N, DATABASE)
	$(FAULTS)
	$(READERS) run --events $(or $(N),1000000) --database $(DATABASE)
	$(READERS) control

campaign-tamper: build ## Bytes of a log's file changed at random: each is found, or makes no difference. N=500
	cargo run --release --locked --package mandate-tests --bin tamper -- --flips $(or $(N),500)

campaign-derivations: ## Each derivation of a national history held against the checker, then N=10000 mutants, with controls (N, SEED)
	cargo run --release --locked --package mandate-tests --bin derivations -- --mutants $(or $(N),10000) --seed $(or $(SEED),1)

campaign-messages: ## 1 M HMPPS messages mangled at random: no panic, none lost (N)
	MANDATE_FUZZ_MESSAGES=$(or $(N),1000000) cargo test --release --locked --package mandate-api --lib hmpps::fuzz

campaign-mail: ## 10,000 mails through 200 kills and a server that fails at each verb, Postfix, a relay away for 72 hours (N)
	cargo build --locked --package mandate-tests --bin mail
	$(MAIL) drive --notices $(or $(N),10000) --kills 200
	$(MAIL) drive --server postfix --notices 500 --kills 20
	$(MAIL) control --fault loses
	$(MAIL) control --fault repeats
	$(MAIL) control --fault alters
	$(MAIL) relay
	$(MAIL) hostile

campaign-nodes: ## Three nodes on one PostgreSQL, stopped, woken and killed 200 times: no breach, mail or write too many (N, SEED)
	$(NODES)
	target/debug/nodes run --rounds $(or $(N),200) --seed $(or $(SEED),1)
	target/debug/nodes control --rounds 60 --seed $(or $(SEED),1)

campaign-year: ## A year under a clock that jumps, and downtime with 100,000 open duties, against the judge (N, SEED)
	$(NODES)
	target/debug/year run --seed $(or $(SEED),1)
	target/debug/year downtime --open $(or $(N),100000)

fmt: ## Format
	cargo fmt --all

lint: ## What the continuous integration run checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
