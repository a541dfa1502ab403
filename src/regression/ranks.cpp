#include "ranks.h"

#include "../core/loaded_states.h"
#include "kernels/checked_rows.h"
#include "kernels/ordered_bits.h"
#include "kernels/radix_sort.h"

#include <c10/util/StringUtil.h>

#include <span>

namespace metrics::regression {

namespace {

template <class Key>
struct Ranked {
  Key key;
  uint32_t index;
};

/// Calls f(begin, end, items) for each run of equal numbers, in ascending order.
template <class T, class F>
void each_tie(const T* numbers, int64_t count, const F& f) {
  using Key = decltype(kernels::ordered_bits(T{}));
  using Item = Ranked<Key>;
  std::vector<Item> items(static_cast<std::size_t>(count)), other(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i] = {kernels::ordered_bits(numbers[i]), static_cast<uint32_t>(i)};
  }
  const std::span<Item> sorted =
      kernels::radix_sorted(std::span(items), std::span(other), [](const Item& item) { return item.key; });
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && sorted[end].key == sorted[begin].key) ++end;
    f(begin, end, sorted);
    begin = end;
  }
}

template <class F>
void each_tie(const Tensor& column, const F& f) {
  if (column.scalar_type() == at::kDouble) return each_tie(column.const_data_ptr<double>(), column.numel(), f);
  each_tie(column.const_data_ptr<float>(), column.numel(), f);
}

}  // namespace

void append_pairs(States& states, const Tensor& preds, const Tensor& target) {
  const auto kept = [](const Tensor& numbers) {
    const Tensor given = numbers.detach();
    const bool is_half = given.scalar_type() == at::kHalf || given.scalar_type() == at::kBFloat16;
    return is_half ? given.to(at::kFloat) : given;
  };
  States::Attempt attempt(states);
  states["preds"].append(kept(preds));
  states["target"].append(kept(target));
  attempt.succeed();
}

void check_kept_pairs(const States& states, at::IntArrayRef row) {
  require_equal_rows(states, {"preds", "target"});
  for (const char* name : {"preds", "target"}) {
    const State& state = states[name];
    if (state.rows() == 0) continue;
    require_floating_rows(state);
    if (state.tensor().sizes().slice(1) == row) continue;
    throw StateMisfit(name, c10::str("expected rows of shape ", row, ", got ", state.tensor().sizes().slice(1)));
  }
}

Tensor column_in(const State& state, int64_t column) {
  const Tensor held = state.tensor();
  return (held.dim() == 1 ? held : held.select(1, column)).to(at::kCPU).contiguous();
}

bool has_nan(const Tensor& column) {
  return column.scalar_type() == at::kDouble ? kernels::has_nan(column.const_data_ptr<double>(), column.numel())
                                             : kernels::has_nan(column.const_data_ptr<float>(), column.numel());
}

std::vector<int64_t> doubled_ranks(const Tensor& column) {
  std::vector<int64_t> ranks(static_cast<std::size_t>(column.numel()));
  each_tie(column, [&](std::size_t begin, std::size_t end, const auto& sorted) {
    for (std::size_t i = begin; i < end; ++i) ranks[sorted[i].index] = static_cast<int64_t>(begin + end + 1);
  });
  return ranks;
}

std::vector<uint32_t> ordered_codes(const Tensor& column) {
  std::vector<uint32_t> codes(static_cast<std::size_t>(column.numel()));
  if (column.scalar_type() == at::kFloat) {
    const float* numbers = column.const_data_ptr<float>();
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = kernels::ordered_bits(numbers[i]);
    return codes;
  }
  each_tie(column, [&](std::size_t begin, std::size_t end, const auto& sorted) {
    for (std::size_t i = begin; i < end; ++i) codes[sorted[i].index] = static_cast<uint32_t>(begin);
  });
  return codes;
}

}  // namespace metrics::regression
