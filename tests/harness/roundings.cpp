#include "roundings.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace metrics::testing {

namespace {

thread_local std::string found_here;

bool is_one_of(std::string_view name, const auto& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether the call says itself what dtype it makes.
bool says_its_dtype(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>({"aten::to", "aten::_to_copy"});
  return is_one_of(name, names) || name.ends_with("_like") || name.starts_with("aten::new_");
}

bool compares(std::string_view name) {
  constexpr auto names =
      std::to_array<std::string_view>({"aten::eq", "aten::ne", "aten::lt", "aten::le", "aten::gt", "aten::ge"});
  return is_one_of(name, names);
}

/// Calls f for each tensor in an input or output.
template <class F>
void each_tensor(const c10::IValue& value, const F& f) {
  if (value.isTensor() && value.toTensor().defined()) f(value.toTensor());
  if (!value.isTensorList()) return;
  for (const at::Tensor& tensor : value.toTensorVector()) {
    if (tensor.defined()) f(tensor);
  }
}

/// A call that has integers, and no floating tensor that would give it its dtype.
struct OfIntegers final : at::ObserverContext {
  at::ScalarType dtype = at::kLong;
};

void report(const at::RecordFunction& call, at::ScalarType of, const char* what) {
  if (found_here.empty()) found_here = c10::str(call.name(), " ", what, " ", of);
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
  if (says_its_dtype(call.name())) return nullptr;
  bool has_integers = false, has_floats = false, has_fraction = false;
  auto context = std::make_unique<OfIntegers>();
  for (const c10::IValue& input : call.inputs()) {
    if (input.isDouble()) has_fraction = true;
    each_tensor(input, [&](const at::Tensor& tensor) {
      const bool is_number = tensor.unsafeGetTensorImpl()->is_wrapped_number();
      if (at::isIntegralType(tensor.scalar_type(), /*includeBool=*/true)) {
        if (!is_number) context->dtype = tensor.scalar_type();
        has_integers = has_integers || !is_number;
      } else if (tensor.dim() > 0) {
        has_floats = true;
      } else {
        has_fraction = has_fraction || is_number;
      }
    });
  }
  if (!has_integers || has_floats) return nullptr;
  if (has_fraction && compares(call.name()) && context->dtype == at::kLong) {
    report(call, context->dtype, "compares in float32 numbers of");
  }
  return context;
}

void end(const at::RecordFunction& call, at::ObserverContext* context) {
  const auto* const of_integers = dynamic_cast<const OfIntegers*>(context);
  if (of_integers == nullptr) return;
  for (const c10::IValue& output : call.outputs()) {
    each_tensor(output, [&](const at::Tensor& tensor) {
      if (tensor.scalar_type() == at::kFloat) report(call, of_integers->dtype, "makes float32 of numbers of");
    });
  }
}

}  // namespace

Roundings::Roundings() {
  found_here.clear();
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end)
                                           .needsInputs(true)
                                           .needsOutputs(true)
                                           .scopes({at::RecordScope::FUNCTION}));
}

Roundings::~Roundings() {
  at::removeCallback(handle_);
}

const std::string& Roundings::found() const {
  return found_here;
}

}  // namespace metrics::testing
