#!/usr/bin/env bash
# Sets up what building and testing need: the system packages of scripts/system-packages.txt, and .venv with the Python packages of
# requirements.txt, LibTorch among them. Skips what is there; works offline once set up.
#   scripts/setup.sh [--without-fixtures]
# A LibTorch named by Torch_DIR or CMAKE_PREFIX_PATH is used instead of .venv's; with --without-fixtures no .venv is made then.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "setup: $*" >&2
  exit 1
}

command -v "${CXX:-c++}" >/dev/null || fail "no C++ compiler '${CXX:-c++}': apt-get install g++"
command -v python3 >/dev/null || fail "no python3: apt-get install python3"

# Of these packages, those that are not installed.
missing_of() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

install_system_packages() {
  local packages optional missing extra as_root=() install
  mapfile -t packages < <(sed '/^# optional:/,$d; /^#/d' scripts/system-packages.txt)
  mapfile -t optional < <(sed '1,/^# optional:/d; /^#/d' scripts/system-packages.txt)
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    packages+=(python3-venv)
  fi
  if ! command -v dpkg-query >/dev/null; then
    command -v cmake >/dev/null || fail "no Debian package manager here: install what scripts/system-packages.txt names by hand"
    return
  fi
  mapfile -t missing < <(missing_of "${packages[@]}")
  mapfile -t extra < <(missing_of "${optional[@]}")
  [ $((${#missing[@]} + ${#extra[@]})) -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      [ ${#missing[@]} -eq 0 ] || fail "missing system packages; as root: apt-get install ${missing[*]}"
      echo "setup: going on without ${extra[*]}; as root: apt-get install ${extra[*]}" >&2
      return
    fi
    as_root=(sudo)
  fi
  install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
  echo "setup: installing ${missing[*]} ${extra[*]}"
  "${as_root[@]}" apt-get update -qq || [ ${#missing[@]} -eq 0 ] || fail "apt-get update failed; needed: apt-get install ${missing[*]}"
  "${install[@]}" "${missing[@]}" "${extra[@]}" >/dev/null 2>&1 && return
  # A Debian without this Clang is no reason to fail.
  [ ${#missing[@]} -eq 0 ] || "${install[@]}" "${missing[@]}" >/dev/null || fail "could not install system packages: apt-get install ${missing[*]}"
  for package in "${extra[@]}"; do
    "${install[@]}" "$package" >/dev/null 2>&1 || echo "setup: going on without $package, which could not be installed" >&2
  done
}

libtorch_is_given() {
  local prefix
  [ -z "${Torch_DIR:-}" ] || return 0
  IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
  for prefix in "${prefixes[@]}"; do
    if [ -e "$prefix/share/cmake/Torch/TorchConfig.cmake" ] || [ -e "$prefix/Torch/TorchConfig.cmake" ]; then
      return 0
    fi
  done
  return 1
}

install_python_packages() {
  local installed=.venv/requirements-installed.txt pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check) torch
  cmp -s requirements.txt "$installed" && return
  if [ ! -x .venv/bin/python ]; then
    echo "setup: making .venv"
    python3 -m venv .venv || fail "could not make .venv: python3 -m venv needs the package python3-venv"
  fi
  torch=$(grep '^torch==' requirements.txt)
  if ! .venv/bin/python -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '${torch#torch==}')" 2>/dev/null; then
    echo "setup: installing $torch, the CPU build"
    "${pip[@]}" "$torch+cpu" 2>/dev/null || "${pip[@]}" --index-url https://download.pytorch.org/whl/cpu "$torch+cpu" ||
      fail "could not install $torch+cpu, neither from pip's own indexes nor from https://download.pytorch.org/whl/cpu"
  fi
  echo "setup: installing the Python packages of requirements.txt"
  "${pip[@]}" --no-deps -r requirements.txt || fail "could not install requirements.txt into .venv"
  cp requirements.txt "$installed"
}

install_system_packages
if [ "${1:-}" != --without-fixtures ] || ! libtorch_is_given; then
  install_python_packages
fi
