#include "large_states.h"

#include "core/reductions.h"
#include <metrics/core/errors.h>
#include <metrics/core/unit.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace metrics::distributed {
namespace {

using Operation = c10d::ReduceOp::RedOpType;

bool is_large(const StateEntry& entry) {
  return entry.value_bytes() >= large_state_bytes;
}

/// The integer type that stands for values of `dtype` in a minimum or maximum; nothing where none does.
std::optional<at::ScalarType> key_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kLong:
    case at::kDouble:
      return at::kLong;
    case at::kFloat:
    case at::kHalf:
    case at::kBFloat16:
    case at::kInt:
    case at::kShort:
    case at::kChar:
    case at::kByte:
    case at::kBool:
      return at::kInt;
    default:
      return std::nullopt;
  }
}

Route route_of(const State& state, const StateEntry& entry, const AgreedState& agreed) {
  if (state.grows() || state.shape() == ShapeFrom::Data || !is_large(entry) || !agreed.same_dtype) return Route::Gather;
  switch (rules_of(state.reduction()).large) {
    case LargeForm::None:
      return Route::Gather;
    case LargeForm::Added:
      return agreed.dtype == at::kLong ? Route::AllReduce : Route::Slices;
    case LargeForm::Least:
    case LargeForm::Greatest:
      return key_type(agreed.dtype) ? Route::AllReduce : Route::Slices;
    case LargeForm::InSlices:
      return Route::Slices;
  }
  return Route::Gather;
}

/// Whether a metric's own merge can be done in slices: where its large states say that they are merged row by row.
bool merges_in_slices(const SyncItem& item, const Table& table, std::size_t first, const Agreement& agreement) {
  if (!item.metric->traits().merges_rowwise) return false;
  int64_t rows = -1;
  for (std::size_t s = 0; s < item.states->size(); ++s) {
    const StateEntry& entry = table.states[first + s];
    const AgreedState& agreed = agreement.states[first + s];
    if (item.states->at(s).grows() || !is_large(entry)) continue;
    if (!agreed.same_dtype || !agreed.same_shape || entry.shape.empty()) return false;
    if (rows >= 0 && entry.shape.front() != rows) return false;
    rows = entry.shape.front();
  }
  return rows >= 0;
}

bool has_own_merge(const States& states) {
  return std::any_of(states.begin(), states.end(),
                     [](const State& state) { return state.reduction() == Reduction::Own; });
}

/// Integers in the order of the values, NaN before (min) or after (max) all others: c10d's own minimum and maximum do
/// not say what becomes of NaN.
Tensor to_keys(const Tensor& value, Operation operation) {
  const at::ScalarType key = *key_type(value.scalar_type());
  if (!value.is_floating_point()) return value.to(key).reshape(-1);
  const Tensor wide = value.to(key == at::kLong ? at::kDouble : at::kFloat).contiguous().reshape(-1);
  const int64_t low_bits = key == at::kLong ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int32_t>::max();
  const bool maximum = operation == c10d::ReduceOp::MAX;
  const Tensor bits = wide.view(key);
  const Tensor keys = at::where(bits.lt(0), bits.bitwise_xor(low_bits), bits);
  return keys.masked_fill(wide.ne(wide), maximum ? low_bits : -low_bits - 1);
}

Tensor from_keys(const Tensor& keys, at::ScalarType dtype) {
  if (!at::isFloatingType(dtype)) return keys.to(dtype);
  const bool wide = keys.scalar_type() == at::kLong;
  const int64_t low_bits = wide ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int32_t>::max();
  const Tensor bits = at::where(keys.lt(0), keys.bitwise_xor(low_bits), keys);
  return bits.view(wide ? at::kDouble : at::kFloat).to(dtype);
}

Operation operation_of(Reduction reduction) {
  const LargeForm form = rules_of(reduction).large;
  return form == LargeForm::Least      ? c10d::ReduceOp::MIN
         : form == LargeForm::Greatest ? c10d::ReduceOp::MAX
                                       : c10d::ReduceOp::SUM;
}

