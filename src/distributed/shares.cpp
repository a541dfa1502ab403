#include "shares.h"

#include <metrics/core/errors.h>
#include <metrics/core/shared_value.h>
#include <metrics/core/unit.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace metrics::distributed {
namespace {

/// The ranks of a group, for one value. A rank that fails says so in place of its bytes, when the others gather next.
class Sharers final : public SharingRanks {
 public:
  Sharers(Transport& transport, const Unit& metric) : transport_(transport), metric_(metric) {}

  int64_t rank() const override { return transport_.rank(); }
  int64_t count() const override { return transport_.world_size(); }

  std::vector<RangeBytes> gather(const RangeBytes& own) override {
    const std::vector<int64_t> sizes = gathered_sizes(static_cast<int64_t>(own.size()));
    const auto failed = std::find(sizes.begin(), sizes.end(), has_failed);
    if (failed != sizes.end()) throw_failure(failed - sizes.begin());
    const int64_t most = *std::max_element(sizes.begin(), sizes.end());
    Tensor sent = at::zeros({most}, at::kByte), all = at::empty({count() * most}, at::kByte);
    if (most > 0) {
      std::copy(own.begin(), own.end(), sent.mutable_data_ptr<uint8_t>());
      transport_.all_gather(sent, all);
    }
    std::vector<RangeBytes> of_ranks;
    for (int64_t r = 0; r < count(); ++r) {
      const auto* const begin = all.const_data_ptr<uint8_t>() + r * most;
      of_ranks.emplace_back(begin, begin + sizes[static_cast<std::size_t>(r)]);
    }
    return of_ranks;
  }

  void say_failed() { gathered_sizes(has_failed); }

 private:
  static constexpr int64_t has_failed = -1;

  std::vector<int64_t> gathered_sizes(int64_t own) {
    Tensor sent = at::zeros({1}, at::kLong), all = at::empty({count()}, at::kLong);
    sent.mutable_data_ptr<int64_t>()[0] = own;
    transport_.all_gather(sent, all);
    const auto* const sizes = all.const_data_ptr<int64_t>();
    return {sizes, sizes + count()};
  }

  [[noreturn]] void throw_failure(int64_t rank) const {
    const RankNames& names = transport_.names();
    const std::vector<int64_t> ranks{rank};
    throw SyncError(metric_.to_string() + ": " + names.text(rank) + " failed at its share of the value",
                    std::string(metric_.name()), "", names(ranks));
  }

  Transport& transport_;
  const Unit& metric_;
};

}  // namespace

void share_work(std::span<const SyncItem> items, const Agreement& agreement, Transport& transport,
                std::vector<States>& merged) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const AgreedItem& agreed = agreement.items[i];
    if (!agreed.dirty || agreed.needs_gradients) continue;
    const auto ranged = items[i].metric->ranged_value();
    const auto* const value = dynamic_cast<const SharedValue*>(ranged.get());
    if (value == nullptr) continue;
    Sharers ranks(transport, *items[i].metric);
    RangeBytes own;
    try {
      own = value->share(merged[i], ranks);
    } catch (const SyncError&) {
      throw;  // of the connection, or because another rank has failed
    } catch (...) {
      ranks.say_failed();
      throw;
    }
    auto parts = std::make_shared<RangedParts>();
    parts->beside_rows = true;
    parts->columns.push_back(ranks.gather(own));
    merged[i].set_parts(std::move(parts));
  }
}

}  // namespace metrics::distributed
