#!/bin/sh
# The whole road on this machine: local endpoint, cdk deploy, preflight, canary, cdk destroy. No AWS account.
set -eu
cd "$(dirname "$0")/.."
home=.interpreter-local/demo

if [ "${1:-}" != inside ]; then
    # An endpoint of the demo's own, on a free port: it disturbs no other, and `run` ends it however this ends.
    exec .venv/bin/interpreter-local run --home "$home" --port 0 -- sh "$0" inside
fi

began=$(date +%s)
step() {
    printf '\n== %s  [%ss]\n' "$1" "$(($(date +%s) - began))"
}

step "local endpoint: $AWS_ENDPOINT_URL"
.venv/bin/interpreter-local status --home "$home"

step "cdk bootstrap: roles and asset bucket of the CDK, once an account and region"
cdk bootstrap --progress events

step "cdk deploy: synthesize, check the templates, create the fleet"
cdk deploy --all --require-approval never --progress events --outputs-file cdk-outputs.json

step "preflight: is there room to run it?"
python scripts/validate.py preflight

step "canary: start, invoke and stop a session on every interpreter"
python scripts/validate.py canary

step "cdk destroy: remove the fleet"
cdk destroy --all --force --progress events
