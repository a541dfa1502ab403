#pragma once

#include "element_type.h"

#include <ATen/core/Tensor.h>

#include <string_view>

namespace metrics::io {

at::ScalarType scalar_type(ElementType type);
/// Nothing for dtypes that files of tensors do not have, such as quantized ones.
std::optional<ElementType> element_type(at::ScalarType type);

/// A tensor's elements as files have them: on the CPU, contiguous, nothing pending. Throws InvalidArgument that names
/// `name` for one that is not dense.
at::Tensor plain_elements(const at::Tensor& tensor, std::string_view name);

/// The bytes of a contiguous tensor on the CPU.
std::string_view bytes_of(const at::Tensor& tensor);

/// Whether bytes of bools are all 0 or 1; others are no values of the type.
bool are_bools(std::string_view bytes);

}  // namespace metrics::io
