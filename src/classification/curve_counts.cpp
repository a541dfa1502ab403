#include "curve_bins.h"
#include "curve_kernels.h"
#include "curve_sorting.h"
#include "curves.h"
#include "readings.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace metrics::classification {
namespace {

using curves::kernels::RowNorm;

// Whether the thresholds of an exact curve are worth their making.
enum class With { Counts, Thresholds };

// --- Exact.

/// The scores that are kept and their codes, on the CPU: float64 or float32, int32.
struct Kept {
  Tensor scores;  // [rows] or [rows, labels]
  Tensor codes;   // [rows], multilabel [rows, labels]
  bool logits = false;
  bool decided = false;  // whether some of the scores are probabilities in any case
};

/// Whether a score that counts, and is not a probability in any case, lies outside [0, 1].
bool any_outside(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  Tensor open = codes >= 0;
  if (rule.task == CurveTask::Multilabel) open = open & (codes != kSkipped);
  const Tensor outside = (scores < 0) | (scores > 1);
  return (rule.task == CurveTask::Multiclass ? outside & open.unsqueeze(1) : outside & open).any().item<bool>();
}

bool are_logits(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  if (rule.input != ScoreInput::Auto) return rule.input == ScoreInput::Logits;
  // Few batches are so mixed that the extremes do not tell.
  if (scores.numel() == 0 || (scores.min().ge(0) & scores.max().le(1)).item<bool>()) return false;
  return any_outside(scores, codes, rule);
}

Kept kept(const States& states, const CurveRule& rule) {
  Kept result;
  if (states.at(0).rows() == 0) return result;
  result.scores = states.at(0).tensor().to(at::kCPU);
  if (result.scores.scalar_type() != at::kDouble) result.scores = result.scores.to(at::kFloat);
  result.scores = result.scores.contiguous();
  result.codes = states.at(1).tensor().to(at::kCPU, at::kInt).contiguous();
  result.logits = are_logits(result.scores, result.codes, rule);
  result.decided = result.codes.min().item<int64_t>() < 0;
  return result;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The logit of a probability.
double logit(double p) {
  return std::log(p) - std::log1p(-p);
}

int64_t label_of(int32_t code) {
  return code < 0 ? -1 - code : code;
}

/// The keys of one question's scores by their target.
template <class Key>
struct Sides {
  std::vector<Key> yes, no;
};

/// Sorts, and counts what lies at or above each score.
template <class Key, class AsThreshold>
CurveCounts counted(Sides<Key> sides, With with, const AsThreshold& as_threshold) {
  curves::sort_keys(sides.yes);
  curves::sort_keys(sides.no);
  CurveCounts counts;
  counts.positives = static_cast<int64_t>(sides.yes.size());
  counts.negatives = static_cast<int64_t>(sides.no.size());
  const std::size_t most = sides.yes.size() + sides.no.size();
  counts.tp.reserve(most);
  counts.fp.reserve(most);
  if (with == With::Thresholds) counts.thresholds.reserve(most);
  int64_t yes = counts.positives, no = counts.negatives;
  const Key* y = sides.yes.data();
  const Key* n = sides.no.data();
  while (yes > 0 || no > 0) {
    const Key key = std::max(yes > 0 ? y[yes - 1] : Key{0}, no > 0 ? n[no - 1] : Key{0});
    while (yes > 0 && y[yes - 1] == key) --yes;
    while (no > 0 && n[no - 1] == key) --no;
    counts.tp.push_back(counts.positives - yes);
    counts.fp.push_back(counts.negatives - no);
    if (with == With::Thresholds) counts.thresholds.push_back(as_threshold(curves::score_of(key)));
  }
  return counts;
}

/// Which rows are asked about: all scores of one label, or of all labels together.
struct Question {
  int64_t first_label, last_label;
  int64_t size() const { return last_label - first_label; }
};

/// The curve of a question, its scores turned into keys by `key(score, row, code)`.
template <class T, class KeyOf, class AsThreshold>
CurveCounts exact_counts(const Kept& from, const Tensor& by_label, const CurveRule& rule, Question question, With with,
                         const KeyOf& key, const AsThreshold& as_threshold) {
  using Key = decltype(curves::key_of(key(T(0), int64_t{0}, int32_t{0})));
  const int64_t rows = from.codes.numel() / (rule.task == CurveTask::Multilabel ? rule.labels : 1);
  const auto* codes = from.codes.const_data_ptr<int32_t>();
  const auto code_stride = rule.task == CurveTask::Multilabel ? rule.labels : 1;
  Sides<Key> sides;
  sides.no.reserve(static_cast<std::size_t>(rows * question.size()));
  for (int64_t label = question.first_label; label < question.last_label; ++label) {
    const T* scores = by_label.const_data_ptr<T>() + label * rows;
    const int32_t* code = codes + (rule.task == CurveTask::Multilabel ? label : 0);
    for (int64_t row = 0; row < rows; ++row) {
      const int32_t c = code[row * code_stride];
      const int64_t target = label_of(c);
      if (rule.task != CurveTask::Multiclass && target == kSkipped) continue;
      const bool yes = rule.task == CurveTask::Multiclass ? target == label : target == 1;
      (yes ? sides.yes : sides.no).push_back(curves::key_of(key(scores[row], row, c)));
    }
  }
  return counted(std::move(sides), with, as_threshold);
}

/// Calls f(count of a question) with the way in which scores of type T become keys and thresholds.
template <class T, class F>
auto with_keys(const Kept& from, const CurveRule& rule, const F& f) {
  const auto same = [](auto score) { return static_cast<double>(score); };
  if (!from.logits) return f([](T score, int64_t, int32_t) { return score; }, same);
  if (rule.task == CurveTask::Multiclass) {
    const Element element = std::is_same_v<T, double> ? Element::Double : Element::Float;
    const auto norms =
        curves::kernels::row_norms(from.scores.const_data_ptr(), element, from.scores.size(0), from.scores.size(1));
    return f(
        [&](T score, int64_t row, int32_t code) {
          const auto x = static_cast<double>(score);
          return code < 0 ? std::log(x) : norms[static_cast<std::size_t>(row)].log_softmax(x);
        },
        [](double key) { return std::exp(key); });
  }
  const auto as_threshold = [](auto score) { return sigmoid(static_cast<double>(score)); };
  if (!from.decided) return f([](T score, int64_t, int32_t) { return score; }, as_threshold);
  return f(
      [](T score, int64_t, int32_t code) {
        const auto x = static_cast<double>(score);
        return code < 0 ? logit(x) : x;
      },
      as_threshold);
}

/// The curves of the questions, which may be counted side by side.
template <class T>
std::vector<CurveCounts> exact_curves_as(const Kept& from, const CurveRule& rule,
                                         const std::vector<Question>& questions, With with) {
  std::vector<CurveCounts> curves(questions.size());
  const Tensor by_label = from.scores.dim() == 2 ? from.scores.t().contiguous() : from.scores;
  with_keys<T>(from, rule, [&](const auto& key, const auto& as_threshold) {
    at::parallel_for(0, static_cast<int64_t>(questions.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto q = static_cast<std::size_t>(i);
        curves[q] = exact_counts<T>(from, by_label, rule, questions[q], with, key, as_threshold);
      }
    });
  });
  return curves;
}

std::vector<CurveCounts> exact_curves(const States& states, const CurveRule& rule,
                                      const std::vector<Question>& questions, With with) {
  const Kept from = kept(states, rule);
  if (!from.scores.defined()) return std::vector<CurveCounts>(questions.size());
  return from.scores.scalar_type() == at::kDouble ? exact_curves_as<double>(from, rule, questions, with)
                                                  : exact_curves_as<float>(from, rule, questions, with);
}

// --- Binned.

/// Counts of buckets [thresholds, labels, 2, 2] in the order of sorted thresholds (see curve_kernels.h).
struct Buckets {
  Tensor table;
  int64_t labels;

