#pragma once

#include "kernels/pairs/sums.h"
#include <metrics/core/double_double.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/core/Tensor.h>
#include <c10/util/MaybeOwned.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// What metrics over pairs of a prediction and a target share: their checks, and how a batch reaches the kernels.

namespace metrics::families::pairs {

/// Throws InvalidArgument unless the option is at least 1.
void check_num_outputs(int64_t num_outputs);

/// Throws InvalidArgument unless both are of one shape.
void check_pairs(const Tensor& preds, const Tensor& target,
                 const std::array<std::string_view, 2>& names = {"preds", "target"});

/// Throws InvalidArgument for another shape than [N, num_outputs].
void check_outputs(const Tensor& preds, int64_t num_outputs);

/// Throws InvalidArgument unless both are [N] or [N, M].
void check_one_or_two_dimensional(const Tensor& preds);

/// Whether the value has to carry gradients to one of the inputs.
bool carries_gradients(const Tensor& preds, const Tensor& target);

/// Whether there is a kernel for the inputs: on the CPU. Elsewhere, and for gradients, the plain-tensor version runs.
bool has_kernel(const Tensor& preds);

/// Both as [rows, columns] in float64, with their history.
struct WidePairs {
  Tensor preds, target;
};
WidePairs wide_pairs(const Tensor& preds, const Tensor& target, int64_t columns);

/// Both as the kernels take them: contiguous, of one floating type, beside what their rows weigh. It lives no longer
/// than what it is made of.
class KernelPairs {
 public:
  KernelPairs(const Tensor& preds, const Tensor& target, int64_t columns, const Weights& weights = {});
  kernels::pairs::Pairs get() const;

 private:
  c10::MaybeOwned<Tensor> preds_, target_;
  int64_t columns_;
  const double* real_weights_;
  const float* float_weights_;
  const int64_t* integer_weights_;
  int64_t rows_of_weights_;
};

/// A value for each output as users get it: of a single one a scalar, in functionals, too.
Tensor of_outputs(const Tensor& values);

/// Adds a sum for each column to a state, as a tensor of `shape`.
void add_sums(State& state, std::span<const DoubleDouble> sums, at::IntArrayRef shape);

/// How many pairs there are: a number of them, or where they weigh the sum of that.
struct PairCount {
  int64_t whole = 0;
  DoubleDouble sum{};

  PairCount(int64_t count) : whole(count), sum(double_double_of(count)) {}  // NOLINT: as implicit as a number
  explicit PairCount(const DoubleDouble& weights) : sum(weights) {}
};

/// The weights of rows of pairs, of which several may belong to one row of the inputs. It lives no longer than these.
class WeightsOfPairs {
 public:
  WeightsOfPairs(const Weights& weights, int64_t rows) : weights_(weights), rows_(rows) {}

  bool given() const { return weights_.given(); }
  PairCount total() const;
  /// The same where a kernel has counted them.
  PairCount total(const DoubleDouble& counted) const;
  /// float64 [rows, 1].
  Tensor column() const;

 private:
  const Weights& weights_;
  int64_t rows_;
};

/// What the number of pairs grows by with a batch. Made before the batch's sums are added, it does all that can
/// fail: when they could not be, or the count on another device cannot, the states are as they were.
class CountToAdd {
 public:
  CountToAdd(States& states, std::string_view state, const PairCount& count);
  void add();

 private:
  State& state_;
  PairCount count_;
  int64_t* held_ = nullptr;                 // where the state is int64 and on the CPU
  State::Sums held_sums_{};                 // where it is a floating sum there
  std::optional<States::Attempt> attempt_;  // where it is not
};

}  // namespace metrics::families::pairs
