#!/usr/bin/env bash
# What scripts/check_gpu.sh does where it cannot test: no GPU, no LibTorch with CUDA, arguments that it does not know.
#   check_gpu.sh <the source tree>
set -euo pipefail
script=$1/scripts/check_gpu.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An nvidia-smi of ours stands before the machine's.
export PATH=$work:$PATH
unset Torch_DIR CMAKE_PREFIX_PATH
driver() {
  printf '#!/bin/sh\n%s\n' "$1" >"$work/nvidia-smi"
  chmod +x "$work/nvidia-smi"
}

# expect <exit status> <text that is said> [argument ...]
expect() {
  local status=0 said
  said=$("$script" "${@:3}" 2>&1) || status=$?
  if [ "$status" -ne "$1" ] || [[ $said != *"$2"* ]]; then
    echo "check_gpu.sh ${*:3}: expected status $1 and '$2', got $status and: $said" >&2
    exit 1
  fi
}

driver 'echo "NVIDIA-SMI has failed"; exit 9'
expect 77 "no GPU here: nvidia-smi says 'NVIDIA-SMI has failed'"
expect 77 "no GPU here" text regression/pearson
driver 'exit 0'
expect 77 "no GPU here: nvidia-smi lists none"
expect 0 "scripts/check_gpu.sh [domain or topic ...]" --help
expect 2 "'txt' is no domain or topic" txt
expect 2 "the domains are: " text --verbose
expect 2 "'../text' is no domain" ../text
expect 2 "'' is no domain" ""
expect 2 "'text/nothing' is no domain" text/nothing

driver 'echo "GPU 0: a stand-in (UUID: GPU-0)"'
export Torch_DIR=$work/nowhere
expect 2 "where no TorchConfig.cmake is"
mkdir -p "$work/torch/share/cmake/Torch"
touch "$work/torch/share/cmake/Torch/TorchConfig.cmake"
Torch_DIR=$work/torch/share/cmake/Torch
expect 77 "is a build without CUDA"
unset Torch_DIR
export CMAKE_PREFIX_PATH=$work/other:$work/torch
expect 77 "the LibTorch of $work/torch/share/cmake/Torch is a build without CUDA"
