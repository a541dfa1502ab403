#include "counting.h"

#include "class_rows.h"
#include "inputs.h"
#include "kernels.h"
#include "kernels/math.h"
#include "kernels/ordered_bits.h"
#include "room.h"
#include "short_rows.h"
#include <metrics/core/errors.h>

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

namespace metrics::classification::counts {
namespace {

using kernels::Ignored;
using metrics::kernels::Element;
using metrics::kernels::element_of;
using metrics::kernels::number_of;
using metrics::kernels::ordered_bits;

// Memory that can be read: neither to be negated on reading, nor a zero tensor, which has none.
Tensor readable(const Tensor& tensor) {
  return tensor.is_neg() || tensor._is_zerotensor() ? tensor.clone() : tensor;
}

// A call that changes nothing costs a tenth of a small update.
Tensor readable_labels(const Tensor& labels) {
  return readable(labels.scalar_type() == at::kLong ? labels : labels.to(at::kLong)).contiguous();
}

// Room for a label a row: small batches take none from the heap.
class Predictions {
 public:
  explicit Predictions(int64_t rows)
      : many_(rows > kFew ? std::make_unique_for_overwrite<int64_t[]>(static_cast<size_t>(rows)) : nullptr) {}
  int64_t* data() { return many_ ? many_.get() : few_.data(); }

 private:
  static constexpr int64_t kFew = 512;
  std::unique_ptr<int64_t[]> many_;
  std::array<int64_t, kFew> few_;
};

kernels::Scores scores_of(const Tensor& scores, const ClassShape& shape) {
  kernels::Scores s{scores.const_data_ptr(), element_of(scores.scalar_type()), shape.samples,   shape.classes,
                    shape.positions,         shape.classes * shape.positions,  shape.positions, 1};
  if (scores.is_contiguous()) return s;
  s.sample_stride = scores.stride(0);
  s.class_stride = scores.stride(1);
  if (scores.dim() == 3) s.position_stride = scores.stride(2);
  return s;
}

bool regular(const Tensor& scores) {
  return scores.dim() == 2 ? scores.stride(1) == 1
                           : scores.dim() == 3 && (scores.stride(1) == 1 || scores.stride(2) == 1);
}

// Scores as the kernels read them: contiguous, or three dimensions at most with classes or positions next to each
// other.
Tensor readable_scores(const Tensor& preds, const ClassShape& shape) {
  Tensor scores = readable(preds);
  if (scores.is_contiguous()) return scores;
  if (scores.dim() > 3) scores = scores.reshape({shape.samples, shape.classes, shape.positions});
  return regular(scores) ? scores : scores.contiguous();
}

std::optional<kernels::LabelType> label_type_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kLong:
      return kernels::LabelType::Int64;
    case at::kInt:
      return kernels::LabelType::Int32;
    case at::kShort:
      return kernels::LabelType::Int16;
    case at::kChar:
      return kernels::LabelType::Int8;
    case at::kByte:
    case at::kBool:
      return kernels::LabelType::UInt8;
    default:
      return std::nullopt;
  }
}

// In their own type where kernels read it.
Tensor readable_short_labels(const Tensor& labels) {
  return label_type_of(labels.scalar_type()) ? readable(labels).contiguous() : readable_labels(labels);
}

kernels::Labels labels_of(const Tensor& labels) {
  return {labels.const_data_ptr(), *label_type_of(labels.scalar_type())};
}

bool are_short(const ClassRule& rule, const ClassShape& shape) {
  return rule.top_k == 1 && kernels::is_short(shape.classes);
}

// Labels of no class can be right where classes are counted together and nothing is validated.
bool can_be_coded(const ClassRule& rule, const ClassShape& shape, bool together) {
  return shape.scores || rule.validate || !together;
}

// Hands all rows to `count`, which says what it has found, and has counted nothing where the rule refuses that.
template <class Count>
void count_short_rows(const Tensor& preds, const Tensor& target, const ClassRule& rule, const ClassShape& shape,
                      const Count& count) {
  const int64_t rows = shape.samples * shape.positions;
  if (rows == 0) return;
  const Tensor targets = readable_short_labels(target);
  const Tensor predictions = shape.scores ? readable_scores(preds, shape) : readable_short_labels(preds);
  kernels::ShortRows all{nullptr,      {}, labels_of(targets), rows, shape.classes, Ignored(rule.ignore_index),
                         rule.validate};
  kernels::Scores scores;
  if (shape.scores) {
    scores = scores_of(predictions, shape);
    all.scores = &scores;
  } else {
    all.predicted = labels_of(predictions);
  }
  const kernels::Found found = count(all);
  if (!rule.validate) return;
  if (found.no_class) throw_bad_label(preds, target, rule);
  if (found.nan) refuse_nan(preds, target, rule);
}

