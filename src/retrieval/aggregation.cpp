#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/retrieval/aggregation.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>

namespace metrics::retrieval {

namespace {

double aggregated(std::vector<double> values, Aggregation aggregation) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  switch (aggregation) {
    case Aggregation::Mean:
      return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    case Aggregation::Median:
      std::nth_element(values.begin(), middle, values.end());
      return *middle;
    case Aggregation::Min:
      return *std::min_element(values.begin(), values.end());
    case Aggregation::Max:
      return *std::max_element(values.begin(), values.end());
  }
  return 0;
}

}  // namespace

std::optional<Aggregation> QueryAggregation::named() const {
  const auto* name = std::get_if<Aggregation>(&way_);
  return name ? std::optional(*name) : std::nullopt;
}

Tensor QueryAggregation::of(const std::vector<double>& values, at::Device device) const {
  const auto here = at::TensorOptions(at::kDouble).device(device);
  if (values.empty()) return at::scalar_tensor(0, here);
  if (const auto name = named()) return at::scalar_tensor(aggregated(values, *name), here);
  Tensor value = (*std::get<1>(way_))(at::tensor(values, at::kDouble).to(device));
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
