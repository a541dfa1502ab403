#include "classification/checks.h"
#include "classification/counts/class_rows.h"
#include "classification/counts/inputs.h"
#include "classification/counts/questions.h"
#include "classification/counts/weighted_sums.h"
#include "classification/readings.h"
#include "core/loaded_states.h"
#include "families/numbers.h"
#include <metrics/classification/group_fairness.h>
#include <metrics/core/define.h>
#include <metrics/core/warning.h>

#include <ATen/ops/_unique.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace metrics {

namespace classification::groups {

namespace {

const std::vector<std::string> kNames{"tp", "fp", "tn", "fn"};

/// The group of each answer: that of its sample, or one of its own.
class Groups {
 public:
  Groups(const Tensor& groups, const Tensor& preds, int64_t num_groups) {
    if (groups.is_floating_point() || groups.is_complex()) {
      throw InvalidArgument(c10::str("groups: expected integers, got ", groups.scalar_type()));
    }
    const int64_t samples = preds.dim() == 0 ? 1 : preds.size(0);
    if (groups.numel() != samples && groups.sizes() != preds.sizes()) {
      throw InvalidArgument(c10::str("groups: expected one for each of ", samples, " samples, or the shape of preds ",
                                     preds.sizes(), ", got ", groups.sizes()));
    }
    groups_ = groups.to(at::kCPU, at::kLong).contiguous();
    answers_ = groups.numel() == 0 ? 1 : preds.numel() / groups.numel();
    const auto* const first = groups_.const_data_ptr<int64_t>();
    const auto* const end = first + groups_.numel();
    const auto* const bad =
        std::find_if(first, end, [num_groups](int64_t group) { return group < 0 || group >= num_groups; });
    if (bad == end) return;
    throw InvalidArgument(
        c10::str("groups: expected integers in [0, ", num_groups, "), got ", *bad, " at [", bad - first, "]"));
  }

  int64_t operator[](int64_t answer) const { return groups_.const_data_ptr<int64_t>()[answer / answers_]; }

 private:
  Tensor groups_;
  int64_t answers_ = 1;
};

/// Adds what answers weigh, 1 where nothing is given, to the counts [4, groups] of both readings.
template <class Number>
void count(const counts::ThresholdRows& rows, const Groups& groups, int64_t num_groups,
           counts::kernels::Ignored ignored, const Number* of_samples, Number* sums, counts::kernels::Flags& flags) {
  using namespace counts::kernels;
  const Questions& q = rows.questions();
  const int64_t size = q.samples * q.labels * q.positions, positions = size / std::max<int64_t>(1, q.samples);
  Number* const as_probability = sums;
  Number* const as_logit = sums + counts::kCells * num_groups;
  with_predictions(q, [&]<class Reader>(const Reader& reader) {
    using Of = typename Reader::Number;
    const Prediction<Of> prediction(rows.cutoffs());
    std::array<int32_t, kBlock> codes;
    std::array<Of, kBlock> buffer;
    for (int64_t begin = 0; begin < size; begin += kBlock) {
      const int64_t block = std::min(kBlock, size - begin);
      const bool usual = encode(q.target, begin, block, ignored, codes.data());
      const auto predictions = reader.read(begin, block, buffer.data());
      inspect(predictions.numbers, codes.data(), block, usual && predictions.usual, flags);
      for (int64_t i = 0; i < block; ++i) {
        const int32_t code = codes[static_cast<std::size_t>(i)];
        if (code >= kIgnored) continue;
        const int32_t above = prediction.packed(predictions.numbers[i], -(code & kYes));
        const auto cell = [code](int32_t predicted) {
          return code == kYes ? (predicted ? counts::TruePositive : counts::FalseNegative)
                              : (predicted ? counts::FalsePositive : counts::TrueNegative);
        };
        const int64_t group = groups[begin + i];
        const Number weight = of_samples == nullptr ? Number{1} : of_samples[(begin + i) / positions];
        as_probability[cell(above >> kAsProbability & 1) * num_groups + group] += weight;
        as_logit[cell(above >> kAsLogit & 1) * num_groups + group] += weight;
      }
    }
  });
}

template <class Sum>
void fold(States& states, ScoreInput input, std::span<const Sum> sums, bool outside) {
  const auto as_probability = sums.first(sums.size() / 2), as_logit = sums.subspan(sums.size() / 2);
  counts::add_to(states.at(0), input == ScoreInput::Logits ? as_logit : as_probability);
  if (input != ScoreInput::Auto) return;
  counts::add_to(states.at(1), as_logit);
  if (outside) states.at(2).raise(at::ones({}, states.at(2).tensor().options()));
}

template <class O>
void update_counts(States& states, const O& o, const Tensor& preds, const Tensor& target, const Tensor& of_groups,
                   const std::optional<int64_t>& ignore_index, const Weights& weights) {
  const counts::ThresholdRule rule{o.threshold, ignore_index, o.validate_args};
  counts::check_binary(preds, target, rule);
  const Groups groups(of_groups, preds, o.num_groups);
  if (preds.numel() == 0) return;
  const counts::ThresholdRows rows(preds.to(at::kCPU), target.to(at::kCPU), rule, 1);
  counts::kernels::Flags flags;
  const int64_t size = 2 * counts::kCells * o.num_groups;
  const auto add = [&]<class Number>(Number* sums, const Number* of_samples) {
    count(rows, groups, o.num_groups, counts::kernels::Ignored(ignore_index), of_samples, sums, flags);
  };
  const auto take = [&](auto sums) {
    if (o.validate_args && flags.invalid != 0) counts::throw_bad_label(preds, target, rule);
    fold(states, o.input, sums, flags.outside != 0);
  };
  if (weights.given()) return counts::counted(weights, size, preds.numel(), add, take);
  std::vector<int64_t> sums(static_cast<std::size_t>(size));
  add(sums.data(), static_cast<const int64_t*>(nullptr));
  take(std::span<const int64_t>(sums));
}

/// The counts of the reading that applies, as numbers: [4, groups].
struct Counted {
  Tensor counts;
  int64_t groups;