// Checks all, then hands targets and predictions, a row each, to `count`.
template <class Count>
void count_classes(const Tensor& preds, const Tensor& target, const ClassRule& rule, const ClassShape& shape,
                   const Count& count) {
  const Ignored ignored(rule.ignore_index);
  const int64_t rows = shape.samples * shape.positions;
  if (rows == 0) return;
  const Tensor targets = readable_labels(target);
  const auto* t = targets.const_data_ptr<int64_t>();
  if (!shape.scores) {
    const Tensor labels = readable_labels(preds);
    const auto* p = labels.const_data_ptr<int64_t>();
    if (rule.validate && rule.num_classes && !kernels::labels_in_range(t, p, rows, *rule.num_classes, ignored)) {
      throw_bad_label(preds, target, rule);
    }
    count(t, p, rows);
    return;
  }
  if (rule.validate && !kernels::labels_in_range(t, nullptr, rows, shape.classes, ignored))
    throw_bad_label(preds, target, rule);
  Predictions predictions(rows);
  const Tensor scores = readable_scores(preds, shape);
  const bool nan = kernels::predict(scores_of(scores, shape), t, rule.top_k, predictions.data());
  if (nan && rule.validate) refuse_nan(preds, target, rule);
  count(t, predictions.data(), rows);
}

// Counts the samples that are right at all positions, and writes for each whether it is one where `exact` is not null.
int64_t count_exact(int64_t* exact, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                    const ClassShape& shape) {
  if (shape.samples * shape.positions == 0) return shape.samples;  // nothing is wrong with a sample without positions
  const auto count = [&](const kernels::Labels& targets, const void* predicted) {
    return kernels::count_exact(exact, {targets, predicted, shape.samples, shape.positions,
                                        std::max<int64_t>(1, shape.classes), Ignored(rule.ignore_index)});
  };
  if (!shape.scores) {
    const bool alike = preds.scalar_type() == target.scalar_type();
    const Tensor targets = alike ? readable_short_labels(target) : readable_labels(target);
    const Tensor predictions = alike ? readable_short_labels(preds) : readable_labels(preds);
    const auto found = count(labels_of(targets), predictions.const_data_ptr());
    if (rule.validate && rule.num_classes && found.no_class) throw_bad_label(preds, target, rule);
    return found.samples;
  }
  int64_t samples = 0;
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t) {
    samples = count({t, kernels::LabelType::Int64}, p).samples;
  });
  return samples;
}

using Kernel = decltype(kernels::add_threshold_counts);

// Counts each element by the kernel into two tables, and returns whether a score that was counted lies outside [0, 1].
bool count_thresholds(Kernel& kernel, int64_t* probabilities, int64_t* logits, bool samplewise, const Tensor& preds,
                      const Tensor& target, const ThresholdRule& rule, int64_t labels) {
  if (preds.numel() == 0) return false;
  const ThresholdRows rows(preds, target, rule, labels);
  const auto seen =
      kernel(probabilities, logits, samplewise, rows.questions(), rows.cutoffs(), Ignored(rule.ignore_index));
  if (rule.validate && seen.invalid) throw_bad_label(preds, target, rule);
  return seen.outside;
}

// The same into tensors of these sizes.
ThresholdCounts count_thresholds(Kernel& kernel, at::IntArrayRef sizes, bool samplewise, const Tensor& preds,
                                 const Tensor& target, const ThresholdRule& rule, int64_t labels) {
  ThresholdCounts counts{at::zeros(sizes, at::kLong), at::zeros(sizes, at::kLong)};
  counts.outside = count_thresholds(kernel, counts.probabilities.mutable_data_ptr<int64_t>(),
                                    counts.logits.mutable_data_ptr<int64_t>(), samplewise, preds, target, rule, labels);
  return counts;
}

// The same as numbers.
void take_thresholds(Kernel& kernel, int64_t size, const Tensor& preds, const Tensor& target, const ThresholdRule& rule,
                     int64_t labels, TakeThresholdNumbers take) {
  Room<int64_t, 128> room(2 * size);
  int64_t *const probabilities = room.data(), *const logits = probabilities + size;
  std::fill_n(probabilities, 2 * size, int64_t{0});
  const bool outside =
      count_thresholds(kernel, probabilities, logits, /*samplewise=*/false, preds, target, rule, labels);
  take({probabilities, logits, size, outside});
}

ThresholdCounts threshold_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule, int64_t labels) {
  return count_thresholds(kernels::add_threshold_counts, {4, labels}, false, preds, target, rule, labels);
}

ThresholdCounts samplewise_threshold_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule,
                                            int64_t labels) {
  return count_thresholds(kernels::add_threshold_counts, {preds.size(0), 4, labels}, true, preds, target, rule, labels);
}

