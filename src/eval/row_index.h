#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metrics::eval {

/// Where rows begin in a text that is read from the front: every so many rows a place is kept, so that reading can
/// begin near any row.
class RowIndex {
 public:
  /// Notes that the next row, the one after all noted so far, begins at `offset`.
  void note(std::size_t offset) {
    if (rows_ % rows_between == 0) offsets_.push_back(offset);
    ++rows_;
  }
  int64_t rows() const { return rows_; }

  struct Place {
    int64_t row = 0;
    std::size_t offset = 0;
  };
  /// The last place that is kept at or before a row, which there is.
  Place at_or_before(int64_t row) const {
    const int64_t index = row / rows_between;
    return {index * rows_between, offsets_[static_cast<std::size_t>(index)]};
  }

 private:
  static constexpr int64_t rows_between = 8192;

  int64_t rows_ = 0;
  std::vector<std::size_t> offsets_;
};

}  // namespace metrics::eval
