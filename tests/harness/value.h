#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <functional>
#include <string>
#include <vector>

namespace metrics::testing {

/// How far floating values may lie apart: |a - b| <= atol + rtol * |b|. Integers, dtypes and shapes have to be equal.
struct Tolerance {
  double rtol = 2e-6;
  double atol = 1e-7;
};

/// Says how `got` differs from `expected`, whatever their structure (tensors, numbers, lists, tuples, dicts, none), NaN
/// being equal to NaN; empty when it does not.
std::string difference(const c10::IValue& got, const c10::IValue& expected, const Tolerance& tolerance);

/// The value with `function` applied to each tensor in it, whatever the structure around them.
c10::IValue with_tensors(const c10::IValue& value, const std::function<at::Tensor(const at::Tensor&)>& function);

/// A list of any kind, as JSON and Python have them.
c10::IValue list_of(const std::vector<c10::IValue>& elements);

/// The tensors in a value, in order; numbers become tensors.
std::vector<at::Tensor> tensors_of(const c10::IValue& value);

/// The value with its rows in another order: each tensor's first dimension indexed by `order`.
c10::IValue with_rows(const c10::IValue& value, const at::Tensor& order);

/// The value with floating tensors sorted along their rows, to compare as a bag where an order is not defined.
c10::IValue sorted_rows(const c10::IValue& value);

/// The value with floating tensors as `dtype`.
c10::IValue with_dtype(const c10::IValue& value, at::ScalarType dtype);

/// The exact bits of a value, to compare between processes.
std::string bits(const c10::IValue& value);

/// Shows a value in a line or a few.
std::string shown(const c10::IValue& value);

}  // namespace metrics::testing
