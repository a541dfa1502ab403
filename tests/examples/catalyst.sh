#!/usr/bin/env bash
# Trains Catalyst's example on one rank and on two, evaluates the saved weights on one, two and three, and goes on with a run.
source "$(dirname "$0")/common.sh"

on_ranks 2 --logdir "$work/two" >"$work/trained"
"$program" --logdir "$work/one" >"$work/alone"
for said in trained alone; do
  accuracy=$(sed -n 's/^valid\/accuracy01 //p' "$work/$said")
  awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 0.9) }' || fail "$said: an accuracy of $accuracy"
  for name in accuracy03 accuracy01/std precision/_micro recall/class_09 f1/_macro support/class_00 auc/_weighted; do
    grep -q "^valid/$name " "$work/$said" || fail "$said: no valid/$name"
  done
done
for file in best.pt last.pt checkpoint.pt values.csv values.jsonl; do [ -s "$work/two/$file" ] || fail "no $file"; done
ls "$work"/two/events.out.tfevents.* >/dev/null || fail "nothing for TensorBoard"

# What is measured of the same weights is the same on any number of ranks; the deviation over batches is of other batches.
one=$("$program" --evaluate "$work/two/best.pt" | grep -v /std)
for ranks in 2 3; do
  [ "$(on_ranks "$ranks" --evaluate "$work/two/best.pt" | grep -v /std)" = "$one" ] || fail "$ranks ranks say something else than one"
done

# Two epochs and two more are four.
"$program" --logdir "$work/halves" --num-epochs 2 >/dev/null
"$program" --logdir "$work/halves" --resume | grep -v "^epoch" >"$work/resumed"
grep -v "^epoch" "$work/alone" | cmp - "$work/resumed" || fail "a run that went on says something else than one that was whole"
[ "$(wc -l <"$work/halves/values.csv")" = 5 ] || fail "values.csv has not the four epochs"

if "$program" --evaluate "$work/absent.pt" 2>"$work/error"; then fail "a file that is not there"; fi
grep -q absent.pt "$work/error" || fail "an error that does not name the file"
