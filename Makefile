# Everything that a person or CI does with this project. `make` alone lists it.

# Without C: no compiler is needed to build, and bin/ runs on any Linux.
export CGO_ENABLED = 0

# What we build with: the flags that cmd/internal/overlay writes, one value for all, so that one build cache serves all.
GO      = GOFLAGS="$$(cat .build/overlay/goflags)" go
# What builds what we build with.
PLAIN   = GOFLAGS=-buildvcs=false go
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Packages whose tests wait for their twins more than they work: side by side they take two thirds of the time.
PATIENT = sim cmd/internal/rehearsal
RUN     = scenarios/vsphere/upgrade.star --world scenarios/vsphere/prod-a.world.star --param cluster=prod-a --param target=4.3.0

.PHONY: help overlay manifests assets build rehearse suite test lint bench docs ci clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

overlay: ## make the build overlay that lets site time move time.Now
	@$(PLAIN) run ./cmd/internal/overlay -goroot "$$(go env GOROOT)" -out .build/overlay

manifests: ## copy the providers' manifests out of their modules, to be embedded
	@$(PLAIN) run ./cmd/internal/genmanifests -out sim/manifests/generated

assets: overlay ## put kube-apiserver, etcd and their like into bin/, built once per version
	@$(PLAIN) run ./cmd/internal/buildassets -tools tools -overlay .build/overlay -bin bin

build: overlay manifests assets ## build bin/rehearse, and all that it needs beside it
	@$(GO) run ./cmd/internal/progress bin/rehearse -ldflags "-X main.version=$(VERSION)" -o bin/rehearse ./cmd/rehearse

rehearse: build ## build, then rehearse the shipped vSphere upgrade
	bin/rehearse run $(RUN)

suite: build ## build, then run the scenarios that are shipped; SUITE="--shard 1/2" runs a part
	bin/rehearse test scenarios $(SUITE)

test: overlay manifests assets ## run all tests, those with a real twin included
	@$(GO) run ./cmd/internal/progress packages ./dsl/... ./fakes/... ./runner/... ./sim/...
	@export KUBEBUILDER_ASSETS="$(CURDIR)/bin"; status=0; \
	$(GO) test -p 2 -vet=off -timeout 45m $(PATIENT:%=./%) || status=$$?; \
	$(GO) test -p 1 -vet=off -timeout 45m $$($(GO) list ./... | grep -v $(PATIENT:%=-e '/%$$')) || status=$$?; \
	exit $$status # lint has vetted

lint: overlay manifests ## gofmt, go vet, staticcheck
	@unformatted="$$(gofmt -l $$(git ls-files '*.go'))" && test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run -modfile=.ci/tools.mod honnef.co/go/tools/cmd/staticcheck ./...

bench: build ## print the medians of the benchmarks
	$(GO) test -p 1 -vet=off -timeout 60m -run '^$$' -bench . ./dsl/... ./sim/manifests
	KUBEBUILDER_ASSETS="$(CURDIR)/bin" $(GO) run ./cmd/internal/bench

docs: overlay manifests ## write the generated pages of docs/
	$(GO) run ./cmd/internal/gendocs -out docs

ci: ## what CI does
	bash .ci/run

clean: ## remove what was built here; the cache of assets stays
	rm -rf bin .build sim/manifests/generated/crds sim/manifests/generated/webhooks
