#include "pairs.h"

#include "kernels/pairs/exact_products.h"
#include "kernels/plain_tensor.h"
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

namespace metrics::families::pairs {

namespace {

/// The type in which the kernels read both; integers are exact in float64 up to 2^53.
at::ScalarType kernel_dtype(const Tensor& preds, const Tensor& target) {
  if (!preds.is_floating_point() || !target.is_floating_point()) return at::kDouble;
  const at::ScalarType dtype = at::promoteTypes(preds.scalar_type(), target.scalar_type());
  const bool known = dtype == at::kHalf || dtype == at::kBFloat16 || dtype == at::kFloat;
  return known ? dtype : at::kDouble;
}

/// Borrowed where it is so already, because to own a tensor costs a tenth of a small update.
c10::MaybeOwned<Tensor> readable(const Tensor& tensor, at::ScalarType dtype) {
  using Readable = c10::MaybeOwned<Tensor>;
  if (kernels::is_plain(tensor) && tensor.scalar_type() == dtype) return Readable::borrowed(tensor);
  return Readable::owned(tensor.detach().to(dtype).contiguous());
}

}  // namespace

void check_num_outputs(int64_t num_outputs) {
  if (num_outputs >= 1) return;
  throw InvalidArgument("num_outputs: expected an integer of at least 1, got " + std::to_string(num_outputs));
}

void check_pairs(const Tensor& preds, const Tensor& target, const std::array<std::string_view, 2>& names) {
  if (preds.sizes() == target.sizes()) return;
  std::ostringstream message;
  message << "inputs `" << names[0] << "` and `" << names[1] << "` must have the same shape, got " << preds.sizes()
          << " and " << target.sizes();
  throw InvalidArgument(message.str());
}

void check_outputs(const Tensor& preds, int64_t num_outputs) {
  if (preds.dim() == 2 && preds.size(1) == num_outputs) return;
  std::ostringstream message;
  message << "inputs of shape [N, " << num_outputs << "] expected for num_outputs=" << num_outputs << ", got "
          << preds.sizes();
  if (preds.dim() == 1) message << "; a row of all outputs is [1, " << num_outputs << "], and a vector one output";
  throw InvalidArgument(message.str());
}

void check_one_or_two_dimensional(const Tensor& preds) {
  if (preds.dim() == 1 || (preds.dim() == 2 && preds.size(1) > 0)) return;
  std::ostringstream message;
  message << "1- or 2-dimensional inputs [N] or [N, M] expected, got shape " << preds.sizes();
  throw InvalidArgument(message.str());
}

bool carries_gradients(const Tensor& preds, const Tensor& target) {
  return at::GradMode::is_enabled() && (preds.requires_grad() || target.requires_grad());
}

bool has_kernel(const Tensor& preds) {
  return preds.is_cpu();
}

WidePairs wide_pairs(const Tensor& preds, const Tensor& target, int64_t columns) {
  const int64_t rows = preds.numel() / columns;
  return {preds.reshape({rows, columns}).to(at::kDouble), target.reshape({rows, columns}).to(at::kDouble)};
}

KernelPairs::KernelPairs(const Tensor& preds, const Tensor& target, int64_t columns, const Weights& weights)
    : columns_(columns),
      real_weights_(weights.floats() != nullptr ? nullptr : weights.reals()),
      float_weights_(weights.floats()),
      integer_weights_(weights.integers()),
      rows_of_weights_(weights.rows()) {
  const at::ScalarType dtype = kernel_dtype(preds, target);
  preds_ = readable(preds, dtype);
  target_ = readable(target, dtype);
}

kernels::pairs::Pairs KernelPairs::get() const {
  const int64_t rows = preds_->numel() / columns_;
  return {.preds = preds_->const_data_ptr(),
          .target = target_->const_data_ptr(),
          .element = kernels::element_of(preds_->scalar_type()),
          .rows = rows,
          .columns = columns_,
          .real_weights = real_weights_,
          .float_weights = float_weights_,
          .integer_weights = integer_weights_,
          .rows_of_weight = rows_of_weights_ == 0 ? 1 : rows / rows_of_weights_};
}

Tensor of_outputs(const Tensor& values) {
  return values.numel() == 1 && values.dim() > 0 ? values.reshape({}) : values;
}

void add_sums(State& state, std::span<const DoubleDouble> sums, at::IntArrayRef shape) {
  if (state.tensor().sizes() == shape) return state.add(sums);
  Tensor high = at::empty(shape, at::kDouble);
  Tensor low = at::empty(shape, at::kDouble);
  for (std::size_t column = 0; column < sums.size(); ++column) {
    high.mutable_data_ptr<double>()[column] = sums[column].high;
    low.mutable_data_ptr<double>()[column] = sums[column].low;
  }
  state.add(high, low);
}

namespace {

/// The sum of numbers that are not negative, by lanes in blocks, which are added in double-double.
DoubleDouble sum_of(const double* numbers, int64_t count) {
  constexpr int64_t lanes = 16, block = 4096;
  DoubleDouble sum;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = std::min(begin + block, count);
    std::array<double, lanes> of_lanes{};
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      for (int64_t lane = 0; lane < lanes; ++lane) of_lanes[static_cast<std::size_t>(lane)] += numbers[i + lane];
    }
    for (; i < end; ++i) sum = sum + numbers[i];
    for (const double lane : of_lanes) sum = sum + lane;
  }
  return sum;
}

}  // namespace

PairCount WeightsOfPairs::total() const {
  if (!weights_.given()) return rows_;
  const int64_t positions = weights_.rows() == 0 ? 0 : rows_ / weights_.rows();
  if (weights_.are_integers()) {
    const int64_t* const given = weights_.integers();
    return std::accumulate(given, given + weights_.rows(), int64_t{0}) * positions;
  }
  const DoubleDouble sum = sum_of(weights_.reals(), weights_.rows());
  return PairCount(kernels::pairs::product(sum, {static_cast<double>(positions), 0}));
}

PairCount WeightsOfPairs::total(const DoubleDouble& counted) const {
  if (!weights_.given()) return rows_;
  if (!weights_.are_integers()) return PairCount(counted);
  // Below it none of the sums on the way was rounded.
  return counted.value() < 0x1p53 ? PairCount(static_cast<int64_t>(counted.value())) : total();
}

Tensor WeightsOfPairs::column() const {
  const Tensor each = weights_.tensor().to(at::kDouble).unsqueeze(1);
  return each.size(0) == 0 ? each : each.expand({each.size(0), rows_ / each.size(0)}).reshape({rows_, 1});
}

CountToAdd::CountToAdd(States& states, std::string_view state, const PairCount& count)
    : state_(states[state]), count_(count) {
  if (!states.device().is_cpu()) {
    attempt_.emplace(states);
  } else if (state_.compensated()) {
    held_sums_ = state_.sums();
  } else {
    held_ = state_.counts();
  }
}

void CountToAdd::add() {
  if (held_ != nullptr) {
    *held_ += count_.whole;
    return;
  }
  if (held_sums_.high != nullptr) {
    const DoubleDouble sum = DoubleDouble{*held_sums_.high, *held_sums_.low} + count_.sum;
    *held_sums_.high = sum.high;
    *held_sums_.low = sum.low;
    return;
  }
  if (state_.compensated()) {
    state_.add(count_.sum);
  } else {
    state_.add(at::full({}, count_.whole, at::kLong));
  }
  attempt_->succeed();
}

}  // namespace metrics::families::pairs
