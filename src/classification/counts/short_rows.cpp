#include "short_rows.h"

#include "elements.h"
#include "side_by_side.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <type_traits>

namespace metrics::classification::counts::kernels {
namespace {

using side_by_side::most_classes;
using side_by_side::most_rows;

// Labels of a block as the tables know them.
using Block = FewRows;
static_assert(FewRows::most == most_rows && std::is_same_v<decltype(FewRows::predicted), side_by_side::Classes>);

// Functions with values, because what a lambda holds by reference might be what a loop writes to.

// Returns whether a label is of no class.
template <class L>
METRICS_INLINE bool code_all(const L* labels, int64_t count, int64_t classes, int32_t* codes) {
  const auto none = static_cast<int32_t>(classes);
  int32_t no_class = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool a_class = static_cast<uint64_t>(int64_t{labels[i]}) < static_cast<uint64_t>(classes);
    codes[i] = a_class ? static_cast<int32_t>(labels[i]) : none;
    no_class |= !a_class;
  }
  return no_class != 0;
}

// The same of those that are not ignored.
template <class L>
METRICS_INLINE bool code_counted(const L* labels, int64_t count, int64_t classes, int64_t ignored, int32_t* codes) {
  const auto none = static_cast<int32_t>(classes);
  int32_t no_class = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool a_class = static_cast<uint64_t>(int64_t{labels[i]}) < static_cast<uint64_t>(classes);
    const int32_t coded = a_class ? static_cast<int32_t>(labels[i]) : none;
    codes[i] = int64_t{labels[i]} == ignored ? none + 1 : coded;
    no_class |= codes[i] == none;
  }
  return no_class != 0;
}

bool code(const Labels& labels, int64_t first, int64_t count, int64_t classes, Ignored ignored, int32_t* codes) {
  bool no_class = false;
  with_labels(labels, [&](const auto* data) {
    fastest([&]() METRICS_INLINED {
      no_class = ignored.any ? code_counted(data + first, count, classes, ignored.value, codes)
                             : code_all(data + first, count, classes, codes);
    });
  });
  return no_class;
}

METRICS_INLINE bool any_of_no_class(const int32_t* target, const int32_t* predicted, int64_t count, int32_t none) {
  int32_t found = 0;
  for (int64_t i = 0; i < count; ++i) found |= (predicted[i] == none) & (target[i] <= none);
  return found != 0;
}

METRICS_INLINE void cells_of(const int32_t* target, const int32_t* predicted, int64_t count, int32_t width,
                             int32_t* cells) {
  for (int64_t i = 0; i < count; ++i) cells[i] = target[i] * width + predicted[i];
}

// Predictions of what is not ignored, and those that are right.
METRICS_INLINE void split(const int32_t* target, const int32_t* predicted, int64_t count, int32_t ignored,
                          int32_t* counted, int32_t* right) {
  for (int64_t i = 0; i < count; ++i) {
    counted[i] = target[i] == ignored ? ignored : predicted[i];
    right[i] = target[i] == predicted[i] ? predicted[i] : ignored;
  }
}

METRICS_INLINE Hits hits_in(const int32_t* target, const int32_t* predicted, int64_t count, int32_t ignored) {
  int32_t right = 0, kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    right += target[i] == predicted[i];
    kept += target[i] != ignored;
  }
  return {kept, right};
}

// --- Tables. Each takes blocks, is folded into int64 sums, and says of them what is added to the counts.

// A cell for each pair of target and prediction, of which the last row of cells holds what is ignored.
class Pairs {
 public:
  static constexpr int64_t most_cells = 2048;
  using Sums = std::array<int64_t, most_cells>;

  static bool fits(int64_t rows, int64_t classes) {
    const int64_t cells = (classes + 2) * (classes + 1);
    return cells <= most_cells && rows >= 4 * cells;
  }

  explicit Pairs(int64_t classes) : width_(classes + 1), cells_((classes + 2) * width_) {
    std::fill_n(counts_.data(), several * cells_, 0);
  }

