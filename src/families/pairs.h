#pragma once

#include "kernels/pairs/sums.h"
#include <metrics/core/metric_of.h>
#include <metrics/core/readable.h>
#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

// What metrics over pairs of a prediction and a target share: their checks, and how a batch reaches the kernels.

namespace metrics::pairs {

/// Throws InvalidArgument naming `metric` unless the option is at least 1.
void check_num_outputs(std::string_view metric, int64_t num_outputs);

/// Throws InvalidArgument naming `metric` unless both are of one shape.
void check_pairs(std::string_view metric, const Tensor& preds, const Tensor& target);

/// Throws InvalidArgument for another shape than [N, num_outputs].
void check_outputs(std::string_view metric, const Tensor& preds, int64_t num_outputs);

/// Throws InvalidArgument unless both are [N] or [N, M].
void check_one_or_two_dimensional(std::string_view metric, const Tensor& preds);

/// Whether the value has to carry gradients to one of the inputs.
bool carries_gradients(const Tensor& preds, const Tensor& target);

/// Whether there is a kernel for the inputs: on the CPU. Elsewhere, and for gradients, the plain-tensor version runs.
bool has_kernel(const Tensor& preds);

/// Both as [rows, columns] in float64, with their history.
struct WidePairs {
  Tensor preds, target;
};
WidePairs wide_pairs(const Tensor& preds, const Tensor& target, int64_t columns);

/// Both as the kernels take them: contiguous, of one floating type.
class KernelPairs {
 public:
  KernelPairs(const Tensor& preds, const Tensor& target, int64_t columns);
  kernels::pairs::Pairs get() const;

 private:
  Tensor preds_, target_;
  int64_t columns_;
};

/// Adds a sum for each column to a state, as a tensor of `shape`.
void add_sums(State& state, const std::vector<DoubleDouble>& sums, at::IntArrayRef shape);

/// Adds to the int64 count of a metric.
void add_count(State& state, int64_t count);

/// What a functional is: the value of one batch, float64 if an input is, else float32.
template <class D>
Tensor value_of(const typename D::Options& options, const Tensor& preds, const Tensor& target) {
  metrics::detail::check_readable(D::name, "preds", preds);
  metrics::detail::check_readable(D::name, "target", target);
  MetricOf<D> metric(options, {.sync_on_compute = false, .compute_with_cache = false});
  if (preds.scalar_type() == at::kDouble || target.scalar_type() == at::kDouble) metric.set_dtype(at::kDouble);
  if (!preds.is_cpu()) metric.to(preds.device());
  return metric.forward(preds, target);
}

}  // namespace metrics::pairs
