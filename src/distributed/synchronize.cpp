#include "agreement.h"
#include "control_block.h"
#include "fold.h"
#include "large_states.h"
#include "payload.h"
#include "process_group_impl.h"
#include "ranges.h"
#include "shares.h"
#include <metrics/core/errors.h>
#include <metrics/core/unit.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace metrics {
namespace distributed {
namespace {

/// One call of synchronise on a group of several ranks, from the control block to the merged states.
class Synchronisation {
 public:
  Synchronisation(std::span<const SyncItem> items, Transport& transport, SyncBuffers& buffers)
      : items_(items),
        transport_(transport),
        buffers_(buffers),
        world_(static_cast<std::size_t>(transport.world_size())),
        of_batch_(items.front().states != &items.front().metric->states()) {}

  std::vector<Synchronised> run() {
    const Transport::Within call(transport_, [this] { return call_text(); });
    exchange_blocks();
    check_headers();
    read_tables();
    Agreement agreement = agree(items_, tables_, transport_.names());
    weigh_counts(agreement);
    routes_ = choose_routes(items_, tables_, agreement);
    if (all_have(BlockHeader::ForValues)) choose_ranges(items_, tables_, agreement, routes_);
    if (std::all_of(routes_.begin(), routes_.end(), [](Route route) { return route == Route::None; }))
      return results(agreement, nullptr, {});

    Gathered gathered{items_, transport_.rank(), tables_, agreement, routes_, {}, {}};
    std::vector<Tensor> reduced;
    std::vector<States> merged(items_.size());
    std::vector<bool> sliced(items_.size());
    travelling([&] {
      gather_payloads(gathered);
      const c10::InferenceMode no_inference(false);
      const at::NoGradGuard no_grad;
      reduced = all_reduce_large(gathered, transport_);
    });
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (agreement.items[i].dirty && !merges_in_slices(i)) merged[i] = fold(gathered, i);
    travelling([&] {
      const c10::InferenceMode no_inference(false);
      const at::NoGradGuard no_grad;
      fold_slices(gathered, transport_, merged);
      exchange_ranges(gathered, transport_, merged);
    });
    place(reduced, merged);
    if (all_have(BlockHeader::ForValues)) share_work(items_, agreement, transport_, merged);
    return results(agreement, &gathered, std::move(merged));
  }

 private:
  BlockHeader header_of(std::size_t rank) const {
    BlockHeader header;
    std::memcpy(&header, block(rank), sizeof(header));
    return header;
  }
  const uint8_t* block(std::size_t rank) const {
    return buffers_.blocks.const_data_ptr<uint8_t>() + rank * control_block_bytes;
  }
  bool of_batch() const { return of_batch_; }

  /// What the program has called, for messages.
  std::string call_text() const {
    std::vector<const Metric*> asked;
    for (const SyncItem& item : items_) {
      const Metric* metric = item.part_of != nullptr ? item.part_of : item.metric;
      if (std::find(asked.begin(), asked.end(), metric) == asked.end()) asked.push_back(metric);
    }
    return (of_batch() ? "forward of " : "compute (or sync) of ") + asked.front()->to_string() +
           (asked.size() > 1 ? " and " + std::to_string(asked.size() - 1) + " more" : "");
  }

  static constexpr int64_t body_offset = control_block_bytes - block_body_bytes;

  /// Runs a part in which the other ranks wait for this one. If it fails here alone, the connections are closed, so
  /// that they learn of it at once.
  template <class F>
  void travelling(const F& communicate) {
    try {
      communicate();
    } catch (const SyncError&) {
      throw;
    } catch (const std::exception& error) {
      transport_.abandon(transport_.names().text(transport_.rank()) +
                         " failed between two collectives: " + error.what());
      throw;
    }
  }

  void exchange_blocks() {
    transport_.check_usable();
    buffers_.prepare(static_cast<int64_t>(world_));
    BlockHeader header;
    uint8_t* begin = buffers_.own_block.mutable_data_ptr<uint8_t>();
    try {
      header = write_body();
    } catch (const std::exception& error) {
      const std::string reason = error.what();
      header = BlockHeader{};
      header.flags = BlockHeader::Failed;
      header.text_bytes = std::min<uint64_t>(reason.size(), block_body_bytes);
      std::memcpy(begin + body_offset, reason.data(), header.text_bytes);
    }
    std::memcpy(begin, &header, sizeof(header));
    transport_.all_gather(buffers_.own_block, buffers_.blocks);
  }

