#pragma once

#include <ATen/FunctionalTensorWrapper.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/_nested_tensor_from_tensor_list.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <ATen/ops/zeros.h>

#include <string>
#include <vector>

namespace metrics::testing {

/// A tensor that no kernel can read, and the dtype that an error has to name.
struct UnreadableTensor {
  std::string kind;
  at::Tensor tensor;
  std::string dtype;
};

/// Tensors of that shape without memory of their own.
inline std::vector<UnreadableTensor> tensors_without_elements(at::IntArrayRef sizes) {
  const at::Tensor zeros = at::zeros(sizes);
  at::Tensor given_back = zeros.clone();
  given_back.storage().set_nbytes(0);
  std::vector<UnreadableTensor> all{
      {"undefined", at::Tensor(), "undefined"},
      {"sparse", zeros.to_sparse(), "Float"},
      {"quantised", at::quantize_per_tensor(zeros, 1, 0, at::kQInt8), "QInt8"},
      {"meta", at::empty(sizes, at::TensorOptions(at::kDouble).device(at::kMeta)), "Double"},
      {"zero", at::_efficientzerotensor(sizes, at::TensorOptions(at::kFloat)), "Float"},
      {"nested", at::_nested_tensor_from_tensor_list({at::zeros({2}), at::zeros({3})}), "Float"},
      {"functional", at::functionalization::impl::to_functional_tensor(zeros), "Float"},
  };
  if (sizes.size() == 2) all.push_back({"sparse rows", zeros.to_sparse_csr(), "Float"});
  if (zeros.numel() > 0) all.push_back({"given back", given_back, "Float"});
  return all;
}

/// Tensors of that shape in dtypes that are not handled.
inline std::vector<UnreadableTensor> tensors_of_odd_dtypes(at::IntArrayRef sizes) {
  std::vector<UnreadableTensor> all;
  for (const at::ScalarType dtype : {at::kUInt16, at::kUInt32, at::kUInt64, at::kFloat8_e5m2, at::kFloat8_e4m3fn,
                                     at::kComplexHalf, at::kComplexFloat, at::kComplexDouble, at::kBits8}) {
    all.push_back({"of another dtype", at::empty(sizes, dtype), c10::toString(dtype)});
  }
  return all;
}

}  // namespace metrics::testing
