#pragma once

// What nearly every source includes, read once. Sources still include what they use: METRICS_PCH=OFF must build.
#include <ATen/core/Tensor.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/ivalue.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>
