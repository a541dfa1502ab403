#!/usr/bin/env bash
# Trains the example of metric learning on two ranks: embeddings find digits much better than pixels do, and what is said of one saved set of them is the same
# on any number of ranks.
source "$(dirname "$0")/common.sh"

on_ranks 2 --save "$work/embeddings.pt" | tee "$work/trained"
map_of() {
  sed -n "s/^$1.*: map@5 //p" "$work/trained"
}
raw=$(map_of "raw pixels") after=$(map_of "after training")
awk -v raw="$raw" -v after="$after" 'BEGIN { exit !(after > 0.9 && after > raw + 0.15) }' || fail "map@5 of $after, of raw pixels $raw"

one=$("$program" --evaluate "$work/embeddings.pt")
grep -q "^saved: map@5 $after$" <<<"$one" || fail "in training $after, afterwards: $one"
for ranks in 2 3; do
  [ "$(on_ranks "$ranks" --evaluate "$work/embeddings.pt")" = "$one" ] || fail "$ranks ranks say something else than one: $one"
done

if "$program" --evaluate "$work/absent.pt" 2>"$work/error"; then fail "a file that is not there"; fi
if "$program" --what 2>"$work/error"; then fail "an option that there is not"; fi
grep -q usage "$work/error" || fail "no usage"
