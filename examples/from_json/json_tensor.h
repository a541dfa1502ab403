#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>

namespace from_json {

/// Makes a tensor of nested lists of numbers: int64 where all are whole, bool where all are booleans, else float32.
/// Throws metrics::InvalidArgument for lists of unequal lengths and for anything else.
at::Tensor tensor(const nlohmann::json& value);

}  // namespace from_json