  void take(const Block& block) {
    std::array<int32_t, most_rows> cells;
    fastest([&]() METRICS_INLINED {
      cells_of(block.target.data(), block.predicted.data(), block.rows, static_cast<int32_t>(width_), cells.data());
    });
    int64_t i = 0;
    for (; i + several <= block.rows; i += several) {
      for (int64_t j = 0; j < several; ++j) ++counts_[j * cells_ + cells[i + j]];
    }
    for (; i < block.rows; ++i) ++counts_[cells[i]];
  }

  void fold_into(Sums& sums) const {
    for (int64_t j = 0; j < several; ++j) {
      for (int64_t i = 0; i < cells_; ++i) sums[i] += counts_[j * cells_ + i];
    }
  }

  static void add_counts(int64_t* counts, const Sums& sums, int64_t classes) {
    int64_t kept = 0;
    for (int64_t i = 0; i < (classes + 1) * (classes + 1); ++i) kept += sums[i];
    for (int64_t c = 0; c < classes; ++c) {
      int64_t of_target = 0, of_prediction = 0;
      for (int64_t other = 0; other <= classes; ++other) {
        of_target += sums[c * (classes + 1) + other];
        of_prediction += sums[other * (classes + 1) + c];
      }
      const int64_t right = sums[c * (classes + 2)];
      add_class(counts, classes, c, kept, right, of_target, of_prediction);
    }
  }

  static void add_class(int64_t* counts, int64_t classes, int64_t c, int64_t kept, int64_t right, int64_t of_target,
                        int64_t of_prediction) {
    counts[c] += right;
    counts[classes + c] += of_prediction - right;
    counts[2 * classes + c] += kept - of_target - of_prediction + right;
    counts[3 * classes + c] += of_target - right;
  }

  static void add_confusion(int64_t* confusion, const Sums& sums, int64_t classes) {
    for (int64_t t = 0; t < classes; ++t) {
      for (int64_t p = 0; p < classes; ++p) confusion[t * classes + p] += sums[t * (classes + 1) + p];
    }
  }

 private:
  static constexpr int64_t several = 4;
  int64_t width_, cells_;
  std::array<uint32_t, several * most_cells> counts_;
};

// A cell for each class: of targets, of predictions, and of those that are right.
class ByClass {
 public:
  static constexpr int64_t width = most_classes + 2;
  using Sums = std::array<int64_t, 3 * width>;

  explicit ByClass(int64_t classes) : ignored_(static_cast<int32_t>(classes) + 1) {}

  void take(const Block& block) {
    std::array<int32_t, most_rows> predicted, right;
    fastest([&]() METRICS_INLINED {
      split(block.target.data(), block.predicted.data(), block.rows, ignored_, predicted.data(), right.data());
    });
    for (int64_t i = 0; i < block.rows; ++i) {
      uint32_t* counts = counts_.data() + i % several * 3 * width;
      ++counts[block.target[i]];
      ++counts[width + predicted[i]];
      ++counts[2 * width + right[i]];
    }
  }

  void fold_into(Sums& sums) const {
    for (int64_t j = 0; j < several; ++j) {
      for (int64_t i = 0; i < 3 * width; ++i) sums[i] += counts_[j * 3 * width + i];
    }
  }

  static void add_counts(int64_t* counts, const Sums& sums, int64_t classes) {
    int64_t kept = 0;
    for (int64_t c = 0; c <= classes; ++c) kept += sums[c];
    for (int64_t c = 0; c < classes; ++c) {
      Pairs::add_class(counts, classes, c, kept, sums[2 * width + c], sums[c], sums[width + c]);
    }
  }

 private:
  static constexpr int64_t several = 2;
  int32_t ignored_;
  std::array<uint32_t, several * 3 * width> counts_{};
};

// Of all classes together.
class Together {
 public:
  using Sums = Hits;

  explicit Together(int64_t classes) : ignored_(static_cast<int32_t>(classes) + 1) {}

