#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

// Which tensors kernels and operators can read. Every input is looked at before anything else touches it: what has no
// memory would end the process where a kernel asks for a pointer.

namespace metrics::detail {

/// Whether the elements lie in memory that is the tensor's own: not of undefined, sparse, quantised, nested, meta, fake
/// and zero tensors, those under a transform of functorch, and those whose storage has been given back.
METRICS_API bool has_elements(const at::Tensor& tensor);

/// Whether these elements, besides, are booleans, integers up to int64, or floating from half to double.
METRICS_API bool is_readable(const at::Tensor& tensor);

/// What a tensor is that is not readable, such as "a sparse Float tensor".
METRICS_API std::string unreadable_kind(const at::Tensor& tensor);

/// Throws InvalidArgument naming `what`, the input and what it is.
[[noreturn]] METRICS_API void throw_unreadable(std::string_view what, std::string_view input, const at::Tensor& tensor);

/// Throws that for an input that is not readable.
inline void check_readable(std::string_view what, std::string_view input, const at::Tensor& tensor) {
  if (!is_readable(tensor)) throw_unreadable(what, input, tensor);
}

}  // namespace metrics::detail
