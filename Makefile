# The commands of this project; `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Node.js of the version that package.json pins comes first, for every command below.
export PATH := $(CURDIR)/node_modules/node/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# Its install script looks for a GPU build that is not used.
export ONNXRUNTIME_NODE_INSTALL := skip

INSTALLED := node_modules/.package-lock.json
PLATFORM := node infra/cli/platform.ts

.PHONY: help up preview down status smoke evaluate mlflow sync render train judge serve test test-fast bench lint

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json .npmrc model/package.json training/package.json service/package.json infra/package.json
	@for tool in npm:"Node.js 20 or newer" python3:"Python 3 with pip" git:git; do \
	  command -v "$${tool%%:*}" > /dev/null || { echo "error: $${tool%%:*} is missing; install $${tool#*:} and run again." >&2; exit 1; }; \
	done
	@echo "installing npm packages (about a minute the first time)" >&2
	@npm ci --loglevel=error --no-progress >&2
	@touch $@

up: $(INSTALLED) ## set everything up: cluster, training, service, smoke test (STACK=, PULUMI_ENGINE=)
	@$(PLATFORM) up

preview: $(INSTALLED) ## show what `make up` would change (EXPECT_NO_CHANGES=1 fails when anything would)
	@$(PLATFORM) preview

down: $(INSTALLED) ## remove everything that `make up` made
	@$(PLATFORM) down

status: $(INSTALLED) ## show what runs
	@$(PLATFORM) status

smoke: $(INSTALLED) ## run the smoke test in the cluster again
	@$(PLATFORM) smoke

evaluate: $(INSTALLED) ## judge the deployed service on DATA=<folder of photos>, else on the test split or drawn pictures
	@$(PLATFORM) evaluate

mlflow: $(INSTALLED) ## reach the MLflow server from this machine, until Ctrl-C
	@$(PLATFORM) mlflow

sync: $(INSTALLED) ## make Argo CD deploy what Git has now, and wait for its verdict
	@$(PLATFORM) sync

render: $(INSTALLED) ## write deploy/, which Argo CD deploys, from the components
	@node infra/cli/render.ts

train: $(INSTALLED) ## train on this machine into artifacts/model
	@npm run -s train -- --out artifacts/model

judge: $(INSTALLED) ## judge artifacts/model on DATA=<folder of photos>
	@npm run -s judge -- --model artifacts/model --data "$(DATA)"

serve: $(INSTALLED) ## serve artifacts/model on this machine, without a cluster
	@npm run -s serve -- --model artifacts/model --port 8080

lint: $(INSTALLED) ## check format, rules, types, import arrows, dead code, workflows
	@npm run -s lint:style
	@npm run -s lint:types
	@npm run -s lint:rules
	@npm run -s lint:imports
	@npm run -s lint:dead
	@node infra/cli/lint-workflows.ts

test-fast: lint ## lint and unit tests
	@npm run -s test:unit

test: test-fast ## everything: lint, unit, integration, end to end on the real cluster
	@node infra/cli/build-tools.ts kubernetes etcd versitygw
	@node tests/install-chromium.ts
	@npm run -s test:integration
	@npm run -s test:e2e

bench: $(INSTALLED) ## measure, side by side, and print the figures (takes the platform down, with its data)
	@node tests/bench/platform.ts
	@node tests/bench/service.ts