/// Calls f(item, state within the item, index in the tables) for each state on that way and backend.
template <class F>
void each_on(const Gathered& gathered, Route route, at::DeviceType wire, const F& f) {
  const Table& table = gathered.tables[static_cast<std::size_t>(gathered.own_rank)];
  for (std::size_t item = 0; item < gathered.items.size(); ++item)
    for (std::size_t s = 0; s < table.items[item].states; ++s) {
      const std::size_t index = table.items[item].first_state + s;
      if (gathered.routes[index] == route && table.states[index].wire == wire) f(item, s, index);
    }
}

/// The kinds of devices on which states travel on that way.
std::vector<at::DeviceType> wires_of(const Gathered& gathered, Route route) {
  std::vector<at::DeviceType> wires;
  const Table& table = gathered.tables[static_cast<std::size_t>(gathered.own_rank)];
  for (std::size_t i = 0; i < table.states.size(); ++i) {
    const at::DeviceType wire = table.states[i].wire;
    if (gathered.routes[i] == route && std::find(wires.begin(), wires.end(), wire) == wires.end())
      wires.push_back(wire);
  }
  std::sort(wires.begin(), wires.end());
  return wires;
}

/// One tensor that travels in slices of its rows: the value of a state or its residual. States that do not merge by
/// rows are flat here, each element a row.
struct Sliced {
  std::size_t item;
  std::size_t state;
  bool residual;
  Tensor rows;  ///< Local, on the wire's device.

  int64_t row_bytes() const {
    const int64_t count = rows.size(0);
    return count == 0 ? 0 : static_cast<int64_t>(rows.nbytes()) / count;
  }
  int64_t begin(int64_t rank, int64_t world) const {
    // In 128 bits where rows * rank would need them; a tensor has no more than 2^63 bytes.
    const int64_t count = rows.size(0);
    return count / world * rank + count % world * rank / world;
  }
  int64_t count(int64_t rank, int64_t world) const { return begin(rank + 1, world) - begin(rank, world); }
  int64_t slice_bytes(int64_t rank, int64_t world) const { return aligned(count(rank, world) * row_bytes()); }
};

/// Copies rows into bytes.
void put_rows(const Tensor& rows, Tensor& bytes, int64_t offset) {
  if (rows.numel() == 0) return;
  const auto size = static_cast<int64_t>(rows.nbytes());
  bytes.narrow(0, offset, size).view(rows.scalar_type()).view(rows.sizes()).copy_(rows);
}

/// Reads `count` rows like those of `like` out of bytes, as a view.
Tensor rows_at(const Tensor& bytes, int64_t offset, int64_t count, const Tensor& like) {
  std::vector<int64_t> shape = like.sizes().vec();
  shape[0] = count;
  const int64_t row_bytes = like.size(0) == 0 ? 0 : static_cast<int64_t>(like.nbytes()) / like.size(0);
  if (count * row_bytes == 0) return at::empty(shape, like.options());
  return bytes.narrow(0, offset, count * row_bytes).view(like.scalar_type()).view(shape);
}

/// Begins what a rank sends back: whether it could fold its slice.
constexpr int64_t status_bytes = 512;

class SliceExchange {
 public:
  SliceExchange(const Gathered& gathered, Transport& transport, at::DeviceType wire)
      : gathered_(gathered), transport_(transport), world_(transport.world_size()), rank_(transport.rank()) {
    each_on(gathered, Route::Slices, wire, [&](std::size_t item, std::size_t s, std::size_t) { add(item, s, wire); });
  }

  void run(std::vector<States>& merged) {
    send_slices();
    fold_own_slice(merged);
    gather_results(merged);
  }

 private:
  void add(std::size_t item, std::size_t s, at::DeviceType wire) {
    const State& state = gathered_.items[item].states->at(s);
    const bool by_rows = has_own_merge(*gathered_.items[item].states);
    const auto rows = [&](const Tensor& tensor) {
      const Tensor here = (wire == at::kCPU ? tensor.detach().to(at::kCPU) : tensor.detach()).contiguous();
      return by_rows ? here : here.reshape(-1);
    };
    sliced_.push_back({item, s, false, rows(state.tensor())});
    if (state.compensated()) sliced_.push_back({item, s, true, rows(state.residual())});
  }

