#include <metrics/collections/composition.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>

#include <ATen/ScalarOps.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/bitwise_and.h>
#include <ATen/ops/bitwise_not.h>
#include <ATen/ops/bitwise_or.h>
#include <ATen/ops/bitwise_xor.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/fmod.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/le.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/true_divide.h>

#include <string_view>
#include <vector>

namespace metrics {

namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

/// How strongly operators bind in Python, whose spelling the formula has.
namespace binding {
enum Strength { comparison = 1, bit_or, bit_xor, bit_and, sum, product, sign, power, atom };
}

/// A function over one or two tensors, and how it reads.
struct Function {
  std::string_view symbol;
  binding::Strength strength;
  Unary unary = nullptr;
  Binary binary = nullptr;

  Function(std::string_view spelling, binding::Strength binds, Unary f) : symbol(spelling), strength(binds), unary(f) {}
  Function(std::string_view spelling, binding::Strength binds, Binary f)
      : symbol(spelling), strength(binds), binary(f) {}
};

Function function_of(collections::Operator function) {
  switch (function) {
    case collections::Operator::Add:
      return {"+", binding::sum, [](const Tensor& a, const Tensor& b) { return at::add(a, b); }};
    case collections::Operator::Sub:
      return {"-", binding::sum, [](const Tensor& a, const Tensor& b) { return at::sub(a, b); }};
    case collections::Operator::Mul:
      return {"*", binding::product, [](const Tensor& a, const Tensor& b) { return at::mul(a, b); }};
    case collections::Operator::TrueDivide:
      return {"/", binding::product, [](const Tensor& a, const Tensor& b) { return at::true_divide(a, b); }};
    case collections::Operator::FloorDivide:
      return {"//", binding::product, [](const Tensor& a, const Tensor& b) { return at::floor_divide(a, b); }};
    case collections::Operator::Fmod:
      return {"%", binding::product, [](const Tensor& a, const Tensor& b) { return at::fmod(a, b); }};
    case collections::Operator::Pow:
      return {"**", binding::power, [](const Tensor& a, const Tensor& b) { return at::pow(a, b); }};
    case collections::Operator::Matmul:
      return {"@", binding::product, [](const Tensor& a, const Tensor& b) { return at::matmul(a, b); }};
    case collections::Operator::Eq:
      return {"==", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::eq(a, b); }};
    case collections::Operator::Ne:
      return {"!=", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::ne(a, b); }};
    case collections::Operator::Lt:
      return {"<", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::lt(a, b); }};
    case collections::Operator::Le:
      return {"<=", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::le(a, b); }};
    case collections::Operator::Gt:
      return {">", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::gt(a, b); }};
    case collections::Operator::Ge:
      return {">=", binding::comparison, [](const Tensor& a, const Tensor& b) { return at::ge(a, b); }};
    case collections::Operator::BitwiseAnd:
      return {"&", binding::bit_and, [](const Tensor& a, const Tensor& b) { return at::bitwise_and(a, b); }};
    case collections::Operator::BitwiseOr:
      return {"|", binding::bit_or, [](const Tensor& a, const Tensor& b) { return at::bitwise_or(a, b); }};
    case collections::Operator::BitwiseXor:
      return {"^", binding::bit_xor, [](const Tensor& a, const Tensor& b) { return at::bitwise_xor(a, b); }};
    case collections::Operator::BitwiseNot:
      return {"~", binding::sign, [](const Tensor& a) { return at::bitwise_not(a); }};
    case collections::Operator::Abs:
      return {"abs", binding::atom, [](const Tensor& a) { return at::abs(a); }};
    case collections::Operator::Neg:
      return {"-", binding::sign, [](const Tensor& a) { return at::neg(a); }};
    case collections::Operator::Pos:
      return {"+", binding::sign, [](const Tensor& a) { return a; }};
    case collections::Operator::GetItem:
      break;
  }
  return {"[]", binding::atom, [](const Tensor& a) { return a; }};  // has a key, and takes more than tensors
}

/// `text` in parentheses where what surrounds it binds more strongly.
std::string within(int surroundings, int strength, const std::string& text) {
  return strength < surroundings ? "(" + text + ")" : text;
}

/// An index into `size` elements; below 0 it counts from the end.
std::size_t place_of(int64_t index, int64_t size, const std::string& formula) {
  if (index >= -size && index < size) return static_cast<std::size_t>(index < 0 ? index + size : index);
  throw Error(formula + ": the value has " + std::to_string(size) + " elements");
}

c10::IValue element_of(const c10::IValue& value, const CompositionalMetric::Key& key, const std::string& formula) {
  if (const auto* name = std::get_if<std::string>(&key)) {
    if (auto found = detail::entry_of(value, *name)) return *found;
    throw Error(formula + ": there is no such entry in " + describe(value));
  }
  const int64_t index = std::get<int64_t>(key);
  if (value.isTensor() && value.toTensor().dim() > 0) {
    const Tensor& tensor = value.toTensor();
    return tensor.select(0, static_cast<int64_t>(place_of(index, tensor.size(0), formula)));
  }
  if (const auto elements = detail::elements_of(value)) {
    return (*elements)[place_of(index, static_cast<int64_t>(elements->size()), formula)];
  }
  throw Error(formula + ": " + describe(value) + " has no elements");
}

}  // namespace