  void take(const Block& block) {
    Hits here{};
    fastest([&]()
                METRICS_INLINED { here = hits_in(block.target.data(), block.predicted.data(), block.rows, ignored_); });
    add(hits_, here);
  }

  void fold_into(Hits& sums) const { add(sums, hits_); }

 private:
  static void add(Hits& into, Hits hits) {
    into.rows += hits.rows;
    into.right += hits.right;
  }

  int32_t ignored_;
  Hits hits_{};
};

// --- Blocks.

// Element `c` of the row, of those that scores have one after the other: sample by sample.
template <class E>
const E* row_at(const Scores& s, int64_t row) {
  return static_cast<const E*>(s.data) + row / s.positions * s.sample_stride + row % s.positions * s.position_stride;
}

// Puts the first NaN in place of the argmax, and returns whether a row that counts has one.
template <class E>
bool predict_nan(const Scores& s, int64_t first, Block& block) {
  bool found = false;
  for (int64_t i = 0; i < block.rows; ++i) {
    const E* row = row_at<E>(s, first + i);
    for (int64_t c = 0; c < s.classes; ++c) {
      Wide<E> room;
      const Wide<E> x = *widen(row + c * s.class_stride, 1, &room);
      if (x == x) continue;
      block.predicted[i] = static_cast<int32_t>(c);
      found |= block.target[i] <= s.classes;
      break;
    }
  }
  return found;
}

template <class E>
bool predict_block_as(const Scores& s, int64_t first, Block& block) {
  const Machine machine = this_machine();
  const bool rows_of_classes = s.class_stride == 1;
  const bool even = rows_of_classes && (s.positions == 1 || s.sample_stride == s.positions * s.position_stride);
  const int64_t stride = !rows_of_classes ? s.class_stride : s.positions == 1 ? s.sample_stride : s.position_stride;
  bool odd = false;
  for (int64_t i = 0; i < block.rows;) {
    const int64_t left = block.rows - i, of_sample = s.positions - (first + i) % s.positions;
    const int64_t some = even ? left : std::min(left, of_sample);
    odd |= side_by_side::argmax(machine, rows_of_classes, row_at<E>(s, first + i), stride, some, s.classes,
                                block.predicted.data() + i);
    i += some;
  }
  return odd && predict_nan<E>(s, first, block);
}

// Returns whether a row that counts has a score that is NaN.
bool predict_block(const Scores& s, int64_t first, Block& block) {
  return with_element(s.data, s.element, [&]<class E>(const E*) { return predict_block_as<E>(s, first, block); });
}

// Fills the block with rows from `first` on.
Found read_block(const ShortRows& rows, int64_t first, Block& block) {
  Found found;
  found.no_class = code(rows.target, first, block.rows, rows.classes, rows.ignored, block.target.data());
  if (rows.scores) {
    found.nan = predict_block(*rows.scores, first, block);
    return found;
  }
  if (code(rows.predicted, first, block.rows, rows.classes, Ignored(std::nullopt), block.predicted.data())) {
    fastest([&]() METRICS_INLINED {
      found.no_class |=
          any_of_no_class(block.target.data(), block.predicted.data(), block.rows, static_cast<int32_t>(rows.classes));
    });
  }
  return found;
}

bool counts(const Found& found, const ShortRows& rows) {
  return !rows.validate || !(found.no_class || found.nan);
}

// Counts all rows, and hands the sums to `add` unless something keeps them from being counted.
template <class Table, class Add>
Found count_in_tables(const ShortRows& rows, const Add& add) {
  std::mutex adding;
  typename Table::Sums sums{};
  Found found;
  parallel(rows.rows, rows.scores ? rows.classes : 1, [&](int64_t begin, int64_t end) {
    // What a table counts has 32 bits.
    constexpr int64_t most = int64_t{1} << 30;
    for (; begin < end; begin += most) {
      const int64_t last = std::min(begin + most, end);
      Table table(rows.classes);
      Block block;
      Found here;
      for (int64_t first = begin; first < last; first += most_rows) {
        block.rows = std::min(most_rows, last - first);
        const auto [no_class, nan] = read_block(rows, first, block);
        here.no_class |= no_class;
        here.nan |= nan;
        table.take(block);
      }
      const std::lock_guard lock(adding);
      table.fold_into(sums);
      found.no_class |= here.no_class;
      found.nan |= here.nan;
    }
  });
  if (counts(found, rows)) add(sums);
  return found;
}

