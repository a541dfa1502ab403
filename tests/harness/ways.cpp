#include "ways.h"

#include "core/failing_write.h"
#include "roundings.h"
#include "states_text.h"
#include <metrics/collections/tracker.h>
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/unit.h>
#include <metrics/core/warning.h>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

namespace metrics::testing {
namespace {

using at::Tensor;
using c10::IValue;

/// Collects the warnings of its scope, which a test's output is better without.
class Warnings {
 public:
  Warnings() : previous_(set_warning_handler([this](const std::string& message) { messages_.push_back(message); })) {}
  ~Warnings() { set_warning_handler(previous_); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  const std::vector<std::string>& messages() const { return messages_; }

 private:
  std::vector<std::string> messages_;
  WarningHandler previous_;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string at_step(const std::string& step, const std::string& what) {
  return what.empty() ? "" : step + ": " + what;
}

std::string final_difference(Metric& metric, const Case& c) {
  return difference(metric.compute(), expected_final(c), c.tolerance);
}

std::string count_difference(const Metric& metric, std::size_t expected) {
  if (metric.update_count() == static_cast<int64_t>(expected)) return "";
  return "update_count is " + std::to_string(metric.update_count()) + ", expected " + std::to_string(expected);
}

/// The first that is not empty.
std::string first_of(std::initializer_list<std::string> found) {
  for (const auto& text : found)
    if (!text.empty()) return text;
  return "";
}

/// The metric of that name, a tracker in its first step.
std::unique_ptr<Metric> made(const std::string& metric, const Options& options, const MetricOptions& common = {}) {
  auto found = create(metric, options, common);
  if (auto* tracker = dynamic_cast<MetricTracker*>(found.get())) tracker->increment();
  return found;
}

/// Whether the case is of a functional that belongs to no class.
bool is_call(const Case& c) {
  return c.metric.empty();
}
bool always(const Case& c) {
  return !is_call(c);
}
bool has_whole(const Case& c) {
  return whole_of(c).has_value();
}
bool has_row_batches(const Case& c) {
  return !is_call(c) && batches_with_rows(c).has_value();
}

// ---- one process, one metric ----------------------------------------------------------------------------------------

bool has_call(const Case& c) {
  return !c.functional.empty() && (c.functional_call || has_whole(c));
}

/// What the functional is called with for all batches together.
Kwargs functional_arguments(const Case& c) {
  if (c.functional_call) return *c.functional_call;
  Kwargs kwargs = inputs_of(*whole_of(c));
  const auto weights = rows_with(*whole_of(c)).weights;
  const auto& taken = c.functional_inputs;
  if (!taken.empty())
    std::erase_if(kwargs,
                  [&](const auto& input) { return std::find(taken.begin(), taken.end(), input.first) == taken.end(); });
  if (weights) kwargs.emplace("sample_weight", *weights);
  kwargs.insert(c.functional_options.begin(), c.functional_options.end());
  return kwargs;
}

std::string functional(const Case& c) {
  const IValue value = call(c.functional, {}, functional_arguments(c));
  return difference(value, c.functional_value ? *c.functional_value : expected_final(c), c.tolerance);
}

std::string one_update(const Case& c) {
  const auto metric = created(c);
  testing::update(*metric, *whole_of(c));
  return first_of({final_difference(*metric, c), count_difference(*metric, 1)});
}

std::string updates(const Case& c) {
  const Warnings warnings;
  const auto metric = created(c);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    const Batch given = copied(c.batches[i]);
    testing::update(*metric, given, valid_of(c, i));
    for (const auto& [name, input] : c.batches[i])
      if (bits(given.at(name)) != bits(input)) return "update has written to the input " + name;
  }
  const bool warned = std::any_of(warnings.messages().begin(), warnings.messages().end(),
                                  [](const auto& message) { return lower(message).find("nan") != std::string::npos; });
  if (c.warns && *c.warns != warned) return warned ? "an update warned of NaN" : "no update warned of NaN";
  return first_of({final_difference(*metric, c), at_step("again", final_difference(*metric, c)),
                   count_difference(*metric, c.batches.size())});
}

/// The names of a metric's inputs in order; those of the first metric that it is made of, where it has none itself.
std::vector<std::string_view> input_names(Metric& metric) {
  std::vector<std::string_view> names;
  for (const std::string_view name : {metric.name(), metric.units().front()->name()}) {
    const auto* entry = find_metric(name);
    if (!entry) throw Error(std::string(name) + " is not registered");
    if (!names.empty()) break;
    for (const auto& input : entry->inputs) names.push_back(input.name);
  }
  return names;
}

/// The inputs by position, as far as they come without a gap.
std::string positional(const Case& c) {
  const auto metric = created(c);
  const auto inputs = input_names(*metric);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    const Kwargs given = inputs_of(c.batches[i]);
    Args args;
    for (const auto& input : inputs) {
      const auto found = given.find(input);
      if (found == given.end()) break;
      args.push_back(found->second);
    }
    if (args.size() != given.size()) return "an input before a given one is missing";
    metric->update(args, {}, rows_with(c.batches[i], valid_of(c, i)));
  }
  return final_difference(*metric, c);
}

std::string computes_between(const Case& c) {
  const Warnings warnings;
  const auto metric = created(c);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    update(*metric, c, i, i + 1);
    const auto alone = created(c);
    update(*alone, c, 0, i + 1);
    const auto found = difference(metric->compute(), alone->compute(), {.rtol = 0, .atol = 0});
    if (!found.empty()) return at_step("after batch " + std::to_string(i), found);
  }
  return final_difference(*metric, c);
}

std::string forward(const Case& c) {
  const auto metric = created(c);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    const auto alone = created(c);
    update(*alone, c, i, i + 1);
    const IValue expected = c.forward.empty() ? alone->compute() : c.forward[i];
    const IValue got = testing::forward(*metric, c.batches[i], valid_of(c, i));
    const auto found = first_of({difference(got, expected, c.tolerance),
                                 at_step("beside an update", difference(got, alone->compute(), c.tolerance))});
    if (!found.empty()) return at_step("batch " + std::to_string(i), found);
  }
  return first_of({final_difference(*metric, c), count_difference(*metric, c.batches.size())});
}

