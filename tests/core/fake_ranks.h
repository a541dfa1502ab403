#pragma once

#include "core/unit_of.h"
#include <metrics/core/metric.h>
#include <metrics/core/synchroniser.h>
#include <metrics/core/warning.h>

#include <string>
#include <vector>

namespace metrics::testing {

/// Ranks within one process: this one and others, whose states are those of metrics that the test holds.
class FakeRanks : public Synchroniser {
 public:
  explicit FakeRanks(std::vector<const Metric*> others) : others_(std::move(others)) {}

  int64_t rank() const override { return 0; }
  int64_t world_size() const override { return 1 + static_cast<int64_t>(others_.size()); }
  std::vector<Synchronised> synchronise(std::span<const SyncItem> items) override {
    ++calls;
    last_dirty = items.front().dirty;
    if (fails) throw SyncError("rank 1 is gone");
    if (!last_dirty && !others_dirty) return {Synchronised{}};
    States merged = items.front().states->fresh();
    items.front().metric->merge_states(merged, *items.front().states);
    for (const Metric* other : others_) items.front().metric->merge_states(merged, unit_of(*other).states());
    return {Synchronised{std::move(merged)}};
  }

  int calls = 0;
  bool last_dirty = false;
  bool others_dirty = false;
  bool fails = false;

 private:
  std::vector<const Metric*> others_;
};

/// Takes the warnings of its scope.
class CollectedWarnings {
 public:
  CollectedWarnings()
      : before_(set_warning_handler([this](const std::string& message) { messages.push_back(message); })) {}
  ~CollectedWarnings() { set_warning_handler(before_); }
  CollectedWarnings(const CollectedWarnings&) = delete;
  CollectedWarnings& operator=(const CollectedWarnings&) = delete;

  std::vector<std::string> messages;

 private:
  WarningHandler before_;
};

}  // namespace metrics::testing