  int64_t slice_bytes(int64_t rank) const {
    int64_t bytes = 0;
    for (const Sliced& sliced : sliced_) bytes += sliced.slice_bytes(rank, world_);
    return bytes;
  }

  at::TensorOptions byte_options() const { return sliced_.front().rows.options().dtype(at::kByte); }

  void send_slices() {
    std::vector<int64_t> to_each(static_cast<std::size_t>(world_));
    int64_t total = 0;
    for (int64_t rank = 0; rank < world_; ++rank) total += to_each[static_cast<std::size_t>(rank)] = slice_bytes(rank);
    Tensor input = at::empty({total}, byte_options());
    int64_t offset = 0;
    for (int64_t rank = 0; rank < world_; ++rank)
      for (const Sliced& sliced : sliced_) {
        put_rows(sliced.rows.narrow(0, sliced.begin(rank, world_), sliced.count(rank, world_)), input, offset);
        offset += sliced.slice_bytes(rank, world_);
      }
    received_ = at::empty({world_ * slice_bytes(rank_)}, byte_options());
    transport_.all_to_all(input, to_each, received_,
                          std::vector<int64_t>(static_cast<std::size_t>(world_), slice_bytes(rank_)));
  }

  /// This rank's slice as it came from `sender`, of the tensor numbered `number`.
  Tensor received(int64_t sender, std::size_t number) const {
    int64_t offset = sender * slice_bytes(rank_);
    for (std::size_t i = 0; i < number; ++i) offset += sliced_[i].slice_bytes(rank_, world_);
    return rows_at(received_, offset, sliced_[number].count(rank_, world_), sliced_[number].rows);
  }

  /// The numbers of a state's tensors: its value and, or the same number, its residual.
  std::size_t numbers_of(std::size_t number) const {
    return number + 1 < sliced_.size() && sliced_[number + 1].residual ? 2 : 1;
  }

  /// Replaces a state by this rank's slice of it as it came from `sender`, on the state's own device.
  void assign_received(int64_t sender, std::size_t number, State& state, at::Device device) const {
    state.assign(received(sender, number).to(device),
                 numbers_of(number) == 2 ? received(sender, number + 1).to(device) : Tensor(), {});
  }

  /// Replaces a state at its default by this rank's slice of the default.
  void assign_default(std::size_t number, State& state) const {
    const bool by_rows = has_own_merge(*gathered_.items[sliced_[number].item].states);
    const int64_t begin = sliced_[number].begin(rank_, world_);
    const int64_t count = sliced_[number].count(rank_, world_);
    const auto slice = [&](const Tensor& tensor) {
      return (by_rows ? tensor : tensor.reshape(-1)).narrow(0, begin, count).clone();
    };
    state.assign(slice(state.tensor()), state.compensated() ? slice(state.residual()) : Tensor(), {});
  }

  void fold_own_slice(std::vector<States>& merged) {
    results_.assign(sliced_.size(), Tensor());
    try {
      for (std::size_t number = 0; number < sliced_.size();) {
        if (has_own_merge(*gathered_.items[sliced_[number].item].states))
          number = fold_by_rows(number, merged);
        else
          number = fold_state(number);
      }
    } catch (const std::exception& error) {
      failure_ = error.what();
    }
  }

  std::size_t fold_state(std::size_t number) {
    const Sliced& sliced = sliced_[number];
    const State& local = gathered_.items[sliced.item].states->at(sliced.state);
    const at::Device device = local.tensor().device();
    State into = local.fresh(device);
    State peer = local.fresh(device);
    assign_default(number, into);
    int64_t updates = 0;
    for (int64_t sender = 0; sender < world_; ++sender) {
      const int64_t theirs = gathered_.tables[static_cast<std::size_t>(sender)].items[sliced.item].update_count;
      assign_received(sender, number, peer, device);
      into.merge(peer, updates, theirs);
      updates += theirs;
    }
    return keep_result(number, into);
  }