std::string reset(const Case& c) {
  const Warnings warnings;
  const auto metric = created(c);
  update(*metric, c, 0, c.batches.size());
  metric->compute();
  metric->reset();
  const auto fresh = created(c);
  const auto nothing =
      first_of({count_difference(*metric, 0),
                at_step("after reset", difference(metric->compute(), fresh->compute(), {.rtol = 0, .atol = 0}))});
  update(*metric, c, 0, c.batches.size());
  return first_of({nothing, final_difference(*metric, c), count_difference(*metric, c.batches.size())});
}

std::string clone(const Case& c) {
  const Warnings warnings;
  const std::size_t half = c.batches.size() / 2;
  const auto metric = created(c);
  update(*metric, c, 0, half);
  const auto twin = metric->clone();
  update(*metric, c, half, c.batches.size());
  const auto reference = created(c);
  update(*reference, c, 0, half);
  return first_of(
      {final_difference(*metric, c),
       at_step("the clone, left alone", difference(twin->compute(), reference->compute(), {.rtol = 0, .atol = 0})),
       [&] {
         update(*twin, c, half, c.batches.size());
         return at_step("the clone", final_difference(*twin, c));
       }()});
}

std::string saved_half_way(const Case& c) {
  const Warnings warnings;
  const std::size_t half = c.batches.size() / 2;
  const auto metric = created(c);
  update(*metric, c, 0, half);
  if (!metric->state_dict("m.").states.empty()) return "a metric that is not persistent saves states";
  metric->persistent(true);
  const StateDict saved = metric->state_dict("m.");
  if (saved.states.empty()) return "a persistent metric saves nothing";
  const auto loaded = created(c);
  loaded->persistent(true);
  update(*loaded, c, 0, c.batches.size());
  loaded->compute();
  loaded->load_state_dict(saved, "m.");
  const auto half_value = difference(loaded->compute(), metric->compute(), {.rtol = 0, .atol = 0});
  update(*metric, c, half, c.batches.size());
  const auto counted = count_difference(*loaded, half);
  update(*loaded, c, half, c.batches.size());
  return first_of({at_step("half-way", half_value), at_step("half-way", counted), final_difference(*loaded, c),
                   count_difference(*loaded, c.batches.size()),
                   at_step("the saved one", final_difference(*metric, c))});
}

// ---- merges ---------------------------------------------------------------------------------------------------------

std::string merge_two(const Case& c) {
  for (std::size_t cut = 0; cut <= c.batches.size(); ++cut) {
    const auto left = created(c);
    const auto right = created(c);
    update(*left, c, 0, cut);
    update(*right, c, cut, c.batches.size());
    const std::string before = right->state_dict().states.empty() ? "" : "a metric that is not persistent saves states";
    const std::string theirs = kept_states_of(*right);
    left->merge(*right);
    const std::string value = final_difference(*left, c);
    const std::string count = count_difference(*left, c.batches.size());
    update(*left, c, 0, cut);
    const std::string changed = kept_states_of(*right) == theirs ? "" : "its states have changed";
    const auto found = first_of({before, value, count, at_step("the other side", changed)});
    if (!found.empty()) return at_step("cut after " + std::to_string(cut), found);
  }
  return "";
}

std::string merge_three(const Case& c) {
  const std::size_t cut = (c.batches.size() + 1) / 2;
  for (const int empty : {0, 1, 2}) {
    for (const bool right_first : {false, true}) {
      std::array<std::unique_ptr<Metric>, 3> shards{created(c), created(c), created(c)};
      update(*shards[empty == 0 ? 1 : 0], c, 0, cut);
      update(*shards[empty == 2 ? 1 : 2], c, cut, c.batches.size());
      if (right_first) {
        shards[1]->merge(*shards[2]);
        shards[0]->merge(*shards[1]);
      } else {
        shards[0]->merge(*shards[1]);
        shards[0]->merge(*shards[2]);
      }
      const auto found = first_of({final_difference(*shards[0], c), count_difference(*shards[0], c.batches.size())});
      if (!found.empty()) return at_step("shard " + std::to_string(empty) + " empty", found);
    }
  }
  return "";
}

