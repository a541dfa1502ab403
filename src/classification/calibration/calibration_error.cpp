#include "classification/checks.h"
#include "classification/counts/inputs.h"
#include "classification/counts/weighted_sums.h"
#include "core/loaded_states.h"
#include "families/numbers.h"
#include "kernels.h"
#include "kernels/pairs/exact_products.h"
#include "kernels/parallel.h"
#include <metrics/classification/calibration_error.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace metrics {

namespace classification::calibration {

/// Where the bins begin, as numbers of the type of confidences: those of at::linspace, whose second half is counted
/// from the end. The last bin has one confidence, 1.
struct Edges {
  explicit Edges(int64_t bins) : of_float(steps(bins, at::kFloat)), of_double(steps(bins, at::kDouble)) {}

  const kernels::BinEdges& of(at::ScalarType scores) const { return scores == at::kDouble ? of_double : of_float; }

  kernels::BinEdges of_float, of_double;

 private:
  /// Those that torch makes, which are rounded differently by its kernels for different machines.
  static std::vector<double> steps(int64_t bins, at::ScalarType dtype) {
    const Tensor edges = at::linspace(0, 1, bins + 1, dtype).to(at::kDouble);
    return {edges.const_data_ptr<double>(), edges.const_data_ptr<double>() + edges.numel()};
  }
};

namespace {

// The states, in the order in which they are declared. The first two have torchmetrics' names, and hold nothing but in
// a state dict: see show_as_torchmetrics.
constexpr std::size_t kConfidences = 0, kAccuracies = 1, kOutside = 6;
/// How many samples each bin has and how many of them are right, [2, bins], and the sums of their confidences, [bins].
struct Reading {
  std::size_t counts, sums;
};
constexpr Reading kFirst{2, 3}, kLogits{4, 5};

// Samples that are put into bins together, and whose sums are then added in their order, so that threads change
// nothing.
constexpr int64_t kSamplesPerPart = kernels::kMostAtOnce;

/// The bin of a confidence; one below 0 is in the first, one above 1 in the last.
METRICS_INLINE std::size_t bin_of(double confidence, const std::vector<double>& edges) {
  const double last = static_cast<double>(edges.size() - 1);
  const double guess = confidence * last;
  auto bin = static_cast<std::size_t>(guess > 0 ? std::min(guess, last) : 0);
  while (bin > 0 && confidence < edges[bin]) --bin;
  while (bin + 1 < edges.size() && confidence >= edges[bin + 1]) ++bin;
  return bin;
}

/// What samples add to the bins: counts are int64, or in double-double where `Weight` is double.
template <class Weight>
struct Table {
  using Count = std::conditional_t<std::is_same_v<Weight, double>, DoubleDouble, int64_t>;
  std::vector<Count> counts;  // [2, bins]
  std::vector<DoubleDouble> sums;

  explicit Table(std::size_t bins) : counts(2 * bins), sums(bins) {}

  void add(std::size_t bin, const kernels::InBin& samples) {
    counts[bin] += samples.samples;
    counts[sums.size() + bin] += samples.right;
    const double rest = std::isfinite(samples.upper) ? samples.rest : 0;
    sums[bin] = sums[bin] + two_sum(samples.upper, rest);
  }
  void add(std::size_t bin, bool right, double confidence, Weight weight) {
    counts[bin] = counts[bin] + weight;
    if (right) counts[sums.size() + bin] = counts[sums.size() + bin] + weight;
    sums[bin] = sums[bin] + metrics::kernels::pairs::exact_product(confidence, static_cast<double>(weight));
  }
  void merge(const Table& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = counts[i] + other.counts[i];
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = sums[i] + two_sum(other.sums[i].high, other.sums[i].low);
  }
  void add_to(States& states, Reading reading) const {
    counts::add_to(states.at(reading.counts), std::span<const Count>(counts));
    states.at(reading.sums).add(std::span<const DoubleDouble>(sums));
  }
};

/// `add(table, begin, end)` puts samples into a table; the parts' tables become one.
template <class Weight, class Add>
Table<Weight> in_parts(int64_t samples, std::size_t bins, const Add& add) {
  Table<Weight> whole(bins);
  if (samples <= kSamplesPerPart) {
    add(whole, int64_t{0}, samples);
    return whole;
  }
  const int64_t parts = (samples + kSamplesPerPart - 1) / kSamplesPerPart;
  std::vector<Table<Weight>> tables(static_cast<std::size_t>(parts), Table<Weight>(bins));
  metrics::kernels::parallel_for(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      add(tables[static_cast<std::size_t>(part)], part * kSamplesPerPart,
          std::min(samples, (part + 1) * kSamplesPerPart));
    }
  });
  for (const Table<Weight>& table : tables) whole.merge(table);
  return whole;
}