  /// By the metric's own merge, on the sliced states together with the others whole.
  std::size_t fold_by_rows(std::size_t first, std::vector<States>& merged) {
    const std::size_t item = sliced_[first].item;
    std::size_t end = first;
    while (end < sliced_.size() && sliced_[end].item == item) ++end;
    const States& local = *gathered_.items[item].states;
    States into = local.fresh();
    for (std::size_t number = first; number < end; number += numbers_of(number))
      assign_default(number, into.at(sliced_[number].state));
    each_rank(gathered_, item, [&](int64_t sender, States& theirs) {
      for (std::size_t number = first; number < end; number += numbers_of(number))
        assign_received(sender, number, theirs.at(sliced_[number].state),
                        local.at(sliced_[number].state).tensor().device());
      gathered_.items[item].metric->merge_states(into, theirs);
    });
    for (std::size_t number = first; number < end;) number = keep_result(number, into.at(sliced_[number].state));
    merged[item] = std::move(into);
    return end;
  }

  std::size_t keep_result(std::size_t number, const State& state) {
    const auto expected = sliced_[number].rows.sizes().slice(1);
    if (state.tensor().dim() == 0 || state.tensor().size(0) != sliced_[number].count(rank_, world_) ||
        state.tensor().sizes().slice(1) != expected)
      throw Error("state `" + state.name() + "`: a merge that declares itself row-wise changed the state's shape");
    results_[number] = state.tensor();
    if (numbers_of(number) == 2) results_[number + 1] = state.residual();
    return number + numbers_of(number);
  }

  void gather_results(std::vector<States>& merged) {
    int64_t most = 0;
    for (int64_t rank = 0; rank < world_; ++rank) most = std::max(most, slice_bytes(rank));
    Tensor own = at::empty({status_bytes + most}, byte_options());
    own.narrow(0, 0, status_bytes).copy_(status());
    int64_t offset = status_bytes;
    for (std::size_t number = 0; number < sliced_.size() && !failure_; ++number) {
      put_rows(results_[number].to(sliced_[number].rows.options()), own, offset);
      offset += sliced_[number].slice_bytes(rank_, world_);
    }
    Tensor all = at::empty({world_ * own.numel()}, byte_options());
    transport_.all_gather(own, all);
    const Tensor by_rank = all.view({world_, own.numel()});
    throw_failures(by_rank);

    std::vector<int64_t> offsets(static_cast<std::size_t>(world_), status_bytes);
    std::vector<Tensor> whole;
    for (const Sliced& sliced : sliced_) {
      Tensor& rows = whole.emplace_back(at::empty(sliced.rows.sizes(), sliced.rows.options()));
      for (int64_t rank = 0; rank < world_; ++rank) {
        int64_t& at = offsets[static_cast<std::size_t>(rank)];
        const int64_t count = sliced.count(rank, world_);
        rows.narrow(0, sliced.begin(rank, world_), count).copy_(rows_at(by_rank[rank], at, count, sliced.rows));
        at += sliced.slice_bytes(rank, world_);
      }
    }
    for (std::size_t number = 0; number < sliced_.size(); number += numbers_of(number)) {
      const Sliced& sliced = sliced_[number];
      const State& local = gathered_.items[sliced.item].states->at(sliced.state);
      const auto shaped = [&](const Tensor& rows) {
        return rows.view(local.tensor().sizes()).to(local.tensor().device());
      };
      merged[sliced.item]
          .at(sliced.state)
          .assign(shaped(whole[number]), numbers_of(number) == 2 ? shaped(whole[number + 1]) : Tensor(), {});
    }
  }

  Tensor status() const {
    Tensor bytes = at::empty({status_bytes}, at::kByte);
    auto* text = bytes.mutable_data_ptr<uint8_t>();
    std::memset(text, 0, status_bytes);
    if (failure_) {
      text[0] = 1;
      std::memcpy(text + 1, failure_->data(), std::min<std::size_t>(failure_->size(), status_bytes - 2));
    }
    return bytes;
  }

