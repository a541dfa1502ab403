#pragma once

#include "range_cuts.h"
#include "transport.h"
#include <metrics/core/ranges.h>
#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

// What travels from each rank to others, all of it in one collective.

namespace metrics::distributed {

/// Rows that travel together, for one or several values.
struct Journey {
  std::size_t first_item;
  std::vector<std::size_t> items{};                          // those of whose values it is
  std::vector<std::shared_ptr<const RangedValue>> values{};  // of each
  std::vector<RangeBytes> facts{};                           // of all ranks
  const WholeColumns* whole = nullptr;                       // where its columns travel so
  std::vector<std::vector<RangeBytes>> own_parts{};          // of the whole columns that this rank has, by value

  const RangedRows& rows() const { return values.front()->rows(); }
  int64_t columns() const { return rows().columns(); }
  /// Whole columns go to ranks in their order, as evenly as they divide.
  static int64_t first_column(int64_t columns, int64_t rank, int64_t world) {
    return (columns * rank + world - 1) / world;
  }
  std::pair<int64_t, int64_t> columns_of(int64_t rank, int64_t world) const {
    return {first_column(columns(), rank, world), first_column(columns(), rank + 1, world)};
  }
};

/// Rows that go from each rank to others, so many to each.
class Parcel {
 public:
  virtual ~Parcel() = default;
  /// How many of this rank's rows go to a rank, and the bytes that rows from whichever rank take there.
  virtual int64_t rows_to(int64_t rank) const = 0;
  virtual int64_t bytes_at(int64_t rank, int64_t rows) const = 0;
  virtual void write(int64_t rank, uint8_t* to) = 0;
  /// Called when all is written.
  virtual void let_go() = 0;
  /// Called for each rank in order with what has come from it; and when all has.
  virtual void receive(int64_t rows, const Tensor& from) = 0;
  virtual void complete() = 0;
};
using Parcels = std::vector<std::unique_ptr<Parcel>>;

/// The rows of one kind of a column, by ranges of their keys. What has come of each rank is appended to `come`.
std::unique_ptr<Parcel> keyed_parcel(KeyedRows own, const std::vector<Cut>& cuts, RangedRows::Layout layout,
                                     std::vector<KeyedRows>& come);

/// The columns of a journey as wholes, and what they have in common. Their parts become the journey's own.
std::unique_ptr<Parcel> whole_parcel(Journey& journey, const States& local, const Transport& transport);

/// How many rows of each parcel this rank has for each rank: [ranks, parcels].
Tensor rows_to_ranks(const Parcels& parcels, int64_t world);

/// Sends all parcels, and lets them have what comes. `theirs`: how many rows come from each rank of each parcel.
void exchange_parcels(Transport& transport, Parcels& parcels, const Tensor& theirs);

}  // namespace metrics::distributed