/// Samples with their weights, `positions` of which share one.
struct Samples {
  const std::vector<int8_t>& answers;
  const Weights& weights;
  const kernels::BinEdges& edges;

  void fold(States& states, Reading reading, const std::vector<double>& confidences) const {
    const auto samples = static_cast<int64_t>(answers.size());
    if (!weights.given()) {
      const auto add = [&](Table<int64_t>& table, int64_t begin, int64_t end) {
        std::vector<kernels::InBin> bins(edges.size());
        kernels::add_to_bins(confidences.data() + begin, answers.data() + begin, end - begin, edges, bins.data());
        for (std::size_t bin = 0; bin < bins.size(); ++bin) table.add(bin, bins[bin]);
      };
      return in_parts<int64_t>(samples, edges.size(), add).add_to(states, reading);
    }
    if (weights.are_integers()) return fold(states, reading, confidences, weights.integers());
    fold(states, reading, confidences, weights.reals());
  }

 private:
  template <class Weight>
  void fold(States& states, Reading reading, const std::vector<double>& confidences, const Weight* of_rows) const {
    const auto samples = static_cast<int64_t>(answers.size());
    const int64_t positions = std::max<int64_t>(1, samples / std::max<int64_t>(1, weights.rows()));
    const auto add = [&](Table<Weight>& table, int64_t begin, int64_t end) {
      for (int64_t sample = begin; sample < end; ++sample) {
        const auto i = static_cast<std::size_t>(sample);
        if (answers[i] == kernels::kLeftOut) continue;
        table.add(bin_of(confidences[i], edges.begins()), answers[i] == kernels::kRight, confidences[i],
                  of_rows[sample / positions]);
      }
    };
    in_parts<Weight>(samples, edges.size(), add).add_to(states, reading);
  }
};

/// Memory that can be read: neither to be negated on reading, nor a zero tensor, which has none; on the CPU.
Tensor readable(const Tensor& tensor) {
  const Tensor here = tensor.to(at::kCPU);
  return (here.is_neg() || here._is_zerotensor() ? here.clone() : here).contiguous();
}

void check_scores(const Tensor& preds) {
  if (preds.is_floating_point()) return;
  throw InvalidArgument(c10::str("preds: expected floating scores, got ", preds.scalar_type()));
}

Tensor scores_for(const States& states, const Tensor& preds) {
  return readable(states.dtype() == at::kDouble ? preds.to(at::kDouble) : preds);
}

/// A batch: what was found in it, and by which edges.
struct Batch {
  kernels::Confidences found;
  at::ScalarType scores;
};

[[noreturn]] void throw_outside(const Tensor& preds) {
  const Tensor bad = preds.masked_select((preds < 0).logical_or(preds > 1));
  throw InvalidArgument(c10::str("preds: expected probabilities, because `input` is probabilities, got ",
                                 bad.numel() > 0 ? bad[0].item().toDouble() : 0.0));
}