  void throw_failures(const Tensor& by_rank) const {
    const Tensor statuses = by_rank.narrow(1, 0, status_bytes).to(at::kCPU).contiguous();
    std::vector<int64_t> failed;
    std::string text;
    for (int64_t rank = 0; rank < world_; ++rank) {
      const auto* status = reinterpret_cast<const char*>(statuses.const_data_ptr<uint8_t>()) + rank * status_bytes;
      if (status[0] == 0) continue;
      if (failed.empty()) text = transport_.names().text(rank) + " failed while merging states: " + (status + 1);
      failed.push_back(rank);
    }
    if (!failed.empty()) throw SyncError(text, "", "", transport_.names()(failed));
  }

  const Gathered& gathered_;
  Transport& transport_;
  int64_t world_;
  int64_t rank_;
  std::vector<Sliced> sliced_;
  Tensor received_;
  std::vector<Tensor> results_;
  std::optional<std::string> failure_;
};

}  // namespace

std::vector<Route> choose_routes(std::span<const SyncItem> items, const std::vector<Table>& tables,
                                 const Agreement& agreement) {
  const Table& table = tables.front();
  std::vector<Route> routes(table.states.size(), Route::Gather);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const SyncItem& item = items[i];
    const std::size_t first = table.items[i].first_state;
    const bool own = has_own_merge(*item.states);
    const bool slices = own && merges_in_slices(item, table, first, agreement);
    for (std::size_t s = 0; s < item.states->size(); ++s) {
      const State& state = item.states->at(s);
      Route& route = routes[first + s];
      if (!agreement.items[i].dirty) route = Route::None;
      // A graph flows to the local states only where all ranks' are merged here.
      else if (agreement.items[i].needs_gradients)
        route = Route::Gather;
      else if (own)
        route = slices && !state.grows() && is_large(table.states[first + s]) ? Route::Slices : Route::Gather;
      else
        route = route_of(state, table.states[first + s], agreement.states[first + s]);
    }
  }
  return routes;
}

std::vector<Tensor> all_reduce_large(const Gathered& gathered, Transport& transport) {
  std::vector<Tensor> reduced(gathered.routes.size());
  for (const at::DeviceType wire : wires_of(gathered, Route::AllReduce)) {
    struct Group {
      std::vector<std::size_t> indices;
      std::vector<Tensor> keys;
      std::vector<const State*> states;
    };
    std::map<std::pair<at::ScalarType, Operation>, Group> groups;
    each_on(gathered, Route::AllReduce, wire, [&](std::size_t item, std::size_t s, std::size_t index) {
      const State& state = gathered.items[item].states->at(s);
      const Operation operation = operation_of(state.reduction());
      const Tensor value = wire == at::kCPU ? state.tensor().detach().to(at::kCPU) : state.tensor().detach();
      Tensor keys = to_keys(value, operation);
      Group& group = groups[{keys.scalar_type(), operation}];
      group.indices.push_back(index);
      group.keys.push_back(std::move(keys));
      group.states.push_back(&state);
    });
    for (auto& [kind, group] : groups) {
      Tensor flat = at::cat(group.keys);
      transport.all_reduce(flat, kind.second);
      int64_t begin = 0;
      for (std::size_t i = 0; i < group.indices.size(); ++i) {
        const Tensor& like = group.states[i]->tensor();
        const Tensor keys = flat.narrow(0, begin, like.numel());
        begin += like.numel();
        reduced[group.indices[i]] = from_keys(keys, like.scalar_type()).view(like.sizes()).to(like.device());
        // Several states of one kind came in one tensor; each gets memory of its own.
        if (reduced[group.indices[i]].is_alias_of(flat) && group.indices.size() > 1)
          reduced[group.indices[i]] = reduced[group.indices[i]].clone();
      }
    }
  }
  return reduced;
}

void fold_slices(const Gathered& gathered, Transport& transport, std::vector<States>& merged) {
  for (const at::DeviceType wire : wires_of(gathered, Route::Slices))
    SliceExchange(gathered, transport, wire).run(merged);
}

}  // namespace metrics::distributed
