#!/usr/bin/env bash
# One program under each launcher that is here: `metrics launch`, torchrun, Open MPI's mpirun. Saved weights have the same values under all.
source "$(dirname "$0")/common.sh"
python=$3

"$program" --logdir "$work/logs" --num-epochs 1 >/dev/null
weights=$work/logs/best.pt
values_of() {
  grep -v /std | sed 's/^\[[^]]*\]:\{0,1\} *//' | grep '^valid/' | sort
}
"$program" --evaluate "$weights" | values_of >"$work/alone"
[ -s "$work/alone" ] || fail "no values"

same() {
  cmp -s "$work/alone" "$work/other" || fail "$1 says something else than one process"
  echo "launchers: $1"
}
"$metrics" launch -n 2 -- "$program" --evaluate "$weights" | values_of >"$work/other"
same "metrics launch"
# As torchrun, which is this module's program.
"$python" -m torch.distributed.run --standalone --nproc-per-node 2 --no-python \
  "$program" --evaluate "$weights" 2>"$work/error" | values_of >"$work/other" || fail "torchrun: $(cat "$work/error")"
same torchrun
if command -v mpirun >/dev/null; then
  port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port \
    mpirun -n 2 --oversubscribe --bind-to none -x MASTER_ADDR -x MASTER_PORT "$program" --evaluate "$weights" 2>"$work/error" |
    values_of >"$work/other" || fail "mpirun: $(cat "$work/error")"
  same mpirun
else
  echo "launchers: no mpirun here: left out"
fi
