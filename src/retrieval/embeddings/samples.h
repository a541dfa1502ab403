#pragma once

#include <metrics/core/state.h>
#include <metrics/export.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// The samples that were gathered, each once.

namespace metrics::retrieval::embeddings {

using at::Tensor;

struct Samples {
  Tensor embeddings;  // [N, D] of float32 or float64 on the CPU
  std::vector<int64_t> labels;
  std::vector<uint8_t> is_query, is_gallery;
  std::vector<int64_t> sequences, categories;  // empty where there are none
  bool have_ids = false;                       // then in the order of their ids, else as they came

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

/// Returns the samples in states, of copies the first. Throws Error for states that do not go together, for copies that
/// differ in what is known of a sample, and where samples lack of `expected`.
Samples samples_in(const States& states, const std::optional<int64_t>& expected);

/// The gallery in the order of labels, and what a query does not find in it.
class METRICS_API Gallery {
 public:
  explicit Gallery(const Samples& samples);

  /// The samples' indices.
  const std::vector<int64_t>& rows() const { return rows_; }
  int64_t size() const { return static_cast<int64_t>(rows_.size()); }

  struct Range {
    int64_t begin, end;
    bool holds(int64_t item) const { return begin <= item && item < end; }
  };
  /// The items of a label.
  Range of_label(int64_t label) const;
  /// The items that a query does not find, ascending: itself, and those of its sequence.
  std::span<const int64_t> ignored_by(int64_t query_row) const;
  bool ignores(int64_t query_row, int64_t item) const {
    const int64_t row = rows_[static_cast<std::size_t>(item)];
    if (samples_.sequences.empty()) return row == query_row;
    return samples_.sequences[static_cast<std::size_t>(row)] == samples_.sequences[static_cast<std::size_t>(query_row)];
  }

 private:
  const Samples& samples_;
  std::vector<int64_t> rows_, labels_;  // of items
  std::vector<int64_t> place_;          // of each sample, -1 for those that are not in the gallery
  std::vector<int64_t> by_sequence_;    // items in the order of sequences, and of places in a sequence
};

/// What queries find.
struct Relevant {
  int64_t relevant = 0;  // items of the gallery that are
  int64_t found = 0;     // items that can be looked at
};
Relevant relevant_to(const Samples& samples, const Gallery& gallery, int64_t query_row);

}  // namespace metrics::retrieval::embeddings