  Counted(const States& states, ScoreInput input)
      : counts(reading_that_applies(states, input).tensor().to(at::kCPU, at::kDouble).contiguous()),
        groups(counts.size(1)) {}
  double of(counts::Cell cell, int64_t group) const { return counts.const_data_ptr<double>()[cell * groups + group]; }
};

/// The ratio of the least rate to the greatest, under a name that says which groups have them; the first of equal ones.
template <class Rate>
std::pair<std::string, double> worst_to_best(const std::string& name, int64_t groups, const Rate& rate) {
  int64_t worst = 0, best = 0;
  for (int64_t group = 1; group < groups; ++group) {
    if (rate(group) < rate(worst)) worst = group;
    if (rate(group) > rate(best)) best = group;
  }
  return {name + "_" + std::to_string(worst) + "_" + std::to_string(best), families::ratio(rate(worst), rate(best))};
}

/// As many groups as occur in rows that count.
int64_t occurring(const Tensor& groups, const Rows& rows) {
  Tensor taken = groups.reshape({-1});
  const auto take = [&](const Tensor& which) {
    if (which.dim() == 1 && which.size(0) == taken.size(0)) taken = taken.masked_select(which.to(taken.device()));
  };
  if (rows.weights && rows.valid && rows.weights->sizes() == rows.valid->sizes()) {
    take(rows.valid->to(at::kBool).logical_and(*rows.weights != 0));
  } else if (rows.valid) {
    take(rows.valid->to(at::kBool));
  } else if (rows.weights) {
    take(*rows.weights != 0);
  }
  return std::max<int64_t>(1, std::get<0>(at::_unique(taken)).numel());
}

template <class O>
BinaryFairnessOptions with_groups(const O& o, FairnessTask task, int64_t num_groups) {
  return {.num_groups = num_groups,
          .task = task,
          .threshold = o.threshold,
          .ignore_index = o.ignore_index,
          .validate_args = o.validate_args,
          .input = o.input};
}

}  // namespace
}  // namespace classification::groups

using namespace classification;
using namespace classification::groups;

template <class O>
void GroupCounts<O>::check(const O& o) {
  check_at_least("num_groups", o.num_groups, 1);
  if (o.validate_args) check_threshold(o.threshold);
}

template <class O>
void GroupCounts<O>::declare(States& states, const O& o) {
  declare_readings(states, kNames, Reduction::Sum, at::zeros({counts::kCells, o.num_groups}, at::kLong), o.input);
}

