#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <ATen/core/ivalue.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace metrics {

namespace collections {

/// What a composed metric applies to the values of its operands; PyTorch's function of that name, where no other is
/// said.
enum class Operator {
  Add,
  Sub,
  Mul,
  TrueDivide,
  FloorDivide,
  Fmod,
  Pow,
  Matmul,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  BitwiseAnd,
  BitwiseOr,
  BitwiseXor,
  BitwiseNot,
  Abs,
  Neg,
  Pos,     ///< The value as it is.
  GetItem  ///< An element of a tensor's first dimension, of a list or of a dict.
};

}  // namespace collections

/// A metric for an operator: a handle, or a metric that the composed one owns from then on. A metric with a name of its
/// own in the program is neither: `share` it, or move it.
template <class T>
concept MetricOperand = !std::is_arithmetic_v<std::remove_cvref_t<T>> &&
                        !std::same_as<std::remove_cvref_t<T>, Tensor> && std::convertible_to<T, MetricHandle>;

/// What a composed metric is made of: a metric, a number or a tensor.
class METRICS_API Operand {
 public:
  template <MetricOperand M>
  Operand(M&& metric) : metric_(MetricHandle(std::forward<M>(metric)).pointer()) {}  // NOLINT: implicit on purpose
  /// Throws InvalidArgument for an undefined tensor.
  Operand(const Tensor& tensor);  // NOLINT: implicit on purpose
  template <class Number>
  requires std::is_arithmetic_v<Number> Operand(Number number) {  // NOLINT: implicit on purpose
    if constexpr (std::same_as<Number, bool>) {
      constant_ = number;
    } else if constexpr (std::integral<Number>) {
      constant_ = static_cast<int64_t>(number);
    } else {
      constant_ = static_cast<double>(number);
    }
  }

  /// Null for a number or a tensor.
  const std::shared_ptr<Metric>& metric() const { return metric_; }
  const c10::IValue& constant() const { return constant_; }

 private:
  std::shared_ptr<Metric> metric_;
  c10::IValue constant_;
};

/// A value from those of other metrics, by a formula:
///
///   auto precision = share(MulticlassPrecision({.num_classes = 10}));
///   auto recall = share(MulticlassRecall({.num_classes = 10}));
///   auto f1 = 2 * (precision * recall) / (precision + recall);
///   f1.update(preds, target);      // precision and recall see the batch once, whatever the formula
///   f1.compute();
///
/// Nothing is computed before `compute` and `forward`. A metric that occurs twice (a handle) is one metric: updated
/// once and synchronised once. Inputs by position go to every operand, inputs by name to those that take them. Numbers
/// do not change the dtype of a tensor; tensors follow the other operand's device. Prints as its formula. Operators are
/// + - * / and % (which is fmod, as in torchmetrics), the others are functions: comparisons do not compare metrics.
/// Throws Error where an operand's value is no tensor and no number, or the operator does not take it.
/// Source: torchmetrics' CompositionalMetric, but `-m` negates and `+m` is m (torchmetrics: -|m| and |m|).
class METRICS_API CompositionalMetric : public Composite {
 public:
  /// Which element `GetItem` takes; numbers below 0 count from the end.
  using Key = std::variant<int64_t, std::string>;

  /// Throws InvalidArgument where the number of operands is not the operator's, or none of them is a metric.
  CompositionalMetric(collections::Operator function, Operand a, std::optional<Operand> b = std::nullopt);
  /// `GetItem` with that key.
  CompositionalMetric(Operand of, Key key);