  /// The table, and the payload behind it where both fit.
  BlockHeader write_body() {
    BlockHeader header;
    header.items = items_.size();
    header.fingerprint = fingerprint_of(items_);
    if (of_batch()) header.flags |= BlockHeader::OfBatch;
    if (std::all_of(items_.begin(), items_.end(), [](const SyncItem& item) { return item.for_value; }))
      header.flags |= BlockHeader::ForValues;
    own_table_ = describe(items_, transport_.has_device());
    own_bytes_ = encode(own_table_);
    header.table_bytes = own_bytes_.size();
    if (static_cast<int64_t>(own_bytes_.size()) > block_body_bytes) return header;
    header.flags |= BlockHeader::TableInline;
    std::memcpy(buffers_.own_block.mutable_data_ptr<uint8_t>() + body_offset, own_bytes_.data(), own_bytes_.size());

    const std::vector<Route> all(own_table_.states.size(), Route::Gather);
    const PayloadLayout layout = lay_out(own_table_, all, at::kCPU);
    const int64_t begin = aligned(static_cast<int64_t>(own_bytes_.size()));
    const bool on_host = std::all_of(own_table_.states.begin(), own_table_.states.end(),
                                     [](const StateEntry& state) { return state.wire == at::kCPU; });
    if (!on_host || begin + layout.bytes > block_body_bytes) return header;
    Tensor payload = buffers_.own_block.narrow(0, body_offset + begin, layout.bytes);
    write_payload(items_, own_table_, layout, payload);
    header.flags |= BlockHeader::PayloadInline;
    header.payload_bytes = static_cast<uint64_t>(layout.bytes);
    return header;
  }

  void check_headers() {
    std::vector<int64_t> failed;
    std::vector<int64_t> foreign;
    bool differ = false;
    for (std::size_t rank = 0; rank < world_; ++rank) {
      const BlockHeader header = header_of(rank);
      headers_.push_back(header);
      if (header.magic != BlockHeader::expected_magic || header.version != BlockHeader::expected_version)
        foreign.push_back(static_cast<int64_t>(rank));
      else if (header.has(BlockHeader::Failed))
        failed.push_back(static_cast<int64_t>(rank));
      differ |= header.fingerprint != headers_[0].fingerprint || header.items != headers_[0].items;
    }
    if (!foreign.empty())
      throw SyncError(transport_.names().text(foreign.front()) +
                          " speaks another version of the protocol, or is not synchronising metrics",
                      "", "", transport_.names()(foreign));
    if (!failed.empty()) {
      const auto rank = static_cast<std::size_t>(failed.front());
      const auto length = std::min<uint64_t>(headers_[rank].text_bytes, block_body_bytes);
      throw SyncError(transport_.names().text(failed.front()) + " failed while preparing to synchronise: " +
                          std::string(reinterpret_cast<const char*>(block(rank)) + body_offset, length),
                      "", "", transport_.names()(failed));
    }
    if (differ) travelling([&] { throw_difference(items_, transport_); });
    check_same_purpose();
  }

  /// A rank that has run out of batches and goes on to compute would else be merged into another's forward.
  void check_same_purpose() const {
    std::vector<int64_t> others;
    for (std::size_t rank = 1; rank < world_; ++rank)
      if (headers_[rank].has(BlockHeader::OfBatch) != headers_[0].has(BlockHeader::OfBatch))
        others.push_back(static_cast<int64_t>(rank));
    if (others.empty()) return;
    const RankNames& names = transport_.names();
    const auto purpose = [&](std::size_t rank) {
      return headers_[rank].has(BlockHeader::OfBatch) ? " is in a forward with dist_sync_on_step"
                                                      : " merges what it has accumulated (compute or sync)";
    };
    throw SyncError(items_.front().metric->to_string() + ": " + names.text(0) + purpose(0) + ", " +
                        names.text(others.front()) + purpose(static_cast<std::size_t>(others.front())) +
                        ". Ranks that make different numbers of steps, as with different numbers of batches, need a "
                        "metrics::training::Join",
                    std::string(items_.front().metric->name()), "", names(others));
  }

