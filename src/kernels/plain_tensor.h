#pragma once

#include <ATen/core/Tensor.h>

namespace metrics::kernels {

// Most states and results are a few numbers on the CPU, for which the dispatcher would cost more than the work.

/// Whether the elements lie in memory one after the other, as raw pointers expect them.
inline bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg() && !tensor._is_zerotensor();
}

/// A contiguous copy without history, that can be changed in or outside of InferenceMode; undefined of undefined.
at::Tensor own_copy(const at::Tensor& tensor);

}  // namespace metrics::kernels
