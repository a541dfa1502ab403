#pragma once

#include <metrics/core/ranges.h>
#include <metrics/export.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Values whose work ranks share. All ranks need the rows of all, and have them once they are merged; what is made of
// them takes so long that each rank does a part of it. A definition says so by what its `ranged` returns
// (metrics/core/ranges.h), and its `finalise` then finds the parts beside the rows: `states.parts()->columns.front()`
// has that of each rank in their order. Where there are no parts, in one process, `finalise` does all of it.

namespace metrics {

/// The ranks that share the work of a value.
class METRICS_API SharingRanks {
 public:
  virtual ~SharingRanks();

  virtual int64_t rank() const = 0;
  virtual int64_t count() const = 0;
  /// Every rank's bytes in the order of ranks. Collective.
  virtual std::vector<RangeBytes> gather(const RangeBytes& own) = 0;
};

class METRICS_API SharedValue : public RangedValue {
 public:
  ~SharedValue() override;

  /// This rank's part of the work on merged states, which are the same on all ranks, as long as it likes. What it
  /// throws on all ranks alike, each of them throws; where only some throw, the others throw a SyncError that names
  /// one.
  virtual RangeBytes share(const States& merged, SharingRanks& ranks) const = 0;

  // Rows do not stay apart.
  const RangedRows& rows() const final;
  RangeBytes part(const RowRange& range, std::span<const RangeBytes> summaries, std::size_t own) const final;
  std::size_t part_bytes(std::span<const RangeBytes> summaries) const final;
};

}  // namespace metrics
