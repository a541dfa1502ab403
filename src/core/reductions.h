#pragma once

#include <metrics/core/state.h>

#include <cstdint>
#include <string_view>

namespace metrics {

/// How a state travels whole once it is too large to be gathered from each rank.
enum class LargeForm {
  None,      ///< It is gathered all the same.
  Added,     ///< The ranks' integers are added on the way; floating ones go as `InSlices`.
  Least,     ///< The ranks' least numbers are found on the way.
  Greatest,  ///< And the greatest.
  InSlices,  ///< Each rank merges a slice, and gives it to the others.
};

/// What torchmetrics has in a state dict.
enum class FileForm {
  Tensor,         ///< As it is.
  RoundedTensor,  ///< In the metric's dtype, where floating numbers are kept in float64 here.
  Rows,           ///< A list of one tensor, empty for no rows.
  Items,          ///< A list with a tensor for each item.
};

/// What is held of rows that are there several times.
enum class UnderWeights {
  Scaled,   ///< So much more.
  Same,     ///< The same.
  Unknown,  ///< What is held of them once does not say.
};

/// What a reduction is; whatever depends on it asks here. The default of a state is its neutral element, and that of
/// one that grows is to be empty.
struct ReductionRules {
  Reduction reduction;
  std::string_view name;
  std::string_view fold;  ///< The member of `State` that folds data in.
  bool grows;
  bool compensated;  ///< Floating numbers are kept in double-double.
  UnderWeights weighted;
  /// The form in which a default, and with it the state, is kept.
  Tensor (*kept_form)(const Tensor& initial);
  /// Folds in `from`; of so many updates each.
  void (*merge)(State& into, const State& from, int64_t updates, int64_t updates_of_from);
  LargeForm large;
  FileForm in_file;
  /// Whether a value, which a file gives, can have come from its default.
  bool (*can_hold)(const Tensor& value, const Tensor& initial);
};

const ReductionRules& rules_of(Reduction reduction);

}  // namespace metrics
