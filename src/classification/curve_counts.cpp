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
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::classification {
namespace {

using curves::kernels::RowNorm;

// --- What is made of a curve, point by point from the highest threshold to the lowest: `begin(positives, negatives)`,
// --- then `add(tp, fp, threshold)`.

struct ToThresholds {
  CurveCounts result;

  void begin(int64_t positives, int64_t negatives) {
    result.positives = positives;
    result.negatives = negatives;
    const auto most = static_cast<std::size_t>(positives + negatives);
    result.tp.reserve(most);
    result.fp.reserve(most);
    result.thresholds.reserve(most);
  }
  template <class Threshold>
  void add(int64_t tp, int64_t fp, const Threshold& threshold) {
    result.tp.push_back(tp);
    result.fp.push_back(fp);
    result.thresholds.push_back(threshold());
  }
};

struct ToCounts {
  CurveCounts result;

  void begin(int64_t positives, int64_t negatives) {
    result.positives = positives;
    result.negatives = negatives;
  }
  template <class Threshold>
  void add(int64_t tp, int64_t fp, const Threshold&) {
    result.tp.push_back(tp);
    result.fp.push_back(fp);
  }
};

struct ToRocArea {
  RocArea result;
  int64_t last_tp = 0, last_fp = 0;

  void begin(int64_t positives, int64_t negatives) {
    result.positives = positives;
    result.negatives = negatives;
  }
  template <class Threshold>
  void add(int64_t tp, int64_t fp, const Threshold&) {
    result.twice += (fp - last_fp) * (tp + last_tp);
    last_tp = tp;
    last_fp = fp;
  }
};

struct ToPrecisionSum {
  PrecisionSum result;
  int64_t last_tp = 0;

  void begin(int64_t positives, int64_t) { result.positives = positives; }
  template <class Threshold>
  void add(int64_t tp, int64_t fp, const Threshold&) {
    if (tp == last_tp) return;
    result.sum += static_cast<double>(tp - last_tp) * (static_cast<double>(tp) / static_cast<double>(tp + fp));
    last_tp = tp;
  }
};

template <class To>
using Made = decltype(To::result);

/// Whether it matters how scores are read: for the order of yes-or-no questions it does not.
template <class To>
constexpr bool needs_reading = std::is_same_v<To, ToThresholds>;

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

Kept kept(const States& states, const CurveRule& rule, bool order_tells) {
  Kept result;
  if (states.at(0).rows() == 0) return result;
  result.scores = states.at(0).tensor().to(at::kCPU);
  if (result.scores.scalar_type() != at::kDouble) result.scores = result.scores.to(at::kFloat);
  result.scores = result.scores.contiguous();
  result.codes = states.at(1).tensor().to(at::kCPU, at::kInt).contiguous();
  result.decided = result.codes.min().item<int64_t>() < 0;
  const bool reads = !order_tells || result.decided || rule.task == CurveTask::Multiclass;
  result.logits = reads && are_logits(result.scores, result.codes, rule);
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

/// Sorts, and goes through what lies at or above each score.
template <class To, class Key, class AsThreshold>
Made<To> gone_through(std::vector<curves::Ranked<Key>> items, const AsThreshold& as_threshold) {
  curves::sort_by_key(items);
  int64_t positives = 0;
  for (const auto& item : items) positives += static_cast<int64_t>(item.yes);
  To to;
  to.begin(positives, static_cast<int64_t>(items.size()) - positives);
  int64_t tp = 0;
  for (std::size_t i = items.size(); i > 0;) {
    const Key key = items[i - 1].key;
    do {
      tp += static_cast<int64_t>(items[--i].yes);
    } while (i > 0 && items[i - 1].key == key);
    to.add(tp, static_cast<int64_t>(items.size() - i) - tp, [&] { return as_threshold(curves::score_of(key)); });
  }
  return std::move(to.result);
}

/// Which rows are asked about: all scores of one label, or of all labels together.
struct Question {
  int64_t first_label, last_label;
  int64_t size() const { return last_label - first_label; }
};

/// The curve of a question, its scores turned into keys by `key(score, row, code)`.
template <class To, class T, class KeyOf, class AsThreshold>
Made<To> exact_curve(const Kept& from, const Tensor& by_label, const CurveRule& rule, Question question,
                     const KeyOf& key, const AsThreshold& as_threshold) {
  using Key = decltype(curves::key_of(key(T(0), int64_t{0}, int32_t{0})));
  const bool classes = rule.task == CurveTask::Multiclass;
  const int64_t stride = rule.task == CurveTask::Multilabel ? rule.labels : 1;
  const int64_t rows = from.codes.numel() / stride;
  std::vector<curves::Ranked<Key>> items(static_cast<std::size_t>(rows * question.size()));
  std::size_t used = 0;
  for (int64_t label = question.first_label; label < question.last_label; ++label) {
    const T* scores = by_label.const_data_ptr<T>() + label * rows;
    const int32_t* codes = from.codes.const_data_ptr<int32_t>() + (stride > 1 ? label : 0);
    const int64_t wanted = classes ? label : 1;
    for (int64_t row = 0; row < rows; ++row) {
      const int32_t code = codes[row * stride];
      const int64_t target = label_of(code);
      items[used] = {curves::key_of(key(scores[row], row, code)), Key(target == wanted)};
      used += classes | (target != kSkipped);
    }
  }
  items.resize(used);
  return gone_through<To>(std::move(items), as_threshold);
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

/// The curves of the questions, which may be gone through side by side.
template <class To, class T>
std::vector<Made<To>> exact_curves_as(const Kept& from, const CurveRule& rule, const std::vector<Question>& questions) {
  std::vector<Made<To>> curves(questions.size());
  const Tensor by_label = from.scores.dim() == 2 ? from.scores.t().contiguous() : from.scores;
  with_keys<T>(from, rule, [&](const auto& key, const auto& as_threshold) {
    at::parallel_for(0, static_cast<int64_t>(questions.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto q = static_cast<std::size_t>(i);
        curves[q] = exact_curve<To, T>(from, by_label, rule, questions[q], key, as_threshold);
      }
    });
  });
  return curves;
}

template <class To>
std::vector<Made<To>> exact_curves(const States& states, const CurveRule& rule,
                                   const std::vector<Question>& questions) {
  const Kept from = kept(states, rule, !needs_reading<To>);
  if (!from.scores.defined()) return std::vector<Made<To>>(questions.size());
  return from.scores.scalar_type() == at::kDouble ? exact_curves_as<To, double>(from, rule, questions)
                                                  : exact_curves_as<To, float>(from, rule, questions);
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

/// What is made of counts between thresholds. Their curves begin with the first point, not at (0, 0).
template <class To>
Made<To> made_of(const CurveCounts& ranked, const CurvePlan::Bins& bins) {
  if constexpr (std::is_same_v<To, ToThresholds>) {
    return as_given(ranked, bins);
  } else if constexpr (std::is_same_v<To, ToCounts>) {
    return ranked;
  } else {
    To to;
    to.begin(ranked.positives, ranked.negatives);
    if constexpr (std::is_same_v<To, ToRocArea>) {
      to.last_tp = ranked.tp.front();
      to.last_fp = ranked.fp.front();
    }
    for (std::size_t i = 0; i < ranked.tp.size(); ++i) to.add(ranked.tp[i], ranked.fp[i], [] { return 0.0; });
    return to.result;
  }
}

template <class To>
std::vector<Made<To>> curves_of(const States& states, const CurvePlan& plan, const std::vector<Question>& questions) {
  if (!plan.bins()) return exact_curves<To>(states, plan.rule(), questions);
  const Buckets buckets = buckets_of(states, plan);
  std::vector<Made<To>> curves;
  for (const Question& question : questions) {
    curves.push_back(made_of<To>(binned_counts(buckets, question, plan.bins()->size()), *plan.bins()));
  }
  return curves;
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
  return curves_of<ToThresholds>(states, plan, each_label(plan));
}

CurveCounts micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of<ToThresholds>(states, plan, all_labels(plan)).front());
}

std::vector<CurveCounts> ranked_counts(const States& states, const CurvePlan& plan) {
  return curves_of<ToCounts>(states, plan, each_label(plan));
}

CurveCounts ranked_micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of<ToCounts>(states, plan, all_labels(plan)).front());
}

std::vector<RocArea> roc_areas(const States& states, const CurvePlan& plan) {
  return curves_of<ToRocArea>(states, plan, each_label(plan));
}

RocArea micro_roc_area(const States& states, const CurvePlan& plan) {
  return curves_of<ToRocArea>(states, plan, all_labels(plan)).front();
}

std::vector<PrecisionSum> precision_sums(const States& states, const CurvePlan& plan) {
  return curves_of<ToPrecisionSum>(states, plan, each_label(plan));
}

PrecisionSum micro_precision_sum(const States& states, const CurvePlan& plan) {
  return curves_of<ToPrecisionSum>(states, plan, all_labels(plan)).front();
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