  int64_t at(int64_t k, int64_t label, int64_t target, int64_t above) const {
    return table.const_data_ptr<int64_t>()[((k * labels + label) * 2 + target) * 2 + above];
  }
};

Buckets buckets_of(const States& states, const CurvePlan& plan) {
  const Tensor table = reading_that_holds(states, plan.rule().input).tensor();
  return {table.to(at::kCPU).contiguous(), plan.rule().labels};
}

/// The counts of some labels together at the sorted thresholds, from the highest to the lowest.
CurveCounts binned_counts(const Buckets& buckets, Question question, int64_t thresholds) {
  CurveCounts counts;
  int64_t tp = 0, fp = 0;
  for (int64_t k = thresholds - 1; k >= 0; --k) {
    for (int64_t label = question.first_label; label < question.last_label; ++label) {
      tp += buckets.at(k, label, 1, 1);
      fp += buckets.at(k, label, 0, 1);
    }
    counts.tp.push_back(tp);
    counts.fp.push_back(fp);
  }
  counts.positives = tp;
  counts.negatives = fp;
  for (int64_t label = question.first_label; label < question.last_label; ++label) {
    counts.positives += buckets.at(0, label, 1, 0);
    counts.negatives += buckets.at(0, label, 0, 0);
  }
  return counts;
}

/// Puts counts at sorted thresholds in the reversed order of those given.
CurveCounts as_given(const CurveCounts& ranked, const CurvePlan::Bins& bins) {
  CurveCounts counts = ranked;
  const std::size_t size = ranked.tp.size();
  for (std::size_t k = 0; k < size; ++k) {
    const auto place = size - 1 - static_cast<std::size_t>(bins.order[k]);
    counts.tp[place] = ranked.tp[size - 1 - k];
    counts.fp[place] = ranked.fp[size - 1 - k];
  }
  counts.thresholds.assign(bins.values.rbegin(), bins.values.rend());
  return counts;
}

std::vector<CurveCounts> binned_curves(const States& states, const CurvePlan& plan,
                                       const std::vector<Question>& questions, With with) {
  const Buckets buckets = buckets_of(states, plan);
  std::vector<CurveCounts> curves;
  for (const Question& question : questions) {
    const CurveCounts ranked = binned_counts(buckets, question, plan.bins()->size());
    curves.push_back(with == With::Thresholds ? as_given(ranked, *plan.bins()) : ranked);
  }
  return curves;
}

std::vector<CurveCounts> curves_of(const States& states, const CurvePlan& plan, const std::vector<Question>& questions,
                                   With with) {
  return plan.bins() ? binned_curves(states, plan, questions, with)
                     : exact_curves(states, plan.rule(), questions, with);
}

std::vector<Question> each_label(const CurvePlan& plan) {
  std::vector<Question> questions;
  for (int64_t label = 0; label < plan.rule().labels; ++label) questions.push_back({label, label + 1});
  return questions;
}

std::vector<Question> all_labels(const CurvePlan& plan) {
  return {{0, plan.rule().labels}};
}

}  // namespace

std::vector<CurveCounts> curve_counts(const States& states, const CurvePlan& plan) {
  return curves_of(states, plan, each_label(plan), With::Thresholds);
}

CurveCounts micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of(states, plan, all_labels(plan), With::Thresholds).front());
}

std::vector<CurveCounts> ranked_counts(const States& states, const CurvePlan& plan) {
  return curves_of(states, plan, each_label(plan), With::Counts);
}

CurveCounts ranked_micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of(states, plan, all_labels(plan), With::Counts).front());
}

Tensor probabilities_of(const States& states, const CurvePlan& plan) {
  const CurveRule& rule = plan.rule();
  const Tensor kept_scores = states.at(0).tensor();
  const Tensor scores = kept_scores.scalar_type() == at::kDouble ? kept_scores : kept_scores.to(at::kFloat);
  const Tensor codes = states.at(1).tensor();
  if (!are_logits(scores, codes, rule)) return scores;
  const bool classes = rule.task == CurveTask::Multiclass;
  const Tensor normalised = classes ? at::softmax(scores, 1) : at::sigmoid(scores);
  return at::where(classes ? (codes < 0).unsqueeze(1) : codes < 0, scores, normalised);
}

}  // namespace metrics::classification
