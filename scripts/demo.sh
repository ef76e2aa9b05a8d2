#!/bin/sh
# The whole road on this machine: local endpoint, cdk deploy, preflight, canary, cdk destroy. No AWS account.
set -eu
cd "$(dirname "$0")/.."
home=$PWD/.interpreter-local/demo
result=$home/result.json
PATH=$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH
export PATH

if [ "${1:-}" != inside ]; then
    # An endpoint of the demo's own, on a free port: it disturbs no other, and `run` ends it however this ends.
    exec interpreter-local run --home "$home" --port 0 -- sh "$0" inside
fi

began=$(date +%s)
step() {
    printf '\n== %s  [%ss]\n' "$1" "$(($(date +%s) - began))"
}

# The cdk CLI tells its progress on stderr; shown when it fails.
quietly() {
    "$@" >"$home/cdk.log" 2>&1 || { status=$?; cat "$home/cdk.log" >&2; exit "$status"; }
}

step "local endpoint: $AWS_ENDPOINT_URL"
interpreter-local status --home "$home"

step "cdk bootstrap: roles and asset bucket of the CDK, once an account and region"
# From a folder without an app, which would be synthesized for nothing; the endpoint's account and region.
(cd "$home" && quietly cdk bootstrap "aws://123456789012/$AWS_REGION" --progress events)
echo "bootstrapped"

step "cdk synth: make the templates and check them"
cdk synth --quiet
python scripts/check.py cdk.out

step "preflight: is there room, and is everything there?"
python scripts/validate.py preflight --assembly cdk.out

step "cdk deploy: create the fleet"
cdk deploy --all --app cdk.out --require-approval never --progress events

step "canary: is every interpreter what was declared, does it work, does it refuse the rest?"
rm -f "$result"
# Whatever it finds, the fleet is removed first; `show` gives its exit status at the end.
python scripts/validate.py canary --json "$result" || echo "canary: exit status $?"

step "cdk destroy: remove the fleet"
quietly cdk destroy --all --app cdk.out --force --progress events
echo "removed"

step "what was proved"
python scripts/validate.py show "$result"
