#pragma once

#include <metrics/core/state.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

// Values of many rows over many ranks. A metric that keeps its rows would have to gather all of them on every rank; one
// whose value is made of rows in the order of some key need not: each rank gets the rows of a range of keys, makes its
// part of the value of them, and the parts make the value. A definition says so by
//
//   static std::shared_ptr<const RangedValue> ranged(const Options&);   // null where its options do not allow it
//
// and its `finalise` then finds `states.parts()` in place of the rows.

namespace metrics {

/// A few bytes that a rank tells the others.
using RangeBytes = std::vector<uint8_t>;

template <class T>
RangeBytes bytes_of_range(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  RangeBytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
template <class T>
T from_range_bytes(std::span<const uint8_t> bytes) {
  static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>);
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
  return value;
}

/// Rows of one kind with their keys, in ascending order of these.
struct KeyedRows {
  at::Tensor keys{};    ///< [n] int32 or int64, read as unsigned.
  at::Tensor values{};  ///< [n, …] of what else is known of each row; undefined where its kind and its key say all.
};

/// What a rank has made of the rows of its range, or of a column.
struct METRICS_API RowRange {
  virtual ~RowRange();
};

class SecondRows;
class WholeColumns;

/// The rows that several values stand on: they travel once for all of them.
class METRICS_API RangedRows {
 public:
  using Range = RowRange;
  /// All rows of a column: the same kinds in the same order in each column and on each rank.
  using Column = std::vector<KeyedRows>;

  virtual ~RangedRows();

  /// A text that is equal for those which make the same rows of the same states.
  virtual std::string key() const = 0;
  /// What others have to know of this rank's states before they make keys: at most `most_facts` bytes.
  virtual RangeBytes facts(const States& local) const = 0;
  static constexpr std::size_t most_facts = 48;
  /// How many columns there are, each with keys of its own, and how many kinds of rows each has.
  virtual int64_t columns() const = 0;
  virtual int64_t kinds() const = 0;
  /// The dtypes of keys and values of a kind, and the shape of a row's values; no dtype for no values.
  struct Layout {
    at::ScalarType keys = at::kInt;
    at::ScalarType values = at::ScalarType::Undefined;
    std::vector<int64_t> row{};
  };
  virtual Layout layout(int64_t kind, std::span<const RangeBytes> facts) const = 0;
  /// Makes this rank's rows of a column; all ranks' facts are known.
  virtual Column rows(const States& local, std::span<const RangeBytes> facts, int64_t column) const = 0;
  /// Makes of a range's rows, of each kind each rank's, what summaries and parts are made of. It owns the rows: what it
  /// has read of them it may let go before it takes more memory.
  virtual std::unique_ptr<Range> range(std::vector<std::vector<KeyedRows>> kinds_by_rank,
                                       std::span<const RangeBytes> facts) const = 0;
  /// What the other ranges of a column have to know of this one: `summary_bytes` bytes.
  virtual RangeBytes summary(const Range& range) const = 0;
  virtual std::size_t summary_bytes() const = 0;

  /// Whether rows of equal keys may be in several ranges, which are next to each other then.
  virtual bool ties_part() const { return false; }
  /// How the rows of the ranges travel once more, in another order; null where once is enough.
  virtual const SecondRows* second() const { return nullptr; }
  /// How columns travel as wholes, each to one rank, where there are at least as many as ranks; null where they do not.
  virtual const WholeColumns* whole_columns() const { return nullptr; }
};

/// A second journey of rows, by keys that each row has from the beginning, with values that follow from its place in
/// the order of the first: the rank of another number, say. What `RangedValue::part` is given is a range of this one.
class METRICS_API SecondRows {
 public:
  virtual ~SecondRows();

  virtual RangedRows::Layout layout(std::span<const RangeBytes> facts) const = 0;
  /// The keys of this rank's rows of a column, in ascending order.
  virtual at::Tensor keys(const States& local, std::span<const RangeBytes> facts, int64_t column) const = 0;
  /// Those of the rows of a range, in ascending order; and, when all ranges' summaries are known, the values beside
  /// them.
  virtual at::Tensor keys(const RowRange& first) const = 0;
  virtual at::Tensor values(const RowRange& first, std::span<const RangeBytes> summaries, std::size_t own) const = 0;
  /// As those of RangedRows.
  virtual std::unique_ptr<RowRange> range(std::vector<KeyedRows> rows_by_rank,
                                          std::span<const RangeBytes> facts) const = 0;
  virtual RangeBytes summary(const RowRange& range) const = 0;
  virtual std::size_t summary_bytes() const = 0;
};

/// Columns that travel as they are, in the order in which each rank has its rows: no keys, no second journey, no
/// summaries. A column's one part is made of all its rows.
class METRICS_API WholeColumns {
 public:
  virtual ~WholeColumns();

  /// Whether they do so although there are fewer columns than ranks, some of which have none then.
  virtual bool always(std::span<const RangeBytes>) const { return false; }
  struct Layout {
    at::ScalarType dtype;
    std::vector<int64_t> row{};
  };
  /// What each column has of a row; and what all have in common, which goes once to each rank that has columns.
  virtual std::vector<Layout> of_column(std::span<const RangeBytes> facts) const = 0;
  virtual std::vector<Layout> in_common(std::span<const RangeBytes> facts) const = 0;
  /// How many rows this rank has; those of some columns, each [columns, rows, …]; and of all in common, [rows, …].
  virtual int64_t rows(const States& local) const = 0;
  virtual std::vector<at::Tensor> columns(const States& local, std::span<const RangeBytes> facts, int64_t first,
                                          int64_t last) const = 0;
  virtual std::vector<at::Tensor> common(const States& local, std::span<const RangeBytes> facts) const = 0;
  /// What a column's parts are made of: the rows of all ranks in their order.
  virtual std::unique_ptr<RowRange> range(int64_t column, const std::vector<at::Tensor>& rows,
                                          const std::vector<at::Tensor>& common,
                                          std::span<const RangeBytes> facts) const = 0;
};

/// How a value is made of ranges.
class METRICS_API RangedValue {
 public:
  virtual ~RangedValue();

  virtual const RangedRows& rows() const = 0;
  /// A range's part of the value: at most `part_bytes` bytes. `summaries` are those of all ranges of the column in the
  /// order of their keys, this one's being at `own`; of a column that has travelled as a whole there are none.
  virtual RangeBytes part(const RowRange& range, std::span<const RangeBytes> summaries, std::size_t own) const = 0;
  virtual std::size_t part_bytes(std::span<const RangeBytes> summaries) const = 0;
};

/// What stands in merged states in place of rows that have stayed apart: of each column the parts of its ranges in the
/// order of their keys.
struct RangedParts {
  std::vector<std::vector<RangeBytes>> columns;
  std::vector<RangeBytes> facts;  ///< Of all ranks.
  bool beside_rows = false;       ///< Whether the rows are there, too (metrics/core/shared_value.h).
};

}  // namespace metrics
