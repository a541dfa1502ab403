#include "value.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sort.h>

#include <sstream>

namespace metrics::testing {
namespace {

using at::Tensor;
using c10::IValue;

bool is_sequence(const IValue& value) {
  return value.isTuple() || value.isList();
}

std::vector<IValue> elements(const IValue& value) {
  if (value.isTuple()) return value.toTupleRef().elements().vec();
  return value.toListRef().vec();
}

bool is_number(const IValue& value) {
  return value.isInt() || value.isDouble() || value.isBool();
}

Tensor tensor_of(const IValue& value) {
  if (value.isTensor()) return value.toTensor();
  return at::scalar_tensor(value.toScalar(), at::TensorOptions().dtype(value.isDouble() ? at::kDouble
                                                                       : value.isBool() ? at::kBool
                                                                                        : at::kLong));
}

std::string tensor_difference(const Tensor& got, const Tensor& expected, const Tolerance& tolerance) {
  std::ostringstream text;
  if (!got.defined()) return "an undefined tensor came";
  if (got.scalar_type() != expected.scalar_type()) {
    text << "dtype is " << got.scalar_type() << ", expected " << expected.scalar_type();
    return text.str();
  }
  if (got.sizes() != expected.sizes()) {
    text << "shape is " << got.sizes() << ", expected " << expected.sizes();
    return text.str();
  }
  const Tensor ours = got.detach().cpu();
  const Tensor theirs = expected.detach().cpu();
  const bool same = ours.is_floating_point() || ours.is_complex()
                        ? at::allclose(ours, theirs, tolerance.rtol, tolerance.atol, /*equal_nan=*/true)
                        : at::equal(ours, theirs);
  return same ? "" : "value is " + shown(ours) + ", expected " + shown(theirs);
}

}  // namespace

std::string difference(const IValue& got, const IValue& expected, const Tolerance& tolerance) {
  if (expected.isNone() || got.isNone())
    return expected.isNone() && got.isNone() ? "" : "value is " + shown(got) + ", expected " + shown(expected);
  if (is_sequence(expected)) {
    if (!is_sequence(got)) return "value is " + shown(got) + ", expected a sequence";
    const auto ours = elements(got);
    const auto theirs = elements(expected);
    if (ours.size() != theirs.size())
      return "has " + std::to_string(ours.size()) + " elements, expected " + std::to_string(theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const auto found = difference(ours[i], theirs[i], tolerance);
      if (!found.empty()) return "[" + std::to_string(i) + "] " + found;
    }
    return "";
  }
  if (expected.isGenericDict()) {
    if (!got.isGenericDict()) return "value is " + shown(got) + ", expected a dict";
    const auto ours = got.toGenericDict();
    const auto theirs = expected.toGenericDict();
    if (ours.size() != theirs.size())
      return "has " + std::to_string(ours.size()) + " entries, expected " + std::to_string(theirs.size());
    for (const auto& entry : theirs) {
      if (!ours.contains(entry.key())) return "lacks " + shown(entry.key());
      const auto found = difference(ours.at(entry.key()), entry.value(), tolerance);
      if (!found.empty()) return shown(entry.key()) + ": " + found;
    }
    return "";
  }
  if (expected.isString())
    return got.isString() && got.toStringRef() == expected.toStringRef() ? "" : "value is " + shown(got);
  if (!got.isTensor() && !is_number(got)) return "value is " + shown(got) + ", expected " + shown(expected);
  return tensor_difference(tensor_of(got), tensor_of(expected), tolerance);
}

IValue with_tensors(const IValue& value, const std::function<Tensor(const Tensor&)>& function) {
  if (value.isTensor()) return function(value.toTensor());
  if (value.isTuple() || value.isList()) {
    std::vector<IValue> results;
    for (const auto& element : elements(value)) results.push_back(with_tensors(element, function));
    return value.isTuple() ? IValue(c10::ivalue::Tuple::create(std::move(results))) : list_of(results);
  }
  if (value.isGenericDict()) {
    c10::impl::GenericDict results(c10::StringType::get(), c10::AnyType::get());
    for (const auto& entry : value.toGenericDict()) results.insert(entry.key(), with_tensors(entry.value(), function));
    return results;
  }
  return value;
}

IValue list_of(const std::vector<IValue>& elements) {
  c10::impl::GenericList list(c10::AnyType::get());
  for (const auto& element : elements) list.push_back(element);
  return list;
}

std::vector<Tensor> tensors_of(const IValue& value) {
  if (value.isTensor() || is_number(value)) return {tensor_of(value)};
  std::vector<Tensor> tensors;
  const auto append = [&](const IValue& part) {
    for (const auto& tensor : tensors_of(part)) tensors.push_back(tensor);
  };
  if (is_sequence(value)) {
    for (const auto& element : elements(value)) append(element);
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) append(entry.value());
  }
  return tensors;
}

IValue with_rows(const IValue& value, const Tensor& order) {
  return with_tensors(value, [&](const Tensor& tensor) {
    return tensor.dim() > 0 && tensor.size(0) == order.size(0) ? tensor.index_select(0, order) : tensor;
  });
}

IValue sorted_rows(const IValue& value) {
  return with_tensors(
      value, [](const Tensor& tensor) { return tensor.dim() > 0 ? std::get<0>(at::sort(tensor, 0)) : tensor; });
}

IValue with_dtype(const IValue& value, at::ScalarType dtype) {
  return with_tensors(value,
                      [&](const Tensor& tensor) { return tensor.is_floating_point() ? tensor.to(dtype) : tensor; });
}

std::string bits(const IValue& value) {
  std::string text;
  for (const auto& tensor : tensors_of(value)) {
    std::ostringstream head;
    head << tensor.scalar_type() << tensor.sizes();
    const auto plain = tensor.detach().cpu().contiguous();
    text += head.str();
    text.append(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  }
  return text;
}

std::string shown(const IValue& value) {
  std::ostringstream text;
  if (value.isTensor() && value.toTensor().defined()) {
    const Tensor tensor = value.toTensor().detach().cpu();
    text << tensor.scalar_type() << tensor.sizes() << " {";
    const Tensor flat = tensor.reshape({-1});
    for (int64_t i = 0; i < std::min<int64_t>(flat.numel(), 24); ++i) {
      text.precision(9);
      text << (i ? ", " : "");
      if (tensor.is_floating_point())
        text << flat[i].item<double>();
      else
        text << flat[i].item<int64_t>();
    }
    text << (flat.numel() > 24 ? ", ...}" : "}");
  } else {
    text << value;
  }
  return text.str();
}

}  // namespace metrics::testing
