#!/usr/bin/env bash
# Runs the example that builds metrics from JSON: what it refuses, and that two ranks print what one prints.
set -euo pipefail
from_json=$1 metrics=$2 example=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

refused() {
  local expected=$1 status=0
  shift
  "$from_json" "$@" >"$work/out" 2>"$work/error" || status=$?
  if [ "$status" = 0 ] || ! grep -q "$expected" "$work/error"; then
    echo "from_json $*: ended with $status, expected an error that says '$expected', got:"
    cat "$work/error"
    exit 1
  fi
}

refused "usage"
refused "cannot be opened" "$work/absent.json"
echo "{" >"$work/cut.json"
refused "is no JSON" "$work/cut.json"
sed 's/MeanMetric/NoSuchMetric/' "$example" >"$work/name.json"
refused "NoSuchMetric" "$work/name.json"
sed 's/nan_strategy/nan_strateggy/' "$example" >"$work/option.json"
refused "nan_strateggy" "$work/option.json"
sed 's/"loss": \[0.31, 0.47, 1.14\]/"loss": [[0.31], [0.47, 1.14]]/' "$example" >"$work/ragged.json"
refused "equal lengths" "$work/ragged.json"

one=$("$from_json" "$example")
two=$("$metrics" launch -n 2 -- "$from_json" "$example" | sed 's/^\[0\] //')
grep -q "top-1: MulticlassAccuracy(num_classes=3" <<<"$one"
if [ "$one" != "$two" ]; then
  diff <(echo "$one") <(echo "$two") || true
  echo "two ranks print something else than one"
  exit 1
fi