// The same of rows that are one block, which is handed to `add` itself: a table would cost more than the rows.
template <class Add>
Found count_in_place(const ShortRows& rows, const Add& add) {
  Block block;
  block.rows = rows.rows;
  const Found found = read_block(rows, 0, block);
  if (counts(found, rows)) add(block);
  return found;
}

void add_block(int64_t* counts, int64_t classes, const Block& block) {
  int64_t* tp = counts;
  int64_t* fp = tp + classes;
  int64_t* tn = fp + classes;
  int64_t* fn = tn + classes;
  int64_t kept = 0;
  for (int64_t i = 0; i < block.rows; ++i) {
    const int64_t t = block.target[i], p = block.predicted[i];
    if (t > classes) continue;
    ++kept;
    if (t == p && t < classes) {
      ++tp[t];
      --tn[t];
      continue;
    }
    if (p < classes) {
      ++fp[p];
      --tn[p];
    }
    if (t < classes) {
      ++fn[t];
      --tn[t];
    }
  }
  for (int64_t c = 0; c < classes; ++c) tn[c] += kept;
}

}  // namespace

bool is_short(int64_t classes) {
  return classes >= 2 && classes <= most_classes;
}

Found read_few(const ShortRows& rows, int64_t first, int64_t count, FewRows& few) {
  few.rows = count;
  few.classes = rows.classes;
  return read_block(rows, first, few);
}

bool predict_short(const Scores& scores, int64_t* predicted) {
  std::atomic<bool> nan_seen = false;
  parallel(scores.samples * scores.positions, scores.classes, [&](int64_t begin, int64_t end) {
    Block block;
    block.target.fill(0);  // all rows count
    for (int64_t first = begin; first < end; first += most_rows) {
      block.rows = std::min(most_rows, end - first);
      if (predict_block(scores, first, block)) nan_seen = true;
      std::copy_n(block.predicted.data(), block.rows, predicted + first);
    }
  });
  return nan_seen;
}

Found add_short_counts(int64_t* counts, const ShortRows& rows) {
  const int64_t classes = rows.classes;
  if (rows.rows <= most_rows) {
    return count_in_place(rows, [&](const Block& block) { add_block(counts, classes, block); });
  }
  if (Pairs::fits(rows.rows, classes)) {
    return count_in_tables<Pairs>(rows, [&](const auto& sums) { Pairs::add_counts(counts, sums, classes); });
  }
  return count_in_tables<ByClass>(rows, [&](const auto& sums) { ByClass::add_counts(counts, sums, classes); });
}

Found add_short_micro_counts(int64_t* counts, int64_t classes, const ShortRows& rows) {
  return count_in_tables<Together>(rows, [&](Hits hits) { add_hits(counts, classes, hits); });
}

bool fits_short_confusion(int64_t rows, int64_t classes) {
  return is_short(classes) && (rows <= most_rows || Pairs::fits(rows, classes));
}

Found add_short_confusion(int64_t* confusion, const ShortRows& rows) {
  const int64_t classes = rows.classes;
  if (rows.rows > most_rows) {
    return count_in_tables<Pairs>(rows, [&](const auto& sums) { Pairs::add_confusion(confusion, sums, classes); });
  }
  return count_in_place(rows, [&](const Block& block) {
    for (int64_t i = 0; i < block.rows; ++i) {
      const int64_t t = block.target[i], p = block.predicted[i];
      if (t < classes && p < classes) ++confusion[t * classes + p];
    }
  });
}

}  // namespace metrics::classification::counts::kernels
