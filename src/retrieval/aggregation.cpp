#include <metrics/core/codec.h>
#include <metrics/core/double_double.h>
#include <metrics/core/errors.h>
#include <metrics/retrieval/aggregation.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

namespace metrics::retrieval {

namespace {

/// A function gets each value in memory, 8 bytes as often as it weighs.
constexpr double most_repeated = 2147483648.0;

DoubleDouble sum_of(const std::vector<double>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), DoubleDouble{});
}

/// Divides weights by a power of two, because it changes no digit of a ratio and no product overflows then.
std::vector<double> scaled(std::vector<double> weights) {
  int exponent = 0;
  std::frexp(*std::max_element(weights.begin(), weights.end()), &exponent);
  for (double& weight : weights) weight = std::ldexp(weight, -exponent);
  return weights;
}

double mean(const QueryValues& of) {
  if (of.weights.empty()) return sum_of(of.values).value() / static_cast<double>(of.values.size());
  const std::vector<double> weights = scaled(of.weights);
  DoubleDouble sum;
  for (std::size_t i = 0; i < of.values.size(); ++i) {
    const double product = weights[i] * of.values[i];
    sum = sum + DoubleDouble{product, std::fma(weights[i], of.values[i], -product)};
  }
  return sum.value() / sum_of(weights).value();
}

double weighted_median(const QueryValues& of) {
  std::vector<std::size_t> order(of.values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return of.values[a] < of.values[b]; });
  const std::vector<double> weights = scaled(of.weights);
  // Weights whose halves are equal may be rounded: which half is the greater must not depend on that.
  const double half = sum_of(weights).value() / 2 * (1 - 0x1p-51);
  DoubleDouble before;
  for (const std::size_t i : order) {
    before = before + weights[i];
    if (before.value() >= half) return of.values[i];
  }
  return of.values[order.back()];
}

double median(QueryValues of) {
  if (!of.weights.empty()) return weighted_median(of);
  const auto middle = of.values.begin() + static_cast<std::ptrdiff_t>((of.values.size() - 1) / 2);
  std::nth_element(of.values.begin(), middle, of.values.end());
  return *middle;
}

double aggregated(const QueryValues& of, Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::Mean:
      return mean(of);
    case Aggregation::Median:
      return median(of);
    case Aggregation::Min:
      return *std::min_element(of.values.begin(), of.values.end());
    case Aggregation::Max:
      return *std::max_element(of.values.begin(), of.values.end());
  }
  return 0;
}

/// Each value as often as it weighs.
std::vector<double> repeated(const QueryValues& of) {
  if (of.weights.empty()) return of.values;
  if (sum_of(of.weights).value() > most_repeated) {
    throw InvalidArgument("a function given as aggregation takes values as often as they weigh, at most 2^31 in all");
  }
  std::vector<double> all;
  for (std::size_t i = 0; i < of.values.size(); ++i) {
    if (of.weights[i] != std::floor(of.weights[i])) {
      throw InvalidArgument(
          "a function given as aggregation takes integers alone as weights, by taking values so often; a query "
          "weighs " +
          std::to_string(of.weights[i]));
    }
    all.insert(all.end(), static_cast<std::size_t>(of.weights[i]), of.values[i]);
  }
  return all;
}

}  // namespace

std::optional<Aggregation> QueryAggregation::named() const {
  const auto* name = std::get_if<Aggregation>(&way_);
  return name ? std::optional(*name) : std::nullopt;
}

Tensor QueryAggregation::of(const QueryValues& values, at::Device device) const {
  const auto here = at::TensorOptions(at::kDouble).device(device);
  if (values.values.empty()) return at::scalar_tensor(0, here);
  if (const auto name = named()) return at::scalar_tensor(aggregated(values, *name), here);
  Tensor value = (*std::get<1>(way_))(at::tensor(repeated(values), at::kDouble).to(device));
  if (value.defined()) return value;
  throw InvalidArgument("the function given as aggregation returned an undefined tensor");
}

}  // namespace metrics::retrieval

namespace metrics {

using retrieval::Aggregation;
using retrieval::QueryAggregation;

std::string Codec<QueryAggregation>::type() {
  return Codec<Aggregation>::type() + " (a function cannot be given by value: set it in the C++ options)";
}
std::optional<QueryAggregation> Codec<QueryAggregation>::read(const c10::IValue& v) {
  const auto name = Codec<Aggregation>::read(v);
  return name ? std::optional<QueryAggregation>(*name) : std::nullopt;
}
c10::IValue Codec<QueryAggregation>::write(const QueryAggregation& aggregation) {
  const auto name = aggregation.named();
  return name ? Codec<Aggregation>::write(*name) : c10::IValue("a function");
}

}  // namespace metrics
