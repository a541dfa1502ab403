#include "elements.h"

#include <metrics/core/errors.h>

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <string>

namespace metrics::io {
namespace {

struct Pair {
  ElementType element;
  at::ScalarType scalar;
};

constexpr std::array<Pair, 20> scalar_types = {{
    {ElementType::Bool, at::kBool},
    {ElementType::UInt8, at::kByte},
    {ElementType::Int8, at::kChar},
    {ElementType::Int16, at::kShort},
    {ElementType::UInt16, at::kUInt16},
    {ElementType::Int32, at::kInt},
    {ElementType::UInt32, at::kUInt32},
    {ElementType::Int64, at::kLong},
    {ElementType::UInt64, at::kUInt64},
    {ElementType::Float16, at::kHalf},
    {ElementType::BFloat16, at::kBFloat16},
    {ElementType::Float32, at::kFloat},
    {ElementType::Float64, at::kDouble},
    {ElementType::Complex32, at::kComplexHalf},
    {ElementType::Complex64, at::kComplexFloat},
    {ElementType::Complex128, at::kComplexDouble},
    {ElementType::Float8E4M3FN, at::kFloat8_e4m3fn},
    {ElementType::Float8E5M2, at::kFloat8_e5m2},
    {ElementType::Float8E4M3FNUZ, at::kFloat8_e4m3fnuz},
    {ElementType::Float8E5M2FNUZ, at::kFloat8_e5m2fnuz},
}};

}  // namespace

at::ScalarType scalar_type(ElementType type) {
  return scalar_types[static_cast<std::size_t>(type)].scalar;
}

std::optional<ElementType> element_type(at::ScalarType type) {
  const auto found =
      std::find_if(scalar_types.begin(), scalar_types.end(), [&](const Pair& pair) { return pair.scalar == type; });
  if (found == scalar_types.end()) return std::nullopt;
  return found->element;
}

at::Tensor plain_elements(const at::Tensor& tensor, std::string_view name) {
  const auto refuse = [&](const std::string& why) { throw InvalidArgument("`" + std::string(name) + "` " + why); };
  if (!tensor.defined()) refuse("is an undefined tensor");
  if (tensor.layout() != at::kStrided) refuse("is no dense tensor");
  if (!element_type(tensor.scalar_type()))
    refuse(std::string("has dtype ") + c10::toString(tensor.scalar_type()) + ", which files do not have");
  return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous();
}

std::string_view bytes_of(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return {};
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

bool are_bools(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0 || byte == 1; });
}

}  // namespace metrics::io