// ---- other rows -----------------------------------------------------------------------------------------------------

std::string permuted(const Case& c) {
  const auto metric = created(c);
  const IValue expected = expected_final(c);
  const auto batches = *batches_with_rows(c);
  const auto whole = whole_of(c);
  if (!whole) {
    for (const auto& batch : batches) testing::update(*metric, taken(batch, permutation(testing::rows_of(batch))));
    return difference(metric->compute(), expected, c.tolerance);
  }
  const Tensor order = permutation(testing::rows_of(*whole));
  std::vector<int64_t> sizes;
  for (const auto& batch : batches) sizes.push_back(testing::rows_of(batch));
  for (const auto& batch : split(taken(*whole, order), sizes)) testing::update(*metric, batch);
  if (!c.rows_permute) return difference(metric->compute(), expected, c.tolerance);
  // Where rows are dropped (NaN), only the bag of those that stay can be compared.
  const auto tensors = tensors_of(expected);
  const bool all_rows = std::all_of(tensors.begin(), tensors.end(),
                                    [&](const Tensor& t) { return t.dim() > 0 && t.size(0) == order.size(0); });
  if (all_rows) return difference(metric->compute(), with_rows(expected, order), c.tolerance);
  return difference(sorted_rows(metric->compute()), sorted_rows(expected), c.tolerance);
}

std::string garbage(const Case& c) {
  const auto batches = *batches_with_rows(c);
  const auto metric = created(c);
  const auto nothing = created(c);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const auto padded = with_garbage(batches[i]);
    const auto alone = created(c);
    const auto found = difference(testing::forward(*metric, padded.batch, padded.valid),
                                  testing::forward(*alone, batches[i]), c.tolerance);
    if (!found.empty()) return at_step("batch " + std::to_string(i), found);
  }
  const auto padded = with_garbage(batches.front());
  testing::update(*metric, padded.batch, at::zeros_like(padded.valid));
  return final_difference(*metric, c);
}

std::string empty_batches(const Case& c) {
  const auto batches = *batches_with_rows(c);
  const Batch empty = split(batches.front(), {0}).front();
  const auto metric = created(c);
  testing::update(*metric, empty);
  for (const auto& batch : batches) {
    testing::update(*metric, batch);
    testing::update(*metric, empty);
  }
  return final_difference(*metric, c);
}

std::string row_by_row(const Case& c) {
  const auto metric = created(c);
  for (const auto& batch : largest_with_rows(c))
    for (const auto& row : split(batch, std::vector<int64_t>(static_cast<std::size_t>(testing::rows_of(batch)), 1)))
      testing::update(*metric, row);
  return final_difference(*metric, c);
}

// ---- weights of rows ------------------------------------------------------------------------------------------------

/// Whether a row would have to be another sample where it is there again, and have an id of its own.
bool repeats_ids(const Batch& batch) {
  return has_queries(batch) && batch.contains(ids_name);
}

bool takes_integer_weights(const Case& c) {
  return has_row_batches(c) && !has_weights(c) && taken_weights(c) != RowWeights::None &&
         std::none_of(c.batches.begin(), c.batches.end(), repeats_ids);
}

bool takes_weights(const Case& c) {
  return takes_integer_weights(c) && taken_weights(c) == RowWeights::Any;
}

/// The batches of a case in rows that can weigh.
std::vector<Batch> weighable_batches(const Case& c) {
  auto batches = *batches_with_rows(c);
  for (Batch& batch : batches) {
    if (has_queries(batch)) batch = with_a_document_each(batch);
  }
  return batches;
}

/// The same where some batches have weights and others none: then no query has documents in two of them.
std::vector<Batch> separate(std::vector<Batch> batches) {
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (has_queries(batches[i])) batches[i] = of_other_queries(batches[i], 3 * static_cast<int64_t>(i));
  }
  return batches;
}

/// 1, 2, 3, 1, … for the rows of a batch, or for its queries.
Tensor small_weights(const Batch& batch) {
  if (has_queries(batch)) return batch.at("indexes").toTensor().remainder(3) + 1;
  return at::arange(testing::rows_of(batch), at::TensorOptions(at::kLong)).remainder(3) + 1;
}

/// Each row as often as it weighs, and each query.
Batch repeated(const Batch& batch, const Tensor& weights) {
  if (!has_queries(batch)) return taken(batch, at::repeat_interleave(weights));
  std::vector<Batch> copies;
  for (int64_t copy = 0; copy < 3; ++copy) copies.push_back(of_other_queries(kept(batch, weights > copy), copy));
  return *joined(copies);
}