Batch batch_of(const States& states, const BinaryCalibrationErrorOptions& o, const Tensor& preds, const Tensor& target,
               kernels::Readings readings) {
  const counts::ThresholdRule rule{0.5, o.ignore_index, o.validate_args};
  counts::check_binary(preds, target, rule);
  check_scores(preds);
  const Tensor scores = scores_for(states, preds), labels = readable(target.to(at::kLong));
  Batch batch{kernels::of_questions(scores.const_data_ptr(), metrics::kernels::element_of(scores.scalar_type()),
                                    labels.const_data_ptr<int64_t>(), scores.numel(), kernels::Ignored(o.ignore_index),
                                    readings),
              scores.scalar_type()};
  if (!o.validate_args) return batch;
  if (batch.found.seen.invalid || batch.found.seen.nan) counts::throw_bad_label(preds, target, rule);
  return batch;
}

Batch batch_of(const States& states, const MulticlassCalibrationErrorOptions& o, const Tensor& preds,
               const Tensor& target, kernels::Readings readings) {
  const counts::ClassRule rule{
      .num_classes = o.num_classes, .ignore_index = o.ignore_index, .validate = o.validate_args};
  if (!counts::checked_classes(preds, target, rule).scores) {
    throw InvalidArgument(c10::str("preds: expected scores [N, ", static_cast<int64_t>(o.num_classes),
                                   ", ...] for target ", target.sizes(), ", got ", preds.sizes()));
  }
  const Tensor rows = preds.dim() == 2 ? preds : preds.movedim(1, -1).reshape({-1, o.num_classes});
  const Tensor scores = scores_for(states, rows), labels = readable(target.to(at::kLong));
  Batch batch{kernels::of_classes(scores.const_data_ptr(), metrics::kernels::element_of(scores.scalar_type()),
                                  labels.const_data_ptr<int64_t>(), labels.numel(), o.num_classes,
                                  kernels::Ignored(o.ignore_index), readings),
              scores.scalar_type()};
  if (!o.validate_args) return batch;
  if (batch.found.seen.invalid) counts::throw_bad_label(preds, target, rule);
  if (batch.found.seen.nan) counts::refuse_nan(preds, target, rule);
  return batch;
}

template <class O>
constexpr std::string_view task_of = std::is_same_v<O, BinaryCalibrationErrorOptions> ? "binary" : "multiclass";

/// The bins of the reading that applies.
Reading reading_of(const States& states, ScoreInput input) {
  const bool logits = input == ScoreInput::Auto && families::count_in(states.at(kOutside).tensor()) != 0;
  return logits ? kLogits : kFirst;
}

/// What a loaded confidence cannot be.
void check_rows(const States& states) {
  require_equal_rows(states, {"confidences", "accuracies"});
  require_floating_rows(states.at(kConfidences));
  require_counts(states.at(kAccuracies));
  const Tensor confidences = states.at(kConfidences).tensor(), accuracies = states.at(kAccuracies).tensor();
  if (confidences.dim() != 1 || accuracies.dim() != 1) {
    throw StateMisfit("confidences", c10::str("expected a number a sample, got shapes ", confidences.sizes(), " and ",
                                              accuracies.sizes(), " beside it"));
  }
  if ((accuracies > 1).any().item<bool>()) throw StateMisfit("accuracies", "expected 0 or 1 for each sample");
  if (!(confidences >= 0).logical_and(confidences <= 1).all().item<bool>()) {
    throw StateMisfit("confidences", "expected numbers in [0, 1]");
  }
}