  /// Throws Error where the value, which an index may take out of a list or dict, is no tensor: `Metric::compute` has
  /// it.
  Tensor compute() { return tensor_of(Metric::compute()); }
  using Metric::forward;
  /// The value of the batch alone; with gradients where the operands' have them.
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) Tensor forward(const First& first, const More&... more) {
    return tensor_of(Composite::forward(first, more...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }

  std::string_view name() const override { return "CompositionalMetric"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<CompositionalMetric>(*this); }
  /// Such as `MulticlassAccuracy(…) * 100 + 1`.
  std::string formula() const;

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override { feed_by_name(inputs, feeds); }
  std::string describe_options() const override { return formula(); }

 private:
  Tensor tensor_of(const c10::IValue& value) const;
  /// The metric in the place of an operand; null for a constant.
  Metric* operand(std::size_t place) const;
  std::string operand_text(std::size_t place) const;
  /// How strongly the operand's text holds together, as in Python.
  int operand_binding(std::size_t place) const;
  Tensor operand_value(std::size_t place) const;

  collections::Operator function_;
  std::array<c10::IValue, 2> constants_{};
  std::optional<Key> key_{};
};

/// Two operands of which at least one is a metric.
template <class A, class B>
concept Composable = (MetricOperand<A> && std::convertible_to<B, Operand>) ||
                     (MetricOperand<B> && std::convertible_to<A, Operand>);

template <class A, class B>
requires Composable<A, B> CompositionalMetric operator+(A&& a, B&& b) {
  return {collections::Operator::Add, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric operator-(A&& a, B&& b) {
  return {collections::Operator::Sub, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric operator*(A&& a, B&& b) {
  return {collections::Operator::Mul, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric operator/(A&& a, B&& b) {
  return {collections::Operator::TrueDivide, std::forward<A>(a), Operand(std::forward<B>(b))};
}
/// The remainder with the sign of `a`.
template <class A, class B>
requires Composable<A, B> CompositionalMetric operator%(A&& a, B&& b) {
  return {collections::Operator::Fmod, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <MetricOperand A>
CompositionalMetric operator-(A&& a) {
  return {collections::Operator::Neg, std::forward<A>(a)};
}
template <MetricOperand A>
CompositionalMetric operator+(A&& a) {
  return {collections::Operator::Pos, std::forward<A>(a)};
}

template <class A, class B>
requires Composable<A, B> CompositionalMetric fmod(A&& a, B&& b) {
  return {collections::Operator::Fmod, std::forward<A>(a), Operand(std::forward<B>(b))};
}
/// a / b, rounded down.
template <class A, class B>
requires Composable<A, B> CompositionalMetric floor_divide(A&& a, B&& b) {
  return {collections::Operator::FloorDivide, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric pow(A&& a, B&& b) {
  return {collections::Operator::Pow, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric matmul(A&& a, B&& b) {
  return {collections::Operator::Matmul, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric equal(A&& a, B&& b) {
  return {collections::Operator::Eq, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric not_equal(A&& a, B&& b) {
  return {collections::Operator::Ne, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric less(A&& a, B&& b) {
  return {collections::Operator::Lt, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric less_equal(A&& a, B&& b) {
  return {collections::Operator::Le, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric greater(A&& a, B&& b) {
  return {collections::Operator::Gt, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric greater_equal(A&& a, B&& b) {
  return {collections::Operator::Ge, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric bitwise_and(A&& a, B&& b) {
  return {collections::Operator::BitwiseAnd, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric bitwise_or(A&& a, B&& b) {
  return {collections::Operator::BitwiseOr, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <class A, class B>
requires Composable<A, B> CompositionalMetric bitwise_xor(A&& a, B&& b) {
  return {collections::Operator::BitwiseXor, std::forward<A>(a), Operand(std::forward<B>(b))};
}
template <MetricOperand A>
CompositionalMetric bitwise_not(A&& a) {
  return {collections::Operator::BitwiseNot, std::forward<A>(a)};
}
template <MetricOperand A>
CompositionalMetric abs(A&& a) {
  return {collections::Operator::Abs, std::forward<A>(a)};
}
template <MetricOperand A>
CompositionalMetric neg(A&& a) {
  return {collections::Operator::Neg, std::forward<A>(a)};
}
template <MetricOperand A>
CompositionalMetric pos(A&& a) {
  return {collections::Operator::Pos, std::forward<A>(a)};
}
/// The element of a value at an index, or under a name: torchmetrics' `metric[key]`.
template <MetricOperand A>
CompositionalMetric index(A&& a, CompositionalMetric::Key key) {
  return {std::forward<A>(a), std::move(key)};
}

}  // namespace metrics
