#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

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
  /// No weights: each row counts once.
  Weights() = default;
  /// `values`: int64 or float64 [N], contiguous, on the CPU.
  explicit Weights(Tensor values);

  bool given() const { return values_.defined(); }
  /// Whether counts of such rows are integers; they are where no weights are given.
  bool are_integers() const { return reals_ == nullptr; }
  const int64_t* integers() const { return integers_; }
  const double* reals() const { return reals_; }
  int64_t rows() const { return given() ? values_.size(0) : 0; }
  /// int64 or float64 [N].
  const Tensor& tensor() const { return values_; }

 private:
  Tensor values_;
  const int64_t* integers_ = nullptr;
  const double* reals_ = nullptr;
};

namespace detail {

/// The rows of a batch that count, and what they weigh.
struct WeighedRows {
  std::optional<Tensor> kept;  ///< Their indices, int64; absent where all count.
  Weights weights;             ///< Of those alone.
};

/// Throws InvalidArgument for weights that cannot be, and those that a metric which takes `taken` does not take.
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