template <class O>
void GroupCounts<O>::complete_from_torchmetrics(States& states, const O& o) {
  require_counts(states.at(0));
  TwoReadings::complete_from_torchmetrics(states, o);
}

template struct GroupCounts<BinaryGroupStatRatesOptions>;
template struct GroupCounts<BinaryFairnessOptions>;

void scores::GroupStatRates::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                    const Tensor& groups, const Weights& weights) {
  update_counts(states, o, preds, target, groups, o.ignore_index, weights);
}

std::string scores::GroupStatRates::update_key(const Options& o) {
  return "counts of groups: " + describe_options(o);
}

std::map<std::string, Tensor> scores::GroupStatRates::finalise(const States& states, const Options& o) {
  const Counted counted(states, o.input);
  const Tensor answers = counted.counts.sum(0);
  std::map<std::string, Tensor> rates;
  for (int64_t group = 0; group < counted.groups; ++group) {
    rates["group_" + std::to_string(group)] =
        (counted.counts.select(1, group) / answers.select(0, group)).to(states.device());
  }
  return rates;
}

void scores::Fairness::update(States& states, const Options& o, const Tensor& preds,
                              const std::optional<Tensor>& target, const Tensor& groups, const Weights& weights) {
  if (o.task != FairnessTask::DemographicParity) {
    if (!target) throw InvalidArgument("target: expected labels, because `task` is not demographic_parity, got none");
    return update_counts(states, o, preds, *target, groups, o.ignore_index, weights);
  }
  if (target) warn("BinaryFairness: the task demographic_parity needs no target; it is not looked at");
  update_counts(states, o, preds, at::zeros_like(preds, at::kLong), groups, std::nullopt, weights);
}

std::string scores::Fairness::update_key(const Options& o) {
  if (o.task == FairnessTask::DemographicParity) return "counts of groups without targets: " + describe_options(o);
  return "counts of groups: " + describe_options(subset<BinaryGroupStatRatesOptions>(o));
}

std::map<std::string, Tensor> scores::Fairness::finalise(const States& states, const Options& o) {
  const Counted c(states, o.input);
  std::map<std::string, Tensor> ratios;
  const auto put = [&](const std::pair<std::string, double>& ratio) {
    ratios[ratio.first] = families::tensor_of(ratio.second).to(states.device());
  };
  if (o.task != FairnessTask::EqualOpportunity) {
    put(worst_to_best("DP", c.groups, [&](int64_t g) {
      const double positive = c.of(counts::TruePositive, g) + c.of(counts::FalsePositive, g);
      return families::ratio(positive, positive + c.of(counts::TrueNegative, g) + c.of(counts::FalseNegative, g));
    }));
  }
  if (o.task != FairnessTask::DemographicParity) {
    put(worst_to_best("EO", c.groups, [&](int64_t g) {
      const double positive = c.of(counts::TruePositive, g);
      return families::ratio(positive, positive + c.of(counts::FalseNegative, g));
    }));
  }
  return ratios;
}

std::map<std::string, Tensor> scores::Fairness::functional_value(const Tensor& preds,
                                                                 const std::optional<Tensor>& target,
                                                                 const Tensor& groups,
                                                                 const BinaryFairnessFunctionalOptions& o,
                                                                 const Rows& rows) {
  return BinaryFairness::value_of(with_groups(o, o.task, occurring(groups, rows)), {preds, target, groups}, rows);
}

METRICS_DEFINE_CLASS(BinaryGroupStatRates);
METRICS_DEFINE_CLASS(BinaryFairness);

std::map<std::string, Tensor> functional::demographic_parity(const Tensor& preds, const Tensor& groups,
                                                             const BinaryGroupOptions& o) {
  return BinaryFairness::value_of(with_groups(o, FairnessTask::DemographicParity, occurring(groups, {})),
                                  {preds, std::nullopt, groups});
}

std::map<std::string, Tensor> functional::equal_opportunity(const Tensor& preds, const Tensor& target,
                                                            const Tensor& groups, const BinaryGroupOptions& o) {
  return BinaryFairness::value_of(with_groups(o, FairnessTask::EqualOpportunity, occurring(groups, {})),
                                  {preds, target, groups});
}

}  // namespace metrics