/// A value whose numbers are all floating ones: counts of weighted rows are.
IValue as_floats(const IValue& value) {
  return with_tensors(value, [](const Tensor& tensor) { return tensor.to(at::kDouble); });
}

constexpr Tolerance same_bits{.rtol = 0, .atol = 0};

/// The value over batches that are made of the case's.
template <class Make>
IValue value_over(const std::vector<Batch>& batches, const Case& c, const Make& make) {
  const auto metric = created(c);
  for (std::size_t i = 0; i < batches.size(); ++i) testing::update(*metric, make(i));
  return metric->compute();
}

/// Weights of 1, weights of 0, and rows that weigh k beside rows that are there k times.
std::string integer_weights(const Case& c) {
  const auto batches = weighable_batches(c);
  const auto apart = separate(batches);
  const auto value = [&](const auto& make) { return value_over(batches, c, make); };
  const auto plain = value([&](std::size_t i) { return batches[i]; });
  const auto all_1 =
      value([&](std::size_t i) { return weighted(batches[i], at::ones_like(small_weights(batches[i]))); });
  const auto with_0 = value([&](std::size_t i) {
    const auto padded = with_garbage(batches[i]);
    return weighted(padded.batch, padded.valid);
  });
  const auto repeats = value([&](std::size_t i) { return repeated(batches[i], small_weights(batches[i])); });
  const auto weighs = value([&](std::size_t i) { return weighted(batches[i], small_weights(batches[i])); });
  const auto late_repeats =
      value([&](std::size_t i) { return i == 0 ? apart[i] : repeated(apart[i], small_weights(apart[i])); });
  const auto late_weighs =
      value([&](std::size_t i) { return i == 0 ? apart[i] : weighted(apart[i], small_weights(apart[i])); });
  return first_of({at_step("weights of 1", difference(all_1, plain, same_bits)),
                   at_step("rows of weight 0", difference(with_0, plain, same_bits)),
                   at_step("rows of weight k", difference(weighs, repeats, c.tolerance)),
                   at_step("weights from the second batch on", difference(late_weighs, late_repeats, c.tolerance))});
}

/// The same by floating weights; halves of them; in one merged side alone, and through a state dict.
std::string floating_weights(const Case& c) {
  const auto batches = weighable_batches(c);
  const auto apart = separate(batches);
  const auto value = [&](const auto& make) { return as_floats(value_over(batches, c, make)); };
  const auto floats = [&](std::size_t i) { return weighted(batches[i], small_weights(batches[i]).to(at::kFloat)); };
  const auto halves = [&](std::size_t i) { return weighted(apart[i], small_weights(apart[i]).to(at::kDouble) / 2); };
  const auto plain = value([&](std::size_t i) { return batches[i]; });
  const auto all_1 =
      value([&](std::size_t i) { return weighted(batches[i], at::ones({testing::rows_of(batches[i])})); });
  const auto repeats = value([&](std::size_t i) { return repeated(batches[i], small_weights(batches[i])); });
  const auto weighs = value(floats);
  // Weights in the last batch alone: in one metric, merged from either side, and after a state dict half-way.
  const auto last = [&](std::size_t i) { return i + 1 == batches.size() ? halves(i) : apart[i]; };
  const auto late = value(last);
  const auto left = created(c), right = created(c), loaded = created(c);
  const bool merges = !c.excludes.contains("merge of two");
  for (std::size_t i = 0; i + 1 < batches.size(); ++i) testing::update(*left, apart[i]);
  testing::update(*right, last(batches.size() - 1));
  const auto merged = left->clone(), merged_back = right->clone();
  if (merges) merged->merge(*right);
  if (merges) merged_back->merge(*left);
  for (const auto& saved : {left.get(), right.get()}) saved->persistent(true);
  loaded->load_state_dict(right->state_dict("m."), "m.");
  const auto reloaded = as_floats(loaded->compute());
  return first_of({at_step("weights of 1", difference(all_1, plain, same_bits)),
                   at_step("rows of weight k", difference(weighs, repeats, c.tolerance)),
                   at_step("merged", merges ? difference(as_floats(merged->compute()), late, c.tolerance) : ""),
                   at_step("merged the other way",
                           merges ? difference(as_floats(merged_back->compute()), late, c.tolerance) : ""),
                   at_step("saved", difference(reloaded, as_floats(right->compute()), same_bits))});
}

/// Whether the value is a sum or a count itself, which grows with the weights, or depends on how many rows there are.
/// docs/weights.md lists these.
bool is_of_totals(const Case& c) {
  const auto metric = created(c);
  for (const Unit* unit : metric->units()) {
    const std::string text = unit->to_string();
    const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    const bool counts = has("StatScores(") || (has("ConfusionMatrix(") && has("normalize='none'"));
    const bool adjusted = has("R2Score(") && !has("adjusted=0");
    // Its variances are those of a sample, divided by one row less.
    const bool of_sample = has("ConcordanceCorrCoef(");
    // Where all of one side are alike, Matthews' correlation is torchmetrics' limit, which is no ratio.
    const bool limit = has("MatthewsCorrCoef(");
    const bool of_rows = has("Divergence(") || has("CosineSimilarity(");
    if (of_rows && has("reduction='sum'")) return true;
    const bool sums = has("SumMetric(") || has("RunningSum(") || has("MinkowskiDistance(");
    if (limit || counts || adjusted || of_sample || sums) return true;
  }
  return false;
}

