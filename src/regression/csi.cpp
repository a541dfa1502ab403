#include "../core/loaded_states.h"
#include "families/comparisons.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/fastest.h"
#include "kernels/parallel.h"
#include "kernels/plain_tensor.h"
#include <metrics/core/define.h>
#include <metrics/regression/csi.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <sstream>
#include <vector>

namespace metrics {

namespace {

constexpr std::array<const char*, 3> counts_of_all{"hits", "misses", "false_alarms"};
constexpr std::array<const char*, 3> counts_in_sequence{"hits_list", "misses_list", "false_alarms_list"};

/// Hits, events that were foreseen, and events that happened.
using Events = std::array<int64_t, 3>;

template <class T>
METRICS_INLINE Events events_in(const T* preds, const T* target, T threshold, int64_t count) {
  int64_t hits = 0, foreseen = 0, happened = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t x = preds[i] >= threshold, y = target[i] >= threshold;
    hits += x & y;
    foreseen += x;
    happened += y;
  }
  return {hits, foreseen, happened};
}

template <class T>
Events events_in(const Tensor& preds, const Tensor& target, double threshold) {
  std::array<std::atomic<int64_t>, 3> totals{};
  kernels::parallel(preds.numel(), 1, [&](int64_t begin, int64_t end) {
    Events own{};
    const T* const x = preds.const_data_ptr<T>() + begin;
    const T* const y = target.const_data_ptr<T>() + begin;
    kernels::fastest([&]() METRICS_INLINED { own = events_in(x, y, static_cast<T>(threshold), end - begin); });
    for (std::size_t i = 0; i < own.size(); ++i) totals[i].fetch_add(own[i], std::memory_order_relaxed);
  });
  return {totals[0], totals[1], totals[2]};
}

bool both_are(at::ScalarType dtype, const Tensor& preds, const Tensor& target) {
  return preds.scalar_type() == dtype && target.scalar_type() == dtype && kernels::is_plain(preds) &&
         kernels::is_plain(target);
}

/// Hits, misses and false alarms.
Events outcomes(const Events& events) {
  return {events[0], events[2] - events[0], events[1] - events[0]};
}

/// The same along all dimensions but those that are kept, as tensors.
std::array<Tensor, 3> outcomes(const Tensor& preds, const Tensor& target, double threshold,
                               const std::optional<int64_t>& kept) {
  const Tensor foreseen = families::is_at_least(preds, threshold);
  const Tensor happened = families::is_at_least(target, threshold);
  std::vector<int64_t> summed;
  for (int64_t d = 0; d < preds.dim(); ++d) {
    if (kept != d) summed.push_back(d);
  }
  const auto count = [&](const Tensor& events) {
    return summed.empty() ? events.to(at::kLong) : events.sum(summed, /*keepdim=*/false, at::kLong);
  };
  const Tensor hits = count(foreseen.logical_and(happened));
  return {hits, count(happened) - hits, count(foreseen) - hits};
}

}  // namespace

namespace definitions {

void CriticalSuccessIndex::check(const Options& options) {
  if (!options.keep_sequence_dim || *options.keep_sequence_dim >= 0) return;
  throw InvalidArgument("keep_sequence_dim: expected an integer of at least 0, got " +
                        std::to_string(*options.keep_sequence_dim));
}

void CriticalSuccessIndex::declare(States& states, const Options& options) {
  if (options.keep_sequence_dim) {
    for (const char* state : counts_in_sequence) states.add(state, Reduction::Cat);
  } else {
    for (const char* state : counts_of_all) states.add(state, Reduction::Sum, at::zeros({}, at::kLong));
  }
}

void CriticalSuccessIndex::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  families::pairs::check_pairs(preds, target);
  const double threshold = options.threshold;
  if (options.keep_sequence_dim) {
    if (*options.keep_sequence_dim >= preds.dim()) {
      std::ostringstream message;
      message << "keep_sequence_dim: expected a dimension of inputs of shape " << preds.sizes() << ", got "
              << *options.keep_sequence_dim;
      throw InvalidArgument(message.str());
    }
    const auto counts = outcomes(preds, target, threshold, options.keep_sequence_dim);
    States::Attempt attempt(states);
    for (std::size_t i = 0; i < counts.size(); ++i) states[counts_in_sequence[i]].append(counts[i].to(at::kInt));
    return attempt.succeed();
  }
  const bool floats = both_are(at::kFloat, preds, target), doubles = both_are(at::kDouble, preds, target);
  if (states.device().is_cpu() && (floats || doubles)) {
    const Events counts =
        outcomes(floats ? events_in<float>(preds, target, threshold) : events_in<double>(preds, target, threshold));
    std::array<int64_t*, 3> held{};
    for (std::size_t i = 0; i < held.size(); ++i) held[i] = states[counts_of_all[i]].counts();
    for (std::size_t i = 0; i < held.size(); ++i) *held[i] += counts[i];
    return;
  }
  const auto counts = outcomes(preds, target, threshold, std::nullopt);
  States::Attempt attempt(states);
  for (std::size_t i = 0; i < counts.size(); ++i) states[counts_of_all[i]].add(counts[i]);
  attempt.succeed();
}

Tensor CriticalSuccessIndex::finalise(const States& states, const Options& options) {
  const auto& names = options.keep_sequence_dim ? counts_in_sequence : counts_of_all;
  const Tensor hits = states[names[0]].tensor();
  if (!hits.defined()) return at::empty({0}, at::kDouble);
  const auto index = [](const auto& hit, const auto& missed, const auto& alarmed) {
    const auto sum = families::as_double(hit) + families::as_double(missed) + families::as_double(alarmed);
    return families::ratio(hit, sum);
  };
  return families::value_of(index, hits, states[names[1]].tensor(), states[names[2]].tensor());
}

void CriticalSuccessIndex::complete_from_torchmetrics(States& states, const Options& options) {
  const auto& names = options.keep_sequence_dim ? counts_in_sequence : counts_of_all;
  for (const char* kept : names) {
    if (options.keep_sequence_dim) {
      if (states[kept].rows() == 0) continue;
      require_integer_rows(states[kept]);
      if (states[kept].tensor().dim() != 1)
        throw StateMisfit(kept, "expected one count for each index of the sequence");
    }
    require_counts(states[kept]);
  }
  if (options.keep_sequence_dim) require_equal_rows(states, {names[0], names[1], names[2]});
}

}  // namespace definitions

METRICS_DEFINE_CLASS(CriticalSuccessIndex);

}  // namespace metrics
