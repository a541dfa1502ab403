#pragma once

#include <metrics/classification/curves.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinaryROC.
struct BinaryROCOptions {
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels are checked. Without it targets other than 0 and 1 do not count.
  bool validate_args = true;
  Normalization normalization = Normalization::Sigmoid;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryROCOptions;
    return metrics::fields<&Self::thresholds, &Self::ignore_index, &Self::validate_args, &Self::normalization,
                           &Self::input>();
  }
};

}  // namespace metrics
