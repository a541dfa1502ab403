#include "fold.h"

#include <metrics/core/unit.h>

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace metrics::distributed {
namespace {

const GatheredPayload& payload_of(const Gathered& gathered, const StateEntry& entry) {
  return entry.wire == at::kCPU ? gathered.host : gathered.device;
}

int64_t offset_of(const Gathered& gathered, std::size_t rank, std::size_t index) {
  const GatheredPayload& payload = payload_of(gathered, gathered.tables[rank].states[index]);
  return payload.layouts[rank].states[index].offset;
}

StateParts parts_of(const Gathered& gathered, std::size_t rank, std::size_t index, const State& like,
                    at::Device device) {
  const StateEntry& entry = gathered.tables[rank].states[index];
  return read_payload(payload_of(gathered, entry).ranks[rank], offset_of(gathered, rank, index), entry,
                      gathered.agreement.states[index], like, device);
}

const uint8_t* bytes_of(const Gathered& gathered, std::size_t rank, std::size_t index) {
  return gathered.host.ranks[rank].const_data_ptr<uint8_t>() + offset_of(gathered, rank, index);
}

/// Where a state lives after the merge: where it lives on this rank.
at::Device device_of(const State& state, const States& states) {
  return state.tensor().defined() ? state.tensor().device() : states.device();
}

/// Adds the ranks' counts where they lie.
void fold_counts(const Gathered& gathered, std::size_t index, State& merged) {
  int64_t* sums = merged.counts();
  const int64_t size = merged.tensor().numel();
  for (std::size_t rank = 0; rank < gathered.tables.size(); ++rank) {
    const auto* counts = reinterpret_cast<const int64_t*>(bytes_of(gathered, rank, index));
    for (int64_t i = 0; i < size; ++i) sums[i] = wrapping_sum(sums[i], counts[i]);
  }
}

/// Adds the ranks' double-double sums where they lie.
void fold_sums(const Gathered& gathered, std::size_t index, State& merged) {
  const int64_t size = merged.tensor().numel();
  const auto [high, low] = merged.sums();
  for (std::size_t rank = 0; rank < gathered.tables.size(); ++rank) {
    const uint8_t* bytes = bytes_of(gathered, rank, index);
    const auto* values = reinterpret_cast<const double*>(bytes);
    const auto* residuals =
        reinterpret_cast<const double*>(bytes + aligned(gathered.tables[rank].states[index].value_bytes()));
    for (int64_t i = 0; i < size; ++i) {
      const DoubleDouble sum = DoubleDouble{high[i], low[i]} + DoubleDouble{values[i], residuals[i]};
      high[i] = sum.high;
      low[i] = sum.low;
    }
  }
}

/// Puts the ranks' rows one after another, in one buffer of the right size.
void fold_rows(const Gathered& gathered, std::size_t index, const State& like, at::Device device, State& merged) {
  const AgreedState& agreed = gathered.agreement.states[index];
  if (!agreed.has_value) return;
  int64_t rows = 0;
  for (const Table& table : gathered.tables) rows += table.states[index].rows;
  std::vector<int64_t> shape{rows};
  shape.insert(shape.end(), agreed.shape.begin(), agreed.shape.end());
  Tensor value = at::empty(shape, at::TensorOptions().dtype(agreed.dtype).device(device));
  std::vector<int64_t> ends;
  int64_t begin = 0;
  for (std::size_t rank = 0; rank < gathered.tables.size(); ++rank) {
    const StateParts parts = parts_of(gathered, rank, index, like, device);
    const int64_t count = parts.value.size(0);
    if (count > 0) value.narrow(0, begin, count).copy_(parts.value);
    for (const int64_t end : parts.item_ends) ends.push_back(begin + end);
    begin += count;
  }
  merged.assign(std::move(value), Tensor(), std::move(ends));
}

bool is_plain(const State& merged, const AgreedState& agreed, at::ScalarType dtype) {
  return merged.reduction() == Reduction::Sum && !merged.has_open_shape() && agreed.same_dtype &&
         agreed.dtype == dtype && merged.tensor().is_cpu() && merged.tensor().is_contiguous() &&
         merged.tensor().scalar_type() == dtype;
}

/// Merges the ranks' states by the state's own reduction.
void fold_by_merge(const Gathered& gathered, std::size_t item, std::size_t index, at::Device device, State& merged) {
  State peer = merged.fresh(device);
  int64_t updates = 0;
  for (std::size_t rank = 0; rank < gathered.tables.size(); ++rank) {
    const int64_t theirs = gathered.tables[rank].items[item].update_count;
    StateParts parts = parts_of(gathered, rank, index, peer, device);
    peer.assign(std::move(parts.value), std::move(parts.residual), std::move(parts.item_ends));
    merged.merge(peer, updates, theirs);
    updates += theirs;
  }
}

States fold_states(const Gathered& gathered, std::size_t item) {
  const States& local = *gathered.items[item].states;
  States merged = local.fresh();
  std::size_t index = gathered.tables.front().items[item].first_state;
  int64_t updates = 0;
  for (const Table& table : gathered.tables) updates += table.items[item].update_count;
  for (std::size_t s = 0; s < local.size(); ++s, ++index) {
    if (gathered.routes[index] != Route::Gather) continue;
    State& state = merged.at(s);
    const AgreedState& agreed = gathered.agreement.states[index];
    const at::Device device = device_of(local.at(s), local);
    const bool on_host = gathered.tables.front().states[index].wire == at::kCPU && device.is_cpu();
    if (state.grows())
      fold_rows(gathered, index, state, device, state);
    else if (on_host && is_plain(state, agreed, at::kLong))
      fold_counts(gathered, index, state);
    else if (on_host && is_plain(state, agreed, at::kDouble) && state.compensated())
      fold_sums(gathered, index, state);
    else
      fold_by_merge(gathered, item, index, device, state);
  }
  merged.set_update_count(updates);
  return merged;
}

/// By the metric itself: where it has a merge of its own, and where gradients must flow to this rank's states.
States fold_by_metric(const Gathered& gathered, std::size_t item) {
  const SyncItem& own = gathered.items[item];
  States merged = own.states->fresh();
  each_rank(gathered, item, [&](int64_t rank, States& states) {
    const bool with_graph = rank == gathered.own_rank && gathered.agreement.items[item].needs_gradients;
    own.metric->merge_states(merged, with_graph ? *own.states : states);
  });
  return merged;
}

}  // namespace

void each_rank(const Gathered& gathered, std::size_t item, const std::function<void(int64_t rank, States&)>& take) {
  const States& local = *gathered.items[item].states;
  States peer = local.fresh();
  for (std::size_t rank = 0; rank < gathered.tables.size(); ++rank) {
    std::size_t index = gathered.tables[rank].items[item].first_state;
    for (std::size_t s = 0; s < local.size(); ++s, ++index) {
      if (gathered.routes[index] != Route::Gather) continue;
      StateParts parts = parts_of(gathered, rank, index, local.at(s), device_of(local.at(s), local));
      peer.at(s).assign(std::move(parts.value), std::move(parts.residual), std::move(parts.item_ends));
    }
    peer.set_update_count(gathered.tables[rank].items[item].update_count);
    take(static_cast<int64_t>(rank), peer);
  }
}

namespace {

bool goes_by_ranges(const Gathered& gathered, std::size_t item) {
  const ItemEntry& entry = gathered.tables.front().items[item];
  const auto routes = gathered.routes.subspan(entry.first_state, entry.states);
  return std::find(routes.begin(), routes.end(), Route::Ranges) != routes.end();
}

/// Whether some ranks say what their rows weigh, and others have rows that weigh 1.
bool weigh_on_some_ranks(const Gathered& gathered, std::size_t item) {
  const States& local = *gathered.items[item].states;
  if (local.row_weights() == nullptr || goes_by_ranges(gathered, item)) return false;
  const auto grows = [](const State& state) { return state.grows(); };
  const auto kept = static_cast<std::size_t>(std::find_if(local.begin(), local.end(), grows) - local.begin());
  const auto weights = static_cast<std::size_t>(local.row_weights() - &*local.begin());
  const bool kept_in_list = local.at(kept).reduction() == Reduction::List;
  bool any = false, all = true;
  for (const Table& table : gathered.tables) {
    const std::size_t first = table.items[item].first_state;
    const StateEntry& rows = table.states[first + kept];
    const int64_t weighed = table.states[first + weights].rows;
    any |= weighed > 0;
    all &= weighed == (kept_in_list ? rows.items : rows.rows);
  }
  return any && !all;
}

}  // namespace

States fold(const Gathered& gathered, std::size_t item) {
  if (gathered.agreement.items[item].needs_gradients && at::GradMode::is_enabled())
    return fold_by_metric(gathered, item);
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  const States& local = *gathered.items[item].states;
  const bool own =
      std::any_of(local.begin(), local.end(), [](const State& state) { return state.reduction() == Reduction::Own; });
  return own || weigh_on_some_ranks(gathered, item) ? fold_by_metric(gathered, item) : fold_states(gathered, item);
}

}  // namespace metrics::distributed
