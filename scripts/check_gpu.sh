#!/usr/bin/env bash
# Tests on this machine's GPUs what nothing else does: a group over NCCL with a rank on each GPU (where there are two or more), and every case of the
# fixtures with its metric and inputs on the first GPU. Builds the cuda preset for that, in build/cuda.
#   scripts/check_gpu.sh [domain or topic ...]      such as: text regression/pearson; all when none is named
# LibTorch is the one of Torch_DIR or CMAKE_PREFIX_PATH, else the newest that scripts/check_cuda_build.sh has set up.
# Ends with 0 when all passed, 1 when something failed, 2 on arguments that it does not know, and 77 when it could not test anything: no GPU, or no
# LibTorch with CUDA.
set -euo pipefail
cd "$(dirname "$0")/.."

unfit() {
  echo "gpu: $1" >&2
  exit "${2:-77}"
}

topics=
for topic in "$@"; do
  case $topic in
    -h | --help)
      sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"
      exit 0
      ;;
  esac
  # A domain is a folder, a topic a file in it.
  if [[ ! $topic =~ ^[a-z0-9_]+(/[a-z0-9_]+)?$ ]] || { [ ! -d "python_compat_fixtures/$topic" ] && [ ! -e "python_compat_fixtures/$topic.json" ]; }; then
    unfit "'$topic' is no domain or topic of python_compat_fixtures; the domains are: $(cd python_compat_fixtures && echo */)" 2
  fi
  topics+=${topics:+,}$topic
done

command -v nvidia-smi >/dev/null || unfit "no GPU here: there is no nvidia-smi, which comes with the driver. Nothing was tested."
listed=$(nvidia-smi -L 2>&1) || unfit "no GPU here: nvidia-smi says '$listed'. Nothing was tested."
gpus=$(grep -c '^GPU ' <<<"$listed") || unfit "no GPU here: nvidia-smi lists none. Nothing was tested."

torch_dir=${Torch_DIR:-}
IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
newest=$(sed -n 's/^set(METRICS_TORCH_NEWEST \(.*\))$/\1/p' cmake/Dependencies.cmake)
for prefix in "${prefixes[@]}" .envs/cuda-"$newest"/lib/python3*/site-packages/torch; do
  for dir in "$prefix/Torch" "$prefix/share/cmake/Torch"; do
    [ -n "$torch_dir" ] || [ ! -e "$dir/TorchConfig.cmake" ] || torch_dir=$dir
  done
done
[ -n "$torch_dir" ] ||
  unfit "no LibTorch with CUDA: give Torch_DIR, or run scripts/check_cuda_build.sh $newest, which installs one (5 GB). Nothing was tested."
[ -e "$torch_dir/TorchConfig.cmake" ] || unfit "Torch_DIR is '$torch_dir', where no TorchConfig.cmake is. Nothing was tested." 2
[ -e "$torch_dir/../../../lib/libtorch_cuda.so" ] ||
  unfit "the LibTorch of $torch_dir is a build without CUDA: scripts/check_cuda_build.sh $newest installs one with it (5 GB). Nothing was tested."

scripts/setup.sh
cmake --preset cuda -D Torch_DIR="$(cd "$torch_dir" && pwd)" -D METRICS_BUILD_BENCH=OFF -D METRICS_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/cuda -j "$(nproc)" --target metrics_tests metrics_cli device_ranks

failed=0
over="$gpus GPUs, and ranks over NCCL on them"
if [ "$gpus" -eq 1 ]; then
  over="the one GPU; NCCL was not tested, because it wants a GPU for each rank"
fi
# Where LibTorch sees no GPU this fails, while the tests would leave the way out.
build/cuda/metrics launch -n "$gpus" -- build/cuda/tests/device_ranks nccl || failed=1
[ -z "$topics" ] || export METRICS_TEST_STEMS=$topics
METRICS_TEST_WAYS=cuda build/cuda/tests/metrics_tests --test-case='fixtures:*one process*' || failed=1
[ $failed -eq 0 ] || unfit "something failed on $over" 1
echo "gpu: all passed on $over"