/// Whether a point of a curve is chosen by comparing rates: which of two that tie is the greater depends on how sums of
/// weights are rounded.
bool chooses_a_point(const Case& c) {
  for (const std::string_view part : {"EER", "AtFixed", "SensitivityAtSpecificity", "SpecificityAtSensitivity"}) {
    if (c.metric.find(part) != std::string::npos) return true;
  }
  return false;
}

/// Weights say how much rows count beside one another.
std::string scaled_weights(const Case& c) {
  if (is_of_totals(c)) return "";
  const auto batches = weighable_batches(c);
  const auto scaled_by = [&](double scale) {
    return as_floats(value_over(batches, c, [&](std::size_t i) {
      return weighted(batches[i], small_weights(batches[i]).to(at::kDouble) * scale);
    }));
  };
  return difference(scaled_by(chooses_a_point(c) ? 0.25 : 0.37), scaled_by(1), c.tolerance);
}

/// Whether what is kept does not grow with the rows, and the value is that of the same rows again.
bool keeps_sums(const Case& c) {
  if (!takes_weights(c) || is_of_totals(c)) return false;
  for (const char* law : {"scaled weights", "merge of two", "float64"}) {
    if (c.excludes.contains(law)) return false;
  }
  // Of one row some values are not defined, and sums of the greatest numbers leave float64.
  int64_t rows = 0;
  double greatest = 0;
  for (const Batch& batch : weighable_batches(c)) {
    rows += testing::rows_of(batch);
    for (const auto& [name, input] : batch) {
      if (!input.isTensor() || !input.toTensor().is_floating_point() || input.toTensor().numel() == 0) continue;
      greatest = std::max(greatest, input.toTensor().nan_to_num(0, 0, 0).abs().max().item<double>());
    }
  }
  if (rows < 2 || greatest > 1e100) return false;
  const auto metric = created(c);
  const std::vector<Unit*> units = metric->units();
  return std::all_of(units.begin(), units.end(), [](Unit* unit) {
    const States& states = unit->states();
    return std::none_of(states.begin(), states.end(), [](const State& state) { return state.grows(); });
  });
}

/// As many rows as no loop could count, by merging what was merged: counters near 2^50, in float64.
std::string many_rows(const Case& c) {
  const int64_t many = (int64_t{1} << 40) + (chooses_a_point(c) ? 0 : 1234567891);
  const auto batches = weighable_batches(c);
  for (const bool weighs : {false, true}) {
    const auto once = created(c);
    once->set_dtype(at::kDouble);
    for (const Batch& batch : batches) {
      const Tensor weights = small_weights(batch).to(at::kDouble) / 2;
      testing::update(*once, weighs ? weighted(batch, weights) : batch);
    }
    const auto all = created(c), power = once->clone();
    all->set_dtype(at::kDouble);
    for (int64_t left = many; left > 0; left /= 2) {
      if (left % 2 == 1) all->merge(*power);
      power->merge(*power->clone());
    }
    const auto found = difference(as_floats(all->compute()), as_floats(once->compute()), {.rtol = 1e-9, .atol = 1e-10});
    if (!found.empty()) return at_step(weighs ? "rows that weigh" : "rows", found);
  }
  return "";
}

// ---- other tensors --------------------------------------------------------------------------------------------------

/// Every second element of twice as many.
Tensor spread(const Tensor& tensor) {
  return at::stack({tensor, tensor}, -1).select(-1, 0);
}

/// Dimension 1 innermost in memory, and rows that do not follow one another.
Tensor channels_last(const Tensor& tensor) {
  if (tensor.dim() < 3) return spread(tensor);
  const Tensor longer = at::cat({tensor, tensor}, -1).movedim(1, -1).contiguous().movedim(-1, 1);
  return longer.narrow(-1, 0, tensor.size(-1));
}

std::string strided(const Case& c) {
  for (const auto layout : {spread, channels_last}) {
    const auto metric = created(c);
    for (std::size_t i = 0; i < c.batches.size(); ++i) {
      testing::update(*metric, with_tensors(c.batches[i], layout), valid_of(c, i));
    }
    const auto found = final_difference(*metric, c);
    if (!found.empty()) return at_step(layout == spread ? "every second element" : "channels last", found);
  }
  return "";
}