// By a bisection of the ordered bits, which visits each number of a floating type.
template <class Float, class Above>
Float last_not_above(const Above& above) {
  using Limits = std::numeric_limits<Float>;
  auto below = ordered_bits(-Limits::infinity());
  auto beyond = ordered_bits(Limits::infinity()) + 1;
  while (below + 1 < beyond) {
    const auto middle = std::midpoint(below, beyond);
    (above(number_of(middle)) ? beyond : below) = middle;
  }
  return number_of(below);
}

}  // namespace

void take_class_rows(const Tensor& preds, const Tensor& target, const ClassRule& rule, bool together,
                     c10::function_ref<kernels::Found(const kernels::ShortRows&)> take_short,
                     c10::function_ref<void(const ClassRows&)> take) {
  const ClassShape shape = checked_classes(preds, target, rule);
  if (are_short(rule, shape) && can_be_coded(rule, shape, together)) {
    return count_short_rows(preds, target, rule, shape, take_short);
  }
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t rows) {
    take({t, p, rows});
  });
}

ThresholdRows::ThresholdRows(const Tensor& preds, const Tensor& target, const ThresholdRule& rule, int64_t labels)
    : predictions_(preds.is_floating_point() ? readable(preds).contiguous() : readable_short_labels(preds)),
      targets_(readable_short_labels(target)),
      questions_{nullptr, Element::Float, std::nullopt, labels_of(targets_), 0, labels, 0},
      cutoffs_{0, 0} {
  const int64_t samples = preds.dim() == 0 ? 1 : preds.size(0);
  questions_ = {
      nullptr, Element::Float, std::nullopt, labels_of(targets_), samples, labels, preds.numel() / (samples * labels)};
  if (preds.is_floating_point()) {
    questions_.scores = predictions_.const_data_ptr();
    questions_.element = element_of(preds.scalar_type());
    cutoffs_ = {probability_cutoff(rule.threshold, preds.scalar_type()),
                logit_cutoff(rule.threshold, preds.scalar_type())};
  } else {
    questions_.predicted = labels_of(predictions_);
  }
}

double probability_cutoff(double threshold, at::ScalarType dtype) {
  return dtype == at::kDouble ? threshold : static_cast<double>(static_cast<float>(threshold));
}

namespace {

template <class Float>
Float find_cutoff(double threshold) {
  const auto limit = static_cast<Float>(threshold);
  return last_not_above<Float>([&](Float x) {
    return static_cast<Float>(1 / (1 + metrics::kernels::exponential(-static_cast<double>(x)))) > limit;
  });
}

}  // namespace

double logit_cutoff(double threshold, at::ScalarType dtype) {
  struct Found {
    double threshold, cutoff;
  };
  // The last ones are kept, because a search takes longer than the counting of a small batch.
  thread_local Found of_float{0.5, find_cutoff<float>(0.5)}, of_double{0.5, find_cutoff<double>(0.5)};
  Found& last = dtype == at::kDouble ? of_double : of_float;
  if (last.threshold != threshold) {
    last = {threshold, dtype == at::kDouble ? find_cutoff<double>(threshold) : find_cutoff<float>(threshold)};
  }
  return last.cutoff;
}

bool on_cpu(const Tensor& preds, const Tensor& target) {
  return preds.defined() && target.defined() && preds.is_cpu() && target.is_cpu();
}

void add_class_counts(Tensor& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_classes(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::add_class_counts(counts, preds, target, rule);
  auto* cells = counts.mutable_data_ptr<int64_t>();
  const bool together = counts.size(1) == 1;
  const int64_t classes = together ? rule.num_classes.value_or(1) : counts.size(1);
  if (are_short(rule, shape) && can_be_coded(rule, shape, together)) {
    return count_short_rows(preds, target, rule, shape, [&](const kernels::ShortRows& rows) {
      return together ? kernels::add_short_micro_counts(cells, classes, rows) : kernels::add_short_counts(cells, rows);
    });
  }
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t rows) {
    const Ignored ignored(rule.ignore_index);
    if (together) {
      kernels::add_micro_counts(cells, classes, t, p, rows, ignored);
    } else {
      kernels::add_counts(cells, classes, t, p, rows, ignored);
    }
  });
}

Tensor samplewise_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_samplewise_classes(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_class_counts(preds, target, rule);
  const int64_t classes = *rule.num_classes;
  Tensor counts = at::zeros({shape.samples, 4, classes}, at::kLong);
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t) {
    auto* cells = counts.mutable_data_ptr<int64_t>();
    for (int64_t n = 0; n < shape.samples; ++n) {
      const int64_t first = n * shape.positions;
      kernels::add_counts(cells + n * 4 * classes, classes, t + first, p + first, shape.positions,
                          Ignored(rule.ignore_index));
    }
  });
  return counts;
}

