# Every target does its own set-up, and is quick when there is nothing to do.
# BANDSOX_STORAGE names the storage directory (default: /var/lib/bandsox for root, else the user's data directory).

NODE := node_modules/.bin/node
RUN := $(NODE) --conditions=bandsox-source --disable-warning=ExperimentalWarning

.DEFAULT_GOAL := help
.PHONY: help quickstart setup build package reproducible check test test-fresh kvm-lab bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

quickstart: setup ## Set up, then run Python in a first microVM
	@$(RUN) examples/quickstart.ts

setup: ## Install what is missing, build the helpers, fetch the guest kernel
	@scripts/setup.sh

build: ## Compile the packages and the Go helpers
	@scripts/ensure-packages.sh
	@scripts/ensure-node.sh
	@scripts/build-agent.sh
	@scripts/build-dashboard.sh
	@PATH="$(CURDIR)/node_modules/.bin:$$PATH" npm run --silent build

package: setup ## Make the npm package: build/bandsox-<version>.tgz, and what it is made of as build/*.sbom.json
	@scripts/pack.sh

reproducible: setup ## Build the package's Go helpers twice, in two places, and compare them
	@scripts/check-reproducible.sh

check: ## Check format, types and dependency rules
	@scripts/ensure-packages.sh
	@scripts/ensure-node.sh
	@PATH="$(CURDIR)/node_modules/.bin:$$PATH" npm run --silent check

test: ## Set up, then run every check and test this machine can run
	@scripts/test.sh

test-fresh: ## Follow the README from a bare Debian root (needs root and a mirror)
	@scripts/ensure-packages.sh
	@scripts/test-fresh.sh

kvm-lab: setup ## Run the tests under a real KVM, in an emulated machine; LAB=short for one VM, LAB=peers to measure beside microsandbox (needs root)
	@scripts/ensure-packages.sh --test
	@scripts/kvm-lab.sh $(LAB)

bench: setup ## Measure; ONLY="B09 B13" for some, QUICK=1 for small sizes, WRITE=1 for docs/benchmarks.md; AGAINST=<commit> ROUNDS=5 for a comparison; PEER=<directory> beside microsandbox
	@$(if $(PEER),$(RUN) bench/peer.ts $(PEER) $(if $(QUICK),--quick),$(if $(AGAINST),scripts/bench-ab.sh $(AGAINST) $(or $(ROUNDS),3) $(ONLY) $(if $(QUICK),--quick),$(RUN) bench/main.ts $(ONLY) $(if $(QUICK),--quick) $(if $(WRITE),--write)))

clean: ## Remove everything built or downloaded here; the storage directory stays
	rm -rf build .cache coverage node_modules packages/*/dist packages/*/*.tsbuildinfo test/*.tsbuildinfo