/// A call in other forms of its arguments: by position, in memory of other layouts, and in inference mode. Its inputs
/// stay as they are.
std::string call_forms(const Case& c) {
  const auto* entry = find_functional(c.functional);
  if (entry == nullptr) return c.functional + " is not registered";
  const Kwargs& given = *c.functional_call;
  const auto unlike = [&](const IValue& got) { return difference(got, *c.functional_value, c.tolerance); };
  Args args;
  Kwargs others = given;
  for (const auto& input : entry->inputs) {
    const auto found = others.find(input.name);
    if (found == others.end()) break;
    args.push_back(found->second);
    others.erase(found);
  }
  std::string found = at_step("by position", unlike(call(c.functional, args, others)));
  const Kwargs laid_out = with_tensors(given, spread);
  found = first_of({found, at_step("every second element", unlike(call(c.functional, {}, laid_out)))});
  for (const auto& [name, input] : given)
    if (bits(laid_out.at(name)) != bits(input)) return "the call has written to the input " + name;
  const c10::InferenceMode on;
  return first_of({found, at_step("inference mode", unlike(call(c.functional, {}, given)))});
}

std::string half(const Case& c) {
  for (const auto dtype : {at::kHalf, at::kBFloat16}) {
    const auto metric = created(c);
    const auto reference = created(c);
    for (std::size_t i = 0; i < c.batches.size(); ++i) {
      const Batch rounded = with_dtype(c.batches[i], dtype);
      testing::update(*metric, rounded, valid_of(c, i));
      testing::update(*reference, with_dtype(rounded, at::kFloat), valid_of(c, i));
    }
    const auto found = difference(metric->compute(), reference->compute(), c.tolerance);
    if (!found.empty()) return at_step(c10::toString(dtype), found);
  }
  return "";
}

bool has_float_inputs(const Case& c) {
  return std::any_of(c.batches.begin(), c.batches.end(), has_floats);
}

/// In float64 alone: nothing passes through float32 on the way.
std::string float64(const Case& c) {
  const auto metric = created(c);
  metric->set_dtype(at::kDouble);
  const Roundings roundings;
  for (std::size_t i = 0; i < c.batches.size(); ++i)
    testing::update(*metric, with_dtype(c.batches[i], at::kDouble), valid_of(c, i));
  const IValue value = metric->compute();
  return first_of({roundings.found(), difference(value, with_dtype(expected_final(c), at::kDouble), c.tolerance)});
}

std::string inference_mode(const Case& c) {
  const auto metric = [&] {
    const c10::InferenceMode on;
    auto made = created(c);
    update(*made, c, 0, c.batches.size() / 2);
    return made;
  }();
  update(*metric, c, c.batches.size() / 2, c.batches.size());
  return final_difference(*metric, c);
}

/// The value of a batch as one number.
Tensor total(const IValue& value) {
  Tensor sum = at::scalar_tensor(0.0, at::TensorOptions().dtype(at::kDouble));
  for (const Tensor& tensor : tensors_of(value))
    if (tensor.is_floating_point()) sum = sum.add(tensor.sum(at::kDouble));
  return sum;
}

bool is_differentiable(const Case& c) {
  return has_float_inputs(c) && created(c)->traits().is_differentiable;
}

/// Compares the gradient that `forward` carries with central differences, and looks for graphs where there must be
/// none.
std::string gradients(const Case& c) {
  constexpr double step = 1e-5;
  const auto fresh = [&] {
    auto metric = created(c);
    metric->set_dtype(at::kDouble);
    return metric;
  };
  const Batch batch = with_dtype(c.batches.front(), at::kDouble);
  for (const auto& [name, input] : batch) {
    if (!input.isTensor() || !input.toTensor().is_floating_point() || name == weights_name) continue;
    Batch leaf = batch;
    Tensor differentiated = input.toTensor().detach().clone().set_requires_grad(true);
    leaf.insert_or_assign(name, differentiated);
    const auto metric = fresh();
    const Roundings roundings;
    const Tensor value = total(testing::forward(*metric, leaf, valid_of(c, 0)));
    if (!roundings.found().empty()) return roundings.found();
    if (!value.requires_grad()) return "forward carries no gradient of " + name;
    value.backward();
    testing::update(*metric, leaf, valid_of(c, 0));
    if (total(metric->compute()).requires_grad()) return "compute carries a graph";
    for (const auto& state : metric->units().front()->states())
      if (state.tensor().defined() && state.tensor().requires_grad())
        return "the state " + state.name() + " keeps a graph";
    const Tensor gradient = differentiated.grad().reshape({-1});
    for (int64_t i = 0; i < std::min<int64_t>(gradient.numel(), 16); ++i) {
      const auto moved = [&](double by) {
        Batch other = batch;
        const Tensor shifted = input.toTensor().clone();
        shifted.view({-1}).select(0, i).add_(by);
        other.insert_or_assign(name, shifted);
        return total(testing::forward(*fresh(), other, valid_of(c, 0)));
      };
      const Tensor slope = moved(step).sub(moved(-step)).div(2 * step);
      const auto found = difference(gradient[i], slope, {.rtol = 1e-4, .atol = 1e-6});
      if (!found.empty()) return "gradient of " + name + "[" + std::to_string(i) + "]: " + found;
    }
  }
  return "";
}

