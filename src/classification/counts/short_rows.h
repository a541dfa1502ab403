#pragma once

#include "kernels.h"

#include <array>
#include <cstdint>

/// Counting of classes that are few: a block of rows at a time, whose argmax is taken side by side and whose labels are
/// checked on the way. Every task counts into tables of its own, several in turn, because an increment of a number has
/// to wait for the one before; nothing is added to what it is for before all rows have been looked at.
namespace metrics::classification::counts::kernels {

/// Rows of classes whose predictions are scores, or labels.
struct ShortRows {
  const Scores* scores;  ///< Null if predictions are labels.
  Labels predicted;      ///< What they are then.
  Labels target;
  int64_t rows, classes;
  Ignored ignored;
  bool validate;  ///< Whether what is found below keeps all from being counted.
};

/// What a row that counts may hold.
struct Found {
  bool no_class = false;  ///< A label outside of [0, classes).
  bool nan = false;       ///< A score that is NaN.
};

/// Whether these functions take rows of so many classes.
bool is_short(int64_t classes);

/// Rows that are few enough to be looked at together, as codes: a class, or `classes` for a label of none, or `classes`
/// + 1 for a target that is ignored.
struct FewRows {
  static constexpr int64_t most = 256;
  std::array<int32_t, most> target;
  std::array<int32_t, most + 8> predicted;  // a register is written at once
  int64_t rows, classes;
};

/// Codes so many rows from `first` on, `FewRows::most` at most.
Found read_few(const ShortRows& rows, int64_t first, int64_t count, FewRows& few);

/// Writes the predicted class of each row, and returns whether any score is NaN: the first that is comes before all.
bool predict_short(const Scores& scores, int64_t* predicted);

/// Counts into `counts` [4, classes].
Found add_short_counts(int64_t* counts, const ShortRows& rows);

/// Counts all classes together into `counts` [4], as if there were `classes`. A prediction of no class is right where
/// the target is of none.
Found add_short_micro_counts(int64_t* counts, int64_t classes, const ShortRows& rows);

/// Whether `add_short_confusion` takes so many rows of so many classes: many are counted into a table of all pairs
/// first.
bool fits_short_confusion(int64_t rows, int64_t classes);

/// Counts into `confusion` [classes, classes].
Found add_short_confusion(int64_t* confusion, const ShortRows& rows);

}  // namespace metrics::classification::counts::kernels
