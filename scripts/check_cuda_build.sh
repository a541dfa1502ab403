#!/usr/bin/env bash
# Compiles the cuda preset against the oldest and the newest CUDA build of LibTorch that is supported, each in an environment of its own below
# .envs/ (5 GB each). Compiles and links only: it needs neither a GPU nor a CUDA toolkit, as the wheels bring the runtime and its headers.
#   scripts/check_cuda_build.sh [version ...]
set -euo pipefail
cd "$(dirname "$0")/.."

supported() { sed -n "s/^set(METRICS_TORCH_$1 \(.*\))$/\1/p" cmake/Dependencies.cmake; }
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=("$(supported OLDEST)" "$(supported NEWEST)")

scripts/setup.sh
for version in "${versions[@]}"; do
  env=.envs/cuda-$version
  pip=("$env/bin/python" -m pip install --quiet --disable-pip-version-check)
  [ -x "$env/bin/python" ] || python3 -m venv "$env"
  if ! "$env/bin/python" -W ignore -c 'import torch, sys; sys.exit(torch.version.cuda is None)' 2>/dev/null; then
    echo "cuda: installing torch $version"
    # Not the local versions (+cpu) that an index may put before the CUDA build of PyPI.
    "${pip[@]}" "torch===$version.0" || {
      echo "cuda: could not install the CUDA build of torch $version.0 into $env" >&2
      exit 1
    }
  fi
  # The runtime's headers include these, which torch itself does not ask for.
  cuda=$("$env/bin/python" -W ignore -c 'import torch; print(torch.version.cuda)')
  "${pip[@]}" "nvidia-cuda-crt==$cuda.*" "nvidia-cuda-cccl==$cuda.*"

  torch_dir=$("$env/bin/python" -W ignore -c 'import torch; print(torch.utils.cmake_prefix_path)')/Torch
  started=$SECONDS
  cmake --preset cuda -B "build/cuda-$version" -D Torch_DIR="$torch_dir" >/dev/null
  cmake --build "build/cuda-$version" -j "$(nproc)"
  echo "cuda: LibTorch $version with CUDA $cuda: everything compiled in $((SECONDS - started)) s"
done
