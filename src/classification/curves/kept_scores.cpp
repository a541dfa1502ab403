#include "kept_scores.h"

#include "kernels/math.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>
#include <utility>

namespace metrics::classification::curves {
namespace {

using metrics::kernels::Element;

/// Whether a score lies outside [0, 1] that is neither left out nor known to be a probability (see `decided`).
bool any_outside(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  Tensor open = codes >= 0;
  if (rule.task == Task::Multilabel) open = open & (codes != kSkipped);
  const Tensor outside = (scores < 0) | (scores > 1);
  return (rule.task == Task::Multiclass ? outside & open.unsqueeze(1) : outside & open).any().item<bool>();
}

double sigmoid(double x) {
  return 1 / (1 + metrics::kernels::exponential(-x));
}

/// The logit of a probability.
double logit(double p) {
  return metrics::kernels::logarithm(p) - metrics::kernels::logarithm_of_one_plus(-p);
}

/// The greatest number of a half type that is not above `x`.
template <class Half>
double half_not_above(double x) {
  Half rounded(static_cast<float>(x));
  if (static_cast<double>(static_cast<float>(rounded)) > x) {
    constexpr uint16_t kLeastNegative = 0x8001;
    const bool negative = x < 0;
    rounded.x = (rounded.x & 0x7fff) == 0 ? kLeastNegative : static_cast<uint16_t>(rounded.x + (negative ? 1 : -1));
  }
  return static_cast<double>(static_cast<float>(rounded));
}

}  // namespace

bool are_logits(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  if (rule.input != ScoreInput::Auto) return rule.input == ScoreInput::Logits;
  // The extremes of all scores are enough where they lie within [0, 1]; else some of them may be left out.
  if (scores.numel() == 0 || (scores.min().ge(0) & scores.max().le(1)).item<bool>()) return false;
  return any_outside(scores, codes, rule);
}

Kept kept(const States& states, const CurveRule& rule, bool order_tells) {
  Kept result;
  result.results = states.dtype();
  if (states.at(0).rows() == 0) return result;
  result.scores = states.at(0).tensor().to(at::kCPU);
  if (result.scores.scalar_type() != at::kDouble) result.scores = result.scores.to(at::kFloat);
  result.scores = result.scores.contiguous();
  const at::ScalarType codes = rule.task == Task::Multiclass ? at::kInt : at::kChar;
  result.codes = states.at(1).tensor().to(at::kCPU, codes).contiguous();
  if (const State* weights = states.row_weights(); weights != nullptr && weights->rows() > 0) {
    result.weights = weights->tensor().to(at::kCPU, at::kDouble).contiguous();
  }
  result.decided = result.codes.min().item<int64_t>() < 0;
  const bool reads = !order_tells || result.decided || rule.task == Task::Multiclass;
  result.logits = reads && are_logits(result.scores, result.codes, rule);
  return result;
}

double not_above(double x, at::ScalarType dtype) {
  if (dtype == at::kHalf) return half_not_above<at::Half>(x);
  if (dtype == at::kBFloat16) return half_not_above<at::BFloat16>(x);
  if (dtype != at::kFloat) return x;
  const auto rounded = static_cast<float>(x);
  constexpr float kBelow = -std::numeric_limits<float>::infinity();
  return static_cast<double>(rounded) > x ? std::nextafter(rounded, kBelow) : rounded;
}

std::vector<kernels::RowNorm> row_norms(const Kept& from) {
  const Element element = from.scores.scalar_type() == at::kFloat ? Element::Float : Element::Double;
  return kernels::row_norms(from.scores.const_data_ptr(), element, from.scores.size(0), from.scores.size(1));
}

Reading reading_of(const Kept& from, const CurveRule& rule) {
  const bool needs_norms = from.logits && rule.task == Task::Multiclass;
  return reading_of(from, rule, needs_norms ? row_norms(from) : std::vector<kernels::RowNorm>());
}

Reading reading_of(const Kept& from, const CurveRule& rule, std::vector<kernels::RowNorm> norms) {
  const bool in_float = from.scores.scalar_type() == at::kFloat;
  const auto by = [&](double (*probability)(double)) { return AsThreshold{probability, in_float, from.results}; };
  const AsThreshold as_ranked = by([](double score) { return score; });
  if (!from.logits) return {as_ranked, {}};
  if (rule.task != Task::Multiclass) {
    if (!from.decided) return {by(sigmoid), {}};
    return {by(sigmoid), [](double score, int64_t, int32_t code) { return code < 0 ? logit(score) : score; }};
  }
  // Their thresholds are not made of ranks: see curve_of_classes.
  return {as_ranked, [norms = std::move(norms)](double score, int64_t row, int32_t code) {
            return code < 0 ? metrics::kernels::logarithm(score)
                            : norms[static_cast<std::size_t>(row)].log_softmax(score);
          }};
}

}  // namespace metrics::classification::curves
