#include "../core/loaded_states.h"
#include "edit_distance.h"
#include "families/numbers.h"
#include "kernels/parallel.h"
#include "words.h"
#include <metrics/core/define.h>
#include <metrics/text/wer.h>

#include <ATen/ops/zeros.h>

#include <atomic>

namespace metrics {

namespace {

// Fewer pairs than these are done before another thread has begun.
constexpr int64_t pairs_per_task = 64;

struct WordErrors {
  int64_t errors = 0;
  int64_t total = 0;
};

WordErrors word_errors(const Texts& preds, const Texts& target) {
  std::atomic<int64_t> errors = 0, total = 0;
  kernels::parallel_for(static_cast<int64_t>(preds.size()), pairs_per_task, [&](int64_t begin, int64_t end) {
    text::WordNumbers numbers;
    text::EditDistance distance;
    WordErrors found;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto pair = numbers(preds[i], target[i]);
      found.errors += distance(pair);
      found.total += static_cast<int64_t>(pair.second.size());
    }
    errors += found.errors;
    total += found.total;
  });
  return {errors, total};
}

void check_pairs(std::string_view metric, const Texts& preds, const Texts& target) {
  if (preds.size() == target.size()) return;
  throw InvalidArgument(std::string(metric) + ": `preds` has " + std::to_string(preds.size()) + " texts, `target` " +
                        std::to_string(target.size()) + "; they go in pairs");
}

}  // namespace

namespace definitions {

void WordErrorRate::declare(States& states, const Options&) {
  // As torchmetrics has them; numbers of words are exact in the sums that are kept of them.
  states.add("errors", Reduction::Sum, at::zeros({}, at::kFloat));
  states.add("total", Reduction::Sum, at::zeros({}, at::kFloat));
}

void WordErrorRate::update(States& states, const Options&, const Texts& preds, const Texts& target) {
  check_pairs(name, preds, target);
  const WordErrors found = word_errors(preds, target);
  State::add_all(
      {{states["errors"], {static_cast<double>(found.errors)}}, {states["total"], {static_cast<double>(found.total)}}});
}

Tensor WordErrorRate::finalise(const States& states, const Options&) {
  return families::value_of([](const auto& errors, const auto& total) { return errors / total; },
                            states["errors"].tensor(), states["total"].tensor());
}

void WordErrorRate::complete_from_torchmetrics(States& states, const Options&) {
  for (const State& state : states) require_sums_of_weights(state);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(WordErrorRate);

}  // namespace metrics