  bool all_have(BlockHeader::Flag flag) const {
    return std::all_of(headers_.begin(), headers_.end(), [&](const BlockHeader& header) { return header.has(flag); });
  }

  void read_tables() {
    if (all_have(BlockHeader::TableInline)) {
      for (std::size_t rank = 0; rank < world_; ++rank)
        tables_.push_back(decode({block(rank) + body_offset, headers_[rank].table_bytes}, items_));
      return;
    }
    uint64_t most = 0;
    for (const auto& header : headers_) most = std::max(most, header.table_bytes);
    travelling([&] {
      Tensor own = at::empty({static_cast<int64_t>(most)}, at::kByte);
      std::memcpy(own.mutable_data_ptr(), own_bytes_.data(), own_bytes_.size());
      const Tensor all = gathered_bytes(own);
      for (std::size_t rank = 0; rank < world_; ++rank)
        tables_.push_back(decode({all.const_data_ptr<uint8_t>() + rank * most, headers_[rank].table_bytes}, items_));
    });
  }

  Tensor gathered_bytes(const Tensor& own) {
    Tensor all = at::empty({static_cast<int64_t>(world_) * own.numel()}, own.options());
    transport_.all_gather(own, all);
    return all;
  }

  /// Where a count is of weighted rows on some ranks alone, the others send theirs in the same form. What the blocks
  /// have brought is converted where it is read.
  void weigh_counts(Agreement& agreement) {
    if (all_have(BlockHeader::PayloadInline)) return;
    std::size_t index = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      for (std::size_t s = 0; s < items_[i].states->size(); ++s, ++index) {
        AgreedState& agreed = agreement.states[index];
        if (!items_[i].states->at(s).is_count() || agreed.same_dtype) continue;
        agreed.same_dtype = true;
        for (Table& table : tables_) weigh_count(table.states[index]);
        weigh_count(own_table_.states[index]);
        weighed_item(i).at(s).weigh();
      }
    }
  }

  static void weigh_count(StateEntry& entry) {
    entry.dtype = at::kDouble;
    entry.has_residual = true;
  }

  /// A copy of the states of an item, to be sent in its place.
  States& weighed_item(std::size_t i) {
    if (own_items_.empty()) {
      own_items_.assign(items_.begin(), items_.end());
      weighed_.resize(items_.size());
      items_ = own_items_;
    }
    if (!weighed_[i]) {
      weighed_[i] = items_[i].states->snapshot();
      own_items_[i].states = &*weighed_[i];
    }
    return *weighed_[i];
  }

  void gather_payloads(Gathered& gathered) {
    if (all_have(BlockHeader::PayloadInline)) {
      const std::vector<Route> all(routes_.size(), Route::Gather);
      for (std::size_t rank = 0; rank < world_; ++rank) {
        const int64_t begin = static_cast<int64_t>(rank) * control_block_bytes + body_offset +
                              aligned(static_cast<int64_t>(headers_[rank].table_bytes));
        gathered.host.layouts.push_back(lay_out(tables_[rank], all, at::kCPU));
        gathered.host.ranks.push_back(buffers_.blocks.narrow(0, begin, gathered.host.layouts.back().bytes));
      }
      return;
    }
    gather_payload(gathered.host, at::kCPU);
    for (const StateEntry& state : tables_.front().states) {
      if (state.wire == at::kCPU) continue;
      gather_payload(gathered.device, state.wire);
      break;
    }
  }

  /// Every rank's payload, padded to the largest.
  void gather_payload(GatheredPayload& payload, at::DeviceType wire) {
    int64_t most = 0;
    for (const Table& table : tables_) {
      payload.layouts.push_back(lay_out(table, routes_, wire));
      most = std::max(most, payload.layouts.back().bytes);
    }
    const auto options =
        at::TensorOptions().dtype(at::kByte).device(wire == at::kCPU ? at::Device(at::kCPU) : device_of(wire));
    if (most == 0) {
      payload.ranks.assign(world_, at::empty({0}, options));
      return;
    }
    Tensor own = at::empty({most}, options);
    write_payload(items_, own_table_, payload.layouts[static_cast<std::size_t>(transport_.rank())], own);
    const Tensor all = gathered_bytes(own);
    for (std::size_t rank = 0; rank < world_; ++rank)
      payload.ranks.push_back(all.narrow(0, static_cast<int64_t>(rank) * most, most));
  }