/// Bins as show_as_torchmetrics shows them.
void check_bins(const States& states, int64_t bins) {
  require_floating_rows(states.at(kConfidences));
  const Tensor sums = states.at(kConfidences).tensor(), numbers = states.at(kAccuracies).tensor();
  if (sums.sizes() != at::IntArrayRef({bins, 1}) || numbers.sizes() != at::IntArrayRef({bins, 2})) {
    throw StateMisfit("confidences",
                      c10::str("expected the sums of ", bins, " bins, [", bins, ", 1], beside accuracies [", bins,
                               ", 2], got ", sums.sizes(), " and ", numbers.sizes()));
  }
  const auto possible = [](const Tensor& tensor) {
    return (tensor >= 0).logical_and(tensor < std::numeric_limits<double>::infinity()).all().item<bool>();
  };
  if (!possible(sums)) throw StateMisfit("confidences", "holds a number that is no sum of confidences");
  if (!possible(numbers) || (numbers.select(1, 0) < numbers.select(1, 1)).any().item<bool>()) {
    throw StateMisfit("accuracies", "holds numbers that are no counts of samples and of those that are right");
  }
}

void assign(State& state, const Tensor& value) {
  state.assign(value, value.is_floating_point() ? at::zeros_like(value) : Tensor(), {});
}

}  // namespace
}  // namespace classification::calibration

using namespace classification;
using namespace classification::calibration;

template <class O>
CalibrationBins<O>::Prepared::Prepared(O options)
    : O(std::move(options)), edges(std::make_shared<const Edges>(O::n_bins)) {}

template <class O>
void CalibrationBins<O>::check(const Options& o) {
  if constexpr (requires { o.num_classes; }) check_at_least("num_classes", o.num_classes, o.validate_args ? 2 : 1);
  check_at_least("n_bins", o.n_bins, 1);
}

template <class O>
void CalibrationBins<O>::declare(States& states, const Prepared& o) {
  states.add("confidences", Reduction::Cat);
  states.add("accuracies", Reduction::Cat);
  const auto bins = static_cast<int64_t>(o.edges->of_double.size());
  const auto add = [&](const std::string& reading) {
    states.add("_" + reading + "counts", Reduction::Sum, at::zeros({2, bins}, at::kLong));
    states.add("_" + reading + "sums", Reduction::Sum, at::zeros({bins}, at::kDouble));
  };
  add("");
  if (o.input != ScoreInput::Auto) return;
  add("logit_");
  states.add("_outside", Reduction::Max, at::zeros({}, at::kLong));
}

template <class O>
void CalibrationBins<O>::update(States& states, const Prepared& o, const Tensor& preds, const Tensor& target,
                                const Weights& weights) {
  const bool both = o.input == ScoreInput::Auto;
  const calibration::kernels::Readings readings{.probability = o.input != ScoreInput::Logits,
                                                .logit = o.input != ScoreInput::Probabilities};
  const Batch batch = batch_of(states, o, preds, target, readings);
  const bool outside = batch.found.seen.outside;
  if (o.input == ScoreInput::Probabilities && outside && o.validate_args) throw_outside(preds);
  const Samples samples{batch.found.answers, weights, o.edges->of(batch.scores)};
  // Once a score outside [0, 1] is seen, nobody asks for the bins of probabilities any more.
  if (readings.probability && !(both && outside)) samples.fold(states, kFirst, batch.found.as_probability);
  if (readings.logit) samples.fold(states, both ? kLogits : kFirst, batch.found.as_logit);
  if (both && outside) states.at(kOutside).raise(at::ones({}, states.at(kOutside).tensor().options()));
}