/// An update of which the n-th write to a state fails leaves everything as it was, for each n; then it is made after
/// all.
std::string failing_writes(const Case& c) {
  constexpr int64_t first = 8;  // that fail one after the other; of further ones a few do
  const auto metric = created(c);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    const std::string before = kept_states_of(*metric);
    bool done = false;
    for (int64_t n = 1; !done; n += 1 + n / first) {
      const FailingWrite failing(n);
      const auto nth = "batch " + std::to_string(i) + ", write " + std::to_string(n);
      try {
        testing::update(*metric, c.batches[i], valid_of(c, i));
        if (failing.has_come()) return at_step(nth, "the update takes no notice of its failure");
        done = true;
      } catch (const Error&) {
        if (!failing.has_come()) throw;
        if (kept_states_of(*metric) != before) return at_step(nth, "its failure leaves changed states");
      }
    }
  }
  return first_of({final_difference(*metric, c), count_difference(*metric, c.batches.size())});
}

/// Writes over the memory of a tensor, as its new owner may.
void spoil(const Tensor& tensor) {
  if (!tensor.defined() || tensor.nbytes() == 0 || !tensor.is_cpu()) return;
  std::memset(tensor.storage().mutable_data(), 0xa5, tensor.storage().nbytes());
}

void spoil(const StateValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return spoil(*tensor);
  for (const Tensor& item : std::get<std::vector<Tensor>>(value)) spoil(item);
}

/// What only reads the states leaves them as they were to the last bit, whatever is done with what it gives.
std::string reads(const Case& c) {
  const auto metric = created(c);
  for (std::size_t i = 0; i < c.batches.size(); ++i) testing::update(*metric, copied(c.batches[i]), valid_of(c, i));
  metric->persistent(true);
  const std::string before = kept_states_of(*metric);
  const auto left = [&](const std::string& by) {
    return kept_states_of(*metric) == before ? "" : by + " leaves changed states";
  };
  for (const Tensor& tensor : tensors_of(metric->compute())) spoil(tensor);
  std::string found = left("compute");
  for (const auto& [name, value] : metric->metric_state()) spoil(value);
  found = first_of({found, left("metric_state")});
  const StateDict dict = metric->state_dict();
  for (const auto& [name, value] : dict.states) spoil(value);
  for (const auto& [prefix, metadata] : dict.metadata)
    for (const auto& [key, entry] : metadata)
      if (const auto* tensor = std::get_if<Tensor>(&entry)) spoil(*tensor);
  found = first_of({found, left("state_dict")});
  const auto copy = metric->clone();
  update(*copy, c, 0, c.batches.size());
  return first_of({found, left("an update of its clone"), final_difference(*metric, c)});
}

bool has_cuda(const Case& c) {
  return !is_call(c) && at::hasCUDA();
}

std::string cuda(const Case& c) {
  const at::Device device(at::kCUDA, 0);
  const auto metric = created(c);
  metric->to(device);
  for (std::size_t i = 0; i < c.batches.size(); ++i) {
    auto valid = valid_of(c, i);
    if (valid) valid = valid->to(device);
    testing::update(*metric, on_device(c.batches[i], device), valid);
  }
  return final_difference(*metric, c);
}

constexpr auto all_ways = std::to_array<Way>({
    {"functional", has_call, functional},
    {"call forms", is_call, call_forms},
    {"one update", has_whole, one_update},
    {"updates", always, updates},
    {"positional", always, positional},
    {"computes between", always, computes_between},
    {"forward", always, forward},
    {"reset", always, reset},
    {"clone", always, clone},
    {"saved half-way", always, saved_half_way},
    {"merge of two", always, merge_two},
    {"merge of three", always, merge_three},
    {"permuted", has_row_batches, permuted},
    {"garbage", has_row_batches, garbage},
    {"empty batches", has_row_batches, empty_batches},
    {"row by row", has_row_batches, row_by_row},
    {"integer weights", takes_integer_weights, integer_weights},
    {"floating weights", takes_weights, floating_weights},
    {"scaled weights", takes_weights, scaled_weights},
    {"many rows", keeps_sums, many_rows},
    {"strided", always, strided},
    {"half", has_float_inputs, half},
    {"float64", always, float64},
    {"inference mode", always, inference_mode},
    {"failing writes", always, failing_writes},
    {"reads", always, reads},
    {"gradients", is_differentiable, gradients},
    {"cuda", has_cuda, cuda},
});

/// The class of that name, or those that a router of that name leads to.
std::vector<std::string_view> names_of(std::string_view metric) {
  std::vector<std::string_view> names{metric};
  if (const RouterEntry* router = find_router(metric)) {
    for (const auto& task : router->tasks) names.push_back(task.metric);
  }
  return names;
}