  at::Device device_of(at::DeviceType wire) const {
    for (const SyncItem& item : items_)
      for (const State& state : *item.states)
        if (state.tensor().defined() && state.tensor().device().type() == wire) return state.tensor().device();
    return at::Device(wire);
  }

  /// Whether a metric's own merge is done in slices, which then fold all its states.
  bool merges_in_slices(std::size_t item) const {
    const ItemEntry& entry = tables_.front().items[item];
    const States& states = *items_[item].states;
    bool slices = false;
    bool own = false;
    for (std::size_t s = 0; s < entry.states; ++s) {
      slices |= routes_[entry.first_state + s] == Route::Slices;
      own |= states.at(s).reduction() == Reduction::Own;
    }
    return slices && own;
  }

  void place(std::vector<Tensor>& reduced, std::vector<States>& merged) const {
    for (std::size_t i = 0; i < items_.size() && !reduced.empty(); ++i) {
      const ItemEntry& entry = tables_.front().items[i];
      for (std::size_t s = 0; s < entry.states; ++s)
        if (Tensor& value = reduced[entry.first_state + s]; value.defined())
          merged[i].at(s).assign(std::move(value), Tensor(), {});
    }
  }

  std::vector<Synchronised> results(const Agreement& agreement, const Gathered* gathered, std::vector<States> merged) {
    std::vector<Synchronised> results(items_.size());
    for (std::size_t i = 0; i < items_.size() && gathered != nullptr; ++i)
      if (agreement.items[i].dirty) results[i].merged = std::move(merged[i]);
    return results;
  }

  std::span<const SyncItem> items_;
  Transport& transport_;
  SyncBuffers& buffers_;
  std::size_t world_;
  bool of_batch_;
  std::vector<SyncItem> own_items_;  // where some are not as they were given
  std::vector<std::optional<States>> weighed_;
  Table own_table_;
  std::vector<uint8_t> own_bytes_;
  std::vector<BlockHeader> headers_;
  std::vector<Table> tables_;
  std::vector<Route> routes_;
};

/// The states of a single process, merged with nobody's.
std::vector<Synchronised> synchronise_alone(std::span<const SyncItem> items) {
  std::vector<Synchronised> results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].dirty) continue;
    States merged = items[i].states->fresh();
    items[i].metric->merge_states(merged, *items[i].states);
    results[i].merged = std::move(merged);
  }
  return results;
}

}  // namespace

void SyncBuffers::prepare(int64_t world_size) {
  if (own_block.defined()) return;
  const c10::InferenceMode no_inference(false);
  blocks = at::zeros({world_size * control_block_bytes}, at::kByte);
  own_block = at::zeros({control_block_bytes}, at::kByte);
}

}  // namespace distributed

std::vector<Synchronised> ProcessGroup::synchronise(std::span<const SyncItem> items) {
  if (world_size() == 1) return distributed::synchronise_alone(items);
  if (items.empty()) return {};
  const std::unique_lock lock(impl_->synchronising, std::try_to_lock);
  if (lock && impl_->thread == std::thread::id()) impl_->thread = std::this_thread::get_id();
  if (!lock || impl_->thread != std::this_thread::get_id())
    throw SyncError("synchronising on " + impl_->membership.own_name() + ": another thread of this rank " +
                    (lock ? "has done" : "is doing") +
                    " so over the same group. Threads of the ranks would come in orders of their own: use one thread, or a "
                    "group for each (new_group). One that takes over from another calls use_from_this_thread first");
  auto merged = distributed::Synchronisation(items, *impl_->transport, impl_->buffers).run();
  for (const SyncItem& item : items) item.metric->count_synchronisation();
  return merged;
}

}  // namespace metrics