Operand::Operand(const Tensor& tensor) {
  if (!tensor.defined()) throw InvalidArgument("a composed metric cannot be made of an undefined tensor");
  constant_ = tensor.clone();
}

CompositionalMetric::CompositionalMetric(collections::Operator function, Operand a, std::optional<Operand> b)
    : function_(function) {
  const Function applied = function_of(function);
  if (function == collections::Operator::GetItem || (applied.binary != nullptr) != b.has_value()) {
    throw InvalidArgument("CompositionalMetric: `" + std::string(applied.symbol) +
                          "` does not take that many operands: " + (b ? "two" : "one"));
  }
  const auto add = [this](const char* name, std::size_t place, const Operand& operand) {
    if (operand.metric()) {
      parts().add(name, operand.metric());
    } else {
      constants_[place] = operand.constant();
    }
  };
  add("metric_a", 0, a);
  if (b) add("metric_b", 1, *b);
  if (parts().size() == 0) throw InvalidArgument("CompositionalMetric: none of its operands is a metric");
}

CompositionalMetric::CompositionalMetric(Operand of, Key key)
    : function_(collections::Operator::GetItem), key_(std::move(key)) {
  if (!of.metric()) throw InvalidArgument("CompositionalMetric: an index is taken of a metric");
  parts().add("metric_a", of.metric());
}

Metric* CompositionalMetric::operand(std::size_t place) const {
  const std::size_t child = parts().find(place == 0 ? "metric_a" : "metric_b");
  return child < parts().size() ? &parts()[child] : nullptr;
}

Tensor CompositionalMetric::operand_value(std::size_t place) const {
  Metric* metric = operand(place);
  const c10::IValue value = metric != nullptr ? value_of_child(*metric) : constants_[place];
  if (value.isTensor() && value.toTensor().defined()) return value.toTensor();
  if (value.isScalar()) return at::native::wrapped_scalar_tensor(value.toScalar());
  throw Error(formula() + ": operands are tensors and numbers, and the value of " + operand_text(place) + " is " +
              describe(value));
}

c10::IValue CompositionalMetric::value() {
  if (key_) return element_of(value_of_child(*operand(0)), *key_, formula());
  const Function function = function_of(function_);
  Tensor a = operand_value(0);
  try {
    if (function.unary != nullptr) return function.unary(a);
    Tensor b = operand_value(1);
    if (operand(0) == nullptr && a.dim() > 0) a = a.to(b.device());
    if (operand(1) == nullptr && b.dim() > 0) b = b.to(a.device());
    return function.binary(a, b);
  } catch (const c10::Error& error) {
    throw Error(formula() + ": " + error.what_without_backtrace());
  }
}

Tensor CompositionalMetric::tensor_of(const c10::IValue& value) const {
  if (value.isTensor()) return value.toTensor();
  if (value.isScalar()) return at::scalar_to_tensor(value.toScalar());
  throw Error(formula() + ": the value is no tensor, but " + describe(value));
}

int CompositionalMetric::operand_binding(std::size_t place) const {
  const Metric* metric = operand(place);
  if (const auto* composed = dynamic_cast<const CompositionalMetric*>(metric)) {
    return function_of(composed->function_).strength;
  }
  const c10::IValue& constant = constants_[place];
  const bool is_negative = metric == nullptr && constant.isScalar() && constant.toScalar().to<double>() < 0;
  return is_negative ? binding::sign : binding::atom;
}

std::string CompositionalMetric::operand_text(std::size_t place) const {
  const Metric* metric = operand(place);
  if (const auto* composed = dynamic_cast<const CompositionalMetric*>(metric)) return composed->formula();
  return metric != nullptr ? metric->to_string() : detail::option_text(constants_[place]);
}

std::string CompositionalMetric::formula() const {
  const Function function = function_of(function_);
  const std::string a = operand_text(0);
  if (key_) {
    const auto* name = std::get_if<std::string>(&*key_);
    return within(binding::atom, operand_binding(0), a) + "[" +
           (name != nullptr ? "'" + *name + "'" : std::to_string(std::get<int64_t>(*key_))) + "]";
  }
  const std::string symbol(function.symbol);
  if (function_ == collections::Operator::Abs) return symbol + "(" + a + ")";
  if (function.unary != nullptr) return symbol + within(function.strength, operand_binding(0), a);
  // Python reads equals from the left, powers from the right, and comparisons in a row as something else.
  const bool left_first = function.strength != binding::power && function.strength != binding::comparison;
  const bool right_first = function.strength == binding::power;
  return within(function.strength + (left_first ? 0 : 1), operand_binding(0), a) + " " + symbol + " " +
         within(function.strength + (right_first ? 0 : 1), operand_binding(1), operand_text(1));
}

}  // namespace metrics
