#include "bins.h"

#include "classification/counts/counting.h"

#include <ATen/ops/linspace.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

namespace metrics::classification {

namespace curves {

namespace {

template <class T>
constexpr T kNever = std::numeric_limits<T>::quiet_NaN();

/// Cells are doubled until so few cut-offs share one, or there are so many cells.
constexpr int32_t kFewSteps = 2;
constexpr int64_t kMostCells = 1 << 16;

}  // namespace

template <class T>
Lookup<T>::Lookup(std::vector<T> given) : cuts(std::move(given)), buckets_(static_cast<int64_t>(cuts.size()) + 1) {
  const auto is_finite = [](T cut) { return std::isfinite(cut); };
  const auto begin = std::find_if(cuts.begin(), cuts.end(), is_finite);
  const auto end = std::find_if_not(begin, cuts.end(), is_finite);
  const std::span<const T> finite(begin, end);
  int64_t cells = 4;
  while (cells < static_cast<int64_t>(2 * finite.size())) cells *= 2;
  while (!lay_out_cells(cells, finite) && cells < kMostCells) cells *= 2;
  cuts.resize(cuts.size() + static_cast<std::size_t>(steps) + 1, kNever<T>);
}

template <class T>
bool Lookup<T>::lay_out_cells(int64_t cells, std::span<const T> finite) {
  const T span = finite.empty() ? T(0) : finite.back() - finite.front();
  // The first cell is left to what lies below all, -inf among it.
  const T width = std::isfinite(span) && span > 0 ? span / static_cast<T>(cells - 2) : T(1);
  low = finite.empty() ? T(0) : finite.front() - width;
  scale = 1 / width;
  if (!std::isfinite(scale)) scale = std::numeric_limits<T>::max();
  last = static_cast<T>(cells - 1);
  std::vector<int32_t> inside(static_cast<std::size_t>(cells), 0);
  for (const T cut : cuts) {
    if (!std::isnan(cut)) ++inside[static_cast<std::size_t>(cell(cut, low, scale, last))];
  }
  steps = *std::max_element(inside.begin(), inside.end());
  before.resize(inside.size());
  std::exclusive_scan(inside.begin(), inside.end(), before.begin(), 0);
  return steps <= kFewSteps;
}

template class Lookup<float>;
template class Lookup<double>;

namespace {

/// The least T that is not below `threshold`.
template <class T>
T least_not_below(double threshold) {
  const T rounded = static_cast<T>(threshold);
  return static_cast<double>(rounded) >= threshold ? rounded
                                                   : std::nextafter(rounded, std::numeric_limits<T>::infinity());
}

/// The least score whose sigmoid is not below `threshold`; NaN if there is none.
template <class T>
T least_logit(double threshold) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  if (!(threshold <= 1)) return kNever<T>;
  if (threshold <= 0) return -infinity;
  const T just_below = std::nextafter(least_not_below<T>(threshold), -infinity);
  const auto dtype = std::is_same_v<T, double> ? at::kDouble : at::kFloat;
  return std::nextafter(static_cast<T>(counts::logit_cutoff(just_below, dtype)), infinity);
}

template <class T>
std::vector<T> probability_cuts(const std::vector<double>& thresholds) {
  std::vector<T> cuts;
  for (const double t : thresholds) cuts.push_back(std::isnan(t) ? kNever<T> : least_not_below<T>(t));
  return cuts;
}

template <class T>
std::vector<T> logit_cuts(const std::vector<double>& thresholds) {
  std::vector<T> cuts;
  for (const double t : thresholds) cuts.push_back(least_logit<T>(t));
  return cuts;
}

template <class T>
ScoreLookup<T> score_lookup(const std::vector<double>& thresholds, ScoreInput input) {
  struct Cut {
    T score;
    bool of_logits;
  };
  std::vector<Cut> cuts;
  if (input != ScoreInput::Logits) {
    for (const T cut : probability_cuts<T>(thresholds)) cuts.push_back({cut, false});
  }
  if (input != ScoreInput::Probabilities) {
    for (const T cut : logit_cuts<T>(thresholds)) cuts.push_back({cut, true});
  }
  std::stable_sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) {
    return std::isnan(b.score) ? !std::isnan(a.score) : a.score < b.score;
  });
  std::vector<T> scores;
  std::vector<int32_t> as_probability{0}, as_logit{0};
  for (const Cut& cut : cuts) {
    scores.push_back(cut.score);
    as_probability.push_back(as_probability.back() + !cut.of_logits);
    as_logit.push_back(as_logit.back() + cut.of_logits);
  }
  return {Lookup<T>(std::move(scores)), std::move(as_probability), std::move(as_logit)};
}

/// The thresholds as torchmetrics makes them: numbers are float32, a tensor stays as it is.
std::vector<double> values_of(const Thresholds& thresholds) {
  Tensor values;
  if (const auto* count = std::get_if<int64_t>(&*thresholds)) {
    values = at::linspace(0, 1, *count, at::TensorOptions().dtype(at::kFloat));
  } else if (const auto* list = std::get_if<std::vector<double>>(&*thresholds)) {
    values = at::tensor(*list, at::TensorOptions().dtype(at::kFloat));
  } else {
    values = std::get<Tensor>(*thresholds);
  }
  values = values.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {data, data + values.numel()};
}

}  // namespace

}  // namespace curves

CurvePlan::CurvePlan(CurveRule rule) : rule_(std::move(rule)) {
  if (rule_.thresholds) bins_ = std::make_shared<const Bins>(rule_);
}

CurvePlan::Bins::Bins(const CurveRule& rule) : values(curves::values_of(rule.thresholds)), input(rule.input) {
  order.resize(values.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto value = [this](int64_t i) { return values[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::isnan(value(b)) ? !std::isnan(value(a)) : value(a) < value(b);
  });
  for (const int64_t i : order) sorted.push_back(value(i));
}

template <class T>
auto CurvePlan::Bins::of() const -> const Of<T>& {
  if constexpr (std::is_same_v<T, double>) {
    return of_double_;
  } else {
    return of_float_;
  }
}

template <class T>
const curves::Lookup<T>& CurvePlan::Bins::probabilities() const {
  return of<T>().probabilities.get([&] { return curves::Lookup<T>(curves::probability_cuts<T>(sorted)); });
}

template <class T>
const curves::ScoreLookup<T>& CurvePlan::Bins::scores() const {
  return of<T>().scores.get([&] { return curves::score_lookup<T>(sorted, input); });
}

template const curves::Lookup<float>& CurvePlan::Bins::probabilities<float>() const;
template const curves::Lookup<double>& CurvePlan::Bins::probabilities<double>() const;
template const curves::ScoreLookup<float>& CurvePlan::Bins::scores<float>() const;
template const curves::ScoreLookup<double>& CurvePlan::Bins::scores<double>() const;

}  // namespace metrics::classification