Tensor samplewise_micro_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_samplewise_classes(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_class_counts(preds, target, rule).sum(-1, /*keepdim=*/true);
  const int64_t classes = *rule.num_classes;
  Tensor counts = at::zeros({shape.samples, 4, 1}, at::kLong);
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t) {
    auto* cells = counts.mutable_data_ptr<int64_t>();
    std::vector<int64_t> by_class(static_cast<std::size_t>(4 * classes));
    for (int64_t n = 0; n < shape.samples; ++n) {
      const int64_t first = n * shape.positions;
      std::fill(by_class.begin(), by_class.end(), 0);
      kernels::add_counts(by_class.data(), classes, t + first, p + first, shape.positions, Ignored(rule.ignore_index));
      for (int64_t count = 0; count < 4; ++count) {
        const auto begin = by_class.begin() + count * classes;
        cells[4 * n + count] = std::accumulate(begin, begin + classes, int64_t{0});
      }
    }
  });
  return counts;
}

void add_class_confusion(Tensor& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_classes(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::add_class_confusion(confusion, preds, target, rule);
  if (are_short(rule, shape) && kernels::fits_short_confusion(shape.samples * shape.positions, shape.classes)) {
    return count_short_rows(preds, target, rule, shape, [&](const kernels::ShortRows& rows) {
      return kernels::add_short_confusion(confusion.mutable_data_ptr<int64_t>(), rows);
    });
  }
  count_classes(preds, target, rule, shape, [&](const int64_t* t, const int64_t* p, int64_t rows) {
    kernels::add_confusion(confusion.mutable_data_ptr<int64_t>(), *rule.num_classes, t, p, rows,
                           Ignored(rule.ignore_index));
  });
}

Tensor exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  if (on_cpu(preds, target)) return at::full({1}, exact_class_matches_on_cpu(preds, target, rule), at::kLong);
  checked_classes(preds, target, rule);
  return plain::exact_class_matches(preds, target, rule);
}

int64_t exact_class_matches_on_cpu(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  return count_exact(nullptr, preds, target, rule, checked_classes(preds, target, rule));
}

Tensor samplewise_exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_samplewise_classes(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_exact_class_matches(preds, target, rule);
  Tensor exact = at::ones({shape.samples}, at::kLong);
  count_exact(exact.mutable_data_ptr<int64_t>(), preds, target, rule, shape);
  return exact;
}

void take_threshold_counts(const Tensor& preds, const Tensor& target, std::optional<int64_t> num_labels,
                           const ThresholdRule& rule, TakeThresholdNumbers take) {
  if (num_labels) {
    check_multilabel(preds, target, *num_labels, rule);
  } else {
    check_binary(preds, target, rule);
  }
  const int64_t labels = num_labels.value_or(1);
  take_thresholds(kernels::add_threshold_counts, kCells * labels, preds, target, rule, labels, take);
}

void take_exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                   const ThresholdRule& rule, TakeThresholdNumbers take) {
  check_multilabel(preds, target, num_labels, rule);
  take_thresholds(kernels::add_exact_counts, 1, preds, target, rule, num_labels, take);
}

ThresholdCounts binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_binary(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::binary_counts(preds, target, rule);
  return threshold_counts(preds, target, rule, 1);
}

ThresholdCounts samplewise_binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_samplewise_binary(preds, target, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_binary_counts(preds, target, rule);
  return samplewise_threshold_counts(preds, target, rule, 1);
}

ThresholdCounts multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                  const ThresholdRule& rule) {
  check_multilabel(preds, target, num_labels, rule);
  if (!on_cpu(preds, target)) return plain::multilabel_counts(preds, target, num_labels, rule);
  return threshold_counts(preds, target, rule, num_labels);
}

ThresholdCounts samplewise_multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                             const ThresholdRule& rule) {
  check_samplewise_multilabel(preds, target, num_labels, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_multilabel_counts(preds, target, num_labels, rule);
  return samplewise_threshold_counts(preds, target, rule, num_labels);
}

ThresholdCounts exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                         const ThresholdRule& rule) {
  check_multilabel(preds, target, num_labels, rule);
  if (!on_cpu(preds, target)) return plain::exact_multilabel_matches(preds, target, num_labels, rule);
  return count_thresholds(kernels::add_exact_counts, {1}, false, preds, target, rule, num_labels);
}

ThresholdCounts samplewise_exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                    const ThresholdRule& rule) {
  check_samplewise_multilabel(preds, target, num_labels, rule);
  if (!on_cpu(preds, target)) return plain::samplewise_exact_multilabel_matches(preds, target, num_labels, rule);
  return count_thresholds(kernels::add_exact_counts, {preds.size(0)}, true, preds, target, rule, num_labels);
}

}  // namespace metrics::classification::counts