/// What is wrong with an error as the refusal of a misuse; empty when nothing is.
std::string wrong_refusal(const std::exception& error, const Misuse& misuse) {
  if (!dynamic_cast<const Error*>(&error)) return std::string("is no metrics::Error: ") + error.what();
  const std::string& subject = misuse.functional.empty() ? misuse.metric : misuse.functional;
  const std::vector<std::string_view> names = names_of(subject);
  const std::string_view message(error.what());
  const auto is_there = [&](std::string_view name) { return message.find(name) != std::string_view::npos; };
  if (std::none_of(names.begin(), names.end(), is_there))
    return "the error does not name " + subject + ": " + error.what();
  if (lower(error.what()).find(lower(misuse.contains)) != std::string::npos) return "";
  return "the error does not name '" + misuse.contains + "': " + error.what();
}

/// What is wrong with a call that has to be refused, and to leave the metric as it was.
template <class Call>
std::string unlike_refusal(Metric& metric, const Misuse& misuse, const Call& call) {
  const IValue before = metric.compute();
  const int64_t count = metric.update_count();
  try {
    call();
    return "takes it";
  } catch (const std::exception& error) {
    const auto wrong = wrong_refusal(error, misuse);
    if (!wrong.empty()) return wrong;
  }
  if (metric.update_count() != count) return "the refused call counts as an update";
  const auto found = difference(metric.compute(), before, {.rtol = 0, .atol = 0});
  return found.empty() ? "" : "the refused call has changed the metric: " + found;
}

}  // namespace

std::span<const Way> ways() {
  return all_ways;
}

std::string failure(const Way& way, const Case& c) {
  if (c.excludes.contains(way.name)) return "";
  try {
    const Warnings warnings;
    return way.applies(c) ? way.play(c) : "";
  } catch (const std::exception& error) {
    return std::string("throws ") + error.what();
  }
}

std::string failure(const Misuse& misuse) {
  const Warnings warnings;
  if (!misuse.functional.empty()) {
    try {
      call(misuse.functional, {}, misuse.functional_call);
      return "takes it";
    } catch (const std::exception& error) {
      return wrong_refusal(error, misuse);
    }
  }
  std::unique_ptr<Metric> metric;
  try {
    // Without a cache, which would hide that states have changed.
    metric = made(misuse.metric, misuse.options, {.compute_with_cache = false});
    for (std::size_t i = 0; i + 1 < misuse.batches.size(); ++i) testing::update(*metric, misuse.batches[i]);
  } catch (const std::exception& error) {
    if (!misuse.batches.empty()) return std::string("throws too early: ") + error.what();
    return wrong_refusal(error, misuse);
  }
  if (misuse.batches.empty()) return "the options are taken";
  const Batch& last = misuse.batches.back();
  const auto update_by = [&] {
    if (!misuse.at_compute) return testing::update(*metric, last);
    const auto twin = metric->clone();
    testing::update(*twin, last);
    twin->compute();
  };
  return first_of({at_step("update", unlike_refusal(*metric, misuse, update_by)),
                   at_step("forward", unlike_refusal(*metric, misuse, [&] { testing::forward(*metric, last); }))});
}

RowWeights taken_weights(const Case& c) {
  const auto metric = created(c);
  RowWeights least = RowWeights::Any;
  for (const Unit* unit : metric->units()) least = std::max(least, unit->taken_weights());
  return least;
}

bool has_weights(const Case& c) {
  return std::any_of(c.batches.begin(), c.batches.end(),
                     [](const Batch& batch) { return batch.contains(weights_name); });
}

std::optional<Batch> whole_of(const Case& c) {
  if (c.whole) return c.whole;
  const auto batches = batches_with_rows(c);
  return batches && !batches->empty() ? joined(*batches) : std::nullopt;
}

std::optional<std::vector<Batch>> batches_with_rows(const Case& c) {
  std::vector<Batch> counted;
  for (std::size_t i = 0; i < c.batches.size(); ++i)
    counted.push_back(c.valid.empty() ? c.batches[i] : kept(c.batches[i], c.valid[i]));
  if (c.whole) {
    std::vector<int64_t> sizes;
    for (const auto& batch : counted) sizes.push_back(testing::rows_of(batch));
    return split(*c.whole, sizes);
  }
  for (Batch& batch : counted) {
    if (!has_rows(batch) && !has_one_row(batch)) return std::nullopt;
    batch = as_rows(batch);
  }
  return counted;
}

std::vector<Batch> largest_with_rows(const Case& c) {
  if (auto whole = whole_of(c)) return {std::move(*whole)};
  return *batches_with_rows(c);
}

std::optional<Tensor> valid_of(const Case& c, std::size_t batch) {
  return c.valid.empty() ? std::nullopt : std::optional(c.valid[batch]);
}

IValue expected_final(const Case& c) {
  if (c.final) return *c.final;
  const auto metric = created(c, {.sync_on_compute = false});
  update(*metric, c, 0, c.batches.size());
  return metric->compute();
}

std::unique_ptr<Metric> created(const Case& c, const MetricOptions& common) {
  return made(c.metric, c.options, common);
}

void update(Metric& metric, const Case& c, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) update(metric, c.batches[i], valid_of(c, i));
}

}  // namespace metrics::testing