template <class O>
Tensor CalibrationBins<O>::finalise(const States& states, const Prepared& o) {
  const Reading reading = reading_of(states, o.input);
  const Tensor counts = states.at(reading.counts).tensor().to(at::kCPU, at::kDouble).contiguous();
  const Tensor sums = states.at(reading.sums).tensor().to(at::kCPU).contiguous();
  const int64_t bins = sums.size(0);
  const auto* samples = counts.const_data_ptr<double>();
  const auto* right = samples + bins;
  const auto* confidence = sums.const_data_ptr<double>();
  double all = 0, sum = 0, greatest = 0;
  for (int64_t bin = 0; bin < bins; ++bin) all += samples[bin];
  for (int64_t bin = 0; bin < bins; ++bin) {
    if (samples[bin] == 0) continue;
    const double error = std::abs(right[bin] / samples[bin] - confidence[bin] / samples[bin]);
    sum += (o.norm == CalibrationNorm::L1 ? error : error * error) * (samples[bin] / all);
    greatest = std::max(greatest, error);
  }
  const auto value = [&] {
    switch (o.norm) {
      case CalibrationNorm::L1:
        return all == 0 ? std::numeric_limits<double>::quiet_NaN() : sum;
      case CalibrationNorm::L2:
        return std::sqrt(sum);
      case CalibrationNorm::Max:
        break;
    }
    return greatest;
  };
  return families::tensor_of(value()).to(states.device());
}

/// The bins themselves, as one item of two dimensions each: sums of confidences [bins, 1], and how many samples there
/// are and how many are right [bins, 2]. torchmetrics has no use for such items, and fails at them.
template <class O>
void CalibrationBins<O>::show_as_torchmetrics(States& states, const Prepared& o) {
  const Reading reading = reading_of(states, o.input);
  const Tensor counts = states.at(reading.counts).tensor(), sums = states.at(reading.sums).tensor();
  if (!counts.ne(0).any().template item<bool>()) return;
  states.at(kConfidences).assign(sums.unsqueeze(1).clone(), {}, {});
  states.at(kAccuracies).assign(counts.t().contiguous(), {}, {});
}

template <class O>
void CalibrationBins<O>::complete_from_torchmetrics(States& states, const Prepared& o) {
  State &confidences = states.at(kConfidences), &accuracies = states.at(kAccuracies);
  if (confidences.rows() == 0 && accuracies.rows() == 0) return;
  const bool both = o.input == ScoreInput::Auto;
  const Tensor rows = confidences.tensor();
  if (rows.defined() && rows.dim() == 1) {
    check_rows(states);
    const Tensor numbers = readable(rows.to(rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat));
    const Tensor as_double = numbers.to(at::kDouble);
    const Tensor right = readable(accuracies.tensor().to(at::kChar));
    const auto* number = as_double.const_data_ptr<double>();
    const auto* answer = right.const_data_ptr<int8_t>();
    const auto size = static_cast<std::size_t>(numbers.numel());
    const std::vector<double> of_samples(number, number + size);
    const std::vector<int8_t> answers(answer, answer + size);
    const Weights none;
    const Samples samples{answers, none, o.edges->of(numbers.scalar_type())};
    samples.fold(states, kFirst, of_samples);
    if (both) samples.fold(states, kLogits, of_samples);
  } else {
    if (!rows.defined() || !accuracies.tensor().defined()) {
      throw StateMisfit("confidences", "expected as many rows as `accuracies` has");
    }
    const auto bins = static_cast<int64_t>(o.edges->of_double.size());
    check_bins(states, bins);
    const Tensor sums = rows.to(at::kDouble).squeeze(1);
    const Tensor given = accuracies.tensor().t().contiguous();
    const Tensor counts = given.is_floating_point() ? given.to(at::kDouble) : given.to(at::kLong);
    for (const Reading reading : both ? std::vector<Reading>{kFirst, kLogits} : std::vector<Reading>{kFirst}) {
      assign(states.at(reading.counts), counts.clone());
      assign(states.at(reading.sums), sums.clone());
    }
  }
  confidences.reset(states.device());
  accuracies.reset(states.device());
}

template <class O>
std::string CalibrationBins<O>::update_key(const Prepared& options) {
  O o = options;
  o.norm = CalibrationNorm::L1;
  return std::string(task_of<O>) + " calibration bins: " + describe_options(o);
}

METRICS_DEFINE_CLASS(BinaryCalibrationError);
METRICS_DEFINE_CLASS(MulticlassCalibrationError);

}  // namespace metrics
