#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>
#include <c10/util/MaybeOwned.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace metrics {

class States;

/// Which weights of rows a metric takes.
enum class RowWeights {
  Any,
  Integers,  ///< Integers and bool, by taking each row so often: what it keeps of a row has no weight.
  None,
};

METRICS_API std::string_view to_string(RowWeights weights);

/// What the rows of a batch weigh, as a definition's update is given it: numbers above 0, without gradients, on the
/// CPU.
class METRICS_API Weights {
 public:
  /// What floating weights have in common, by their bits as float64, which have the order of the numbers: the least and
  /// the greatest, and all bits that any has, or more.
  struct Bits {
    int64_t least, greatest, any;
  };

  /// No weights: each row counts once.
  Weights() = default;
  /// `values`: int64, float64 or float32 [N], contiguous, on the CPU.
  explicit Weights(Tensor values) : Weights(c10::MaybeOwned<Tensor>::owned(std::move(values))) {}
  /// The same; of a borrowed tensor, which has to live longer.
  explicit Weights(c10::MaybeOwned<Tensor> values);

  bool given() const { return given_; }
  /// Whether counts of such rows are integers; they are where no weights are given.
  bool are_integers() const { return reals_ == nullptr && floats_ == nullptr; }
  const int64_t* integers() const { return integers_; }
  /// Float64, whether they were given so or as float32. The first call writes what was not, so that one thread makes it
  /// before others do.
  const double* reals() const { return reals_ != nullptr || floats_ == nullptr ? reals_ : widened(); }
  /// Where they were given as float32; else null.
  const float* floats() const { return floats_; }
  int64_t rows() const { return rows_; }
  /// Of floating weights.
  const Bits& bits() const { return bits_; }
  /// Whether these are integers that are all 1.
  bool are_ones() const { return given() && are_integers() && beyond_1_ == 0; }
  /// Whether a look without branches has shown that all are above 0, finite, and as integers few or small enough for
  /// any sum of them. Where it has not, they may be so still.
  bool are_known_to_count() const;
  /// int64 or float64 [N].
  Tensor tensor() const;
  /// Those of the rows at these indices, int64.
  Weights of(const Tensor& rows) const;

 private:
  const double* widened() const;

  c10::MaybeOwned<Tensor> values_;  // as they were given
  mutable Tensor wide_;             // as float64, where they were given as float32 and `reals` was asked for
  bool given_ = false;
  int64_t rows_ = 0;
  const int64_t* integers_ = nullptr;
  mutable const double* reals_ = nullptr;
  const float* floats_ = nullptr;
  Bits bits_{};
  int64_t beyond_1_ = 0;  // of integers: all bits that any has less 1
};

namespace detail {

/// The rows of a batch that count, and what they weigh.
struct WeighedRows {
  std::optional<Tensor> kept;  ///< Their indices, int64; absent where all count.
  Weights weights;             ///< Of those alone; none where these are integers that are all 1.
};

/// Throws InvalidArgument for weights that cannot be, and those that a metric which takes `taken` does not take. What
/// it returns lives no longer than `rows`.
METRICS_API WeighedRows weighed_rows(const Rows& rows, RowWeights taken);

/// The same rows, of which those at `kept` alone are valid.
METRICS_API Rows with_valid(const Rows& rows, const Tensor& kept);

/// Throws InvalidArgument where weights are given to a functional that takes none.
METRICS_API void require_no_weights(std::string_view functional, const Rows& rows);

/// Whether rows of such weights can be folded into the states as they are: integers where no count is in double-double,
/// others where all are.
METRICS_API bool can_fold(const States& states, const Weights& weights);

/// Adds to states that can be scaled what an update makes of weighted rows. `update(states, rows)` folds in the rows of
/// these indices, or without any all of them.
METRICS_API void fold_by_weight(States& states, const Weights& weights,
                                const std::function<void(States&, const std::optional<Tensor>& rows)>& update);

/// The indices of rows, each as often as it weighs.
METRICS_API Tensor repeated_rows(const Weights& weights);

}  // namespace detail

}  // namespace metrics
