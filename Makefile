# Every target fails at its first failing command; all of them share cargo's one target folder.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help packages services test drill bench fmt clippy

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

packages: ## Install the system packages that building and testing need, if any is missing
	@deploy/packages

services: packages ## Start the servers that tests use, and print where they are
	@deploy/services up

# Every call selects the whole workspace: cargo builds OpenSSL and librdkafka anew for each set of features that
# a selection of packages leads to. The whole-product tests come last, so that the last line printed is their summary.
other_tests = $(filter-out product,$(sort $(basename $(notdir $(patsubst %/main.rs,%,$(wildcard */tests/*.rs */tests/*/main.rs))))))

test: services ## Format check, lints, then every test
	deploy/services clean
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --lib --bins $(other_tests:%=--test %)
	cargo test --workspace --doc
	cargo test --workspace --test product

drill: services ## The long versions of the whole-product tests: crashes, load, restarts
	cargo run --release -p bench -- run flows --rate 200 --duration 60s
	cargo run --release -p bench -- run mixed --requests 10000 --in-flight 1000 --seed 20261123
	cargo run --release -p bench -- run authorize --connections 64 --requests 200000
	cargo run --release -p bench -- run shared --postgres
	cargo run --release -p bench -- run together --postgres
	cargo run --release -p bench -- run authorize --postgres --connections 256 --duration 30s -- --role api
	cargo run --release -p bench -- run pages
	cargo run --release -p bench -- run pages --postgres
	cargo run --release -p bench -- run relayed
	cargo run --release -p bench -- run project --kafka --postgres
	cargo run --release -p simulation -- --seeds 20000
	DAYBOOK_DRILL=full cargo test --workspace --test product -- --include-ignored

bench: ## Authorizations per second, with the limits of this machine beside the figure
	cargo run --release -p bench -- run authorize --connections 64 --duration 15s

fmt: ## Format the code
	cargo fmt --all

clippy: ## Lints, as errors
	cargo clippy --workspace --all-targets -- -D warnings
