#include "kernels/fastest.h"
#include "kernels/plain_tensor.h"
#include <metrics/core/errors.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/EmptyTensor.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

namespace metrics {

namespace {

/// What a batch's integer weights add up to at most: counts of it are exact in float64, too.
constexpr int64_t most_of_integers = int64_t{1} << 53;

/// Repeated indices take memory, 8 bytes each.
constexpr int64_t most_repeated = int64_t{1} << 31;

[[noreturn]] void throw_weight(int64_t row, const std::string& weight, const std::string& expected) {
  throw InvalidArgument("Rows.weights: row " + std::to_string(row) + " has weight " + weight + "; expected " +
                        expected);
}

std::string text_of(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

/// Which rows are looked at: those that are valid.
class Valid {
 public:
  explicit Valid(const std::optional<Tensor>& valid) {
    if (valid) held_ = valid->to(at::kCPU).resolve_neg().contiguous();
    rows_ = valid ? held_.const_data_ptr<bool>() : nullptr;
  }
  bool operator()(int64_t row) const { return rows_ == nullptr || rows_[row]; }

 private:
  Tensor held_;
  const bool* rows_;
};

void check_values(const int64_t* weights, int64_t rows, const Valid& valid) {
  int64_t sum = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (!valid(row)) continue;
    if (weights[row] < 0) throw_weight(row, std::to_string(weights[row]), "numbers that are not negative");
    if (weights[row] > most_of_integers - sum) {
      throw_weight(row, std::to_string(weights[row]),
                   "integers whose sum over a batch is at most 2^53, beyond which counts are not exact");
    }
    sum += weights[row];
  }
}

void check_values(const double* weights, int64_t rows, const Valid& valid) {
  for (int64_t row = 0; row < rows; ++row) {
    if (!valid(row)) continue;
    if (weights[row] >= 0 && std::isfinite(weights[row])) continue;
    throw_weight(row, text_of(weights[row]), "finite numbers that are not negative");
  }
}

Tensor row_tensor(int64_t rows) {
  return Tensor(at::detail::empty_cpu({rows}, at::kLong));
}

/// The bits that any of the numbers less 1 has, without a branch: none where all are 1, and the sign where one is below
/// that.
int64_t look_at(const int64_t* numbers, int64_t count) {
  uint64_t any = 0;
  kernels::fastest([&]() METRICS_INLINED {
    uint64_t seen = 0;
    for (int64_t i = 0; i < count; ++i) seen |= static_cast<uint64_t>(numbers[i]) - 1;
    any = seen;
  });
  return static_cast<int64_t>(any);
}

/// The least and greatest of numbers, and the bits that any of them has, without a branch. `as_bits(number)` is an
/// integer.
template <class Given, class AsBits>
Weights::Bits look_at(const Given* numbers, int64_t count, const AsBits& as_bits) {
  using Integer = decltype(as_bits(*numbers));
  if (count == 0) return {1, 1, 1};
  Weights::Bits bits{};
  kernels::fastest([&]() METRICS_INLINED {
    Integer least = std::numeric_limits<Integer>::max(), greatest = std::numeric_limits<Integer>::min(), any = 0;
    for (int64_t i = 0; i < count; ++i) {
      const Integer number = as_bits(numbers[i]);
      least = std::min(least, number);
      greatest = std::max(greatest, number);
      any |= number;
    }
    bits = {least, greatest, any};
  });
  return bits;
}

Weights::Bits look_at(const double* numbers, int64_t count) {
  return look_at(numbers, count, [](double number) METRICS_INLINED { return std::bit_cast<int64_t>(number); });
}
Weights::Bits look_at(const float* numbers, int64_t count) {
  const Weights::Bits bits =
      look_at(numbers, count, [](float number) METRICS_INLINED { return std::bit_cast<int32_t>(number); });
  const auto wide = [](int64_t of_float) {
    const auto number = static_cast<double>(std::bit_cast<float>(static_cast<int32_t>(of_float)));
    return std::bit_cast<int64_t>(number);
  };
  constexpr int mantissa_of_float = 23, mantissa_of_double = 52;
  constexpr int64_t least_normal = int64_t{1} << mantissa_of_float;
  const int64_t any = bits.any << (mantissa_of_double - mantissa_of_float);
  return {wide(bits.least), wide(bits.greatest), bits.least < least_normal ? -1 : any};
}

/// Memory for so many numbers, the same as before where nothing else refers to it any more: to ask for fresh memory
/// takes as long as a small batch takes to count, and of a large one fresh pages cost more than what is written to
/// them.
template <class Number>
Tensor room_for(int64_t rows) {
  thread_local Tensor kept;
  const bool is_free = kept.defined() && kept.numel() == rows && kept.use_count() == 1 &&
                       kept.storage().use_count() == 1 && kept.is_inference() == c10::InferenceMode::is_enabled();
  if (!is_free) kept = Tensor(at::detail::empty_cpu({rows}, c10::CppTypeToScalarType<Number>::value));
  return kept;
}

/// The same numbers as another type.
template <class Number, class Given>
Tensor written_as(const Given* given, int64_t rows) {
  Tensor values = room_for<Number>(rows);
  auto* const numbers = values.mutable_data_ptr<Number>();
  kernels::fastest([&]() METRICS_INLINED {
    Number* __restrict to = numbers;
    for (int64_t row = 0; row < rows; ++row) to[row] = static_cast<Number>(given[row]);
  });
  return values;
}

template <class Number>
std::optional<Tensor> rows_above_0(const Number* weights, int64_t rows, const Valid& valid) {
  const auto counts = [&](int64_t row) { return weights[row] > 0 && valid(row); };
  int64_t kept = 0;
  for (int64_t row = 0; row < rows; ++row) kept += counts(row) ? 1 : 0;
  if (kept == rows) return std::nullopt;
  Tensor indices = row_tensor(kept);
  int64_t* next = indices.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < rows; ++row) {
    if (counts(row)) *next++ = row;
  }
  return indices;
}

/// As a type that `Weights` takes, on the CPU, without gradients; what is so already is borrowed.
c10::MaybeOwned<Tensor> as_numbers(const Tensor& given) {
  using Numbers = c10::MaybeOwned<Tensor>;
  const at::ScalarType type = given.scalar_type();
  const at::ScalarType taken = at::isIntegralType(type, /*includeBool=*/true) ? at::kLong
                               : type == at::kFloat                           ? at::kFloat
                                                                              : at::kDouble;
  if (!kernels::is_plain(given)) return Numbers::owned(given.detach().to(at::kCPU, taken).resolve_neg().contiguous());
  if (type == taken) return Numbers::borrowed(given);
  if (type == at::kBool) return Numbers::owned(written_as<int64_t>(given.const_data_ptr<bool>(), given.size(0)));
  if (type == at::kInt) return Numbers::owned(written_as<int64_t>(given.const_data_ptr<int32_t>(), given.size(0)));
  return Numbers::owned(given.detach().to(taken));
}

Tensor without_gradient(const Tensor& tensor) {
  return tensor.requires_grad() ? tensor.detach() : tensor;
}

void require_taken(RowWeights taken, const Tensor& weights) {
  if (taken == RowWeights::None) throw InvalidArgument("Rows.weights: this metric takes no weights of rows");
  if (taken == RowWeights::Any || at::isIntegralType(weights.scalar_type(), /*includeBool=*/true)) return;
  std::ostringstream message;
  message << "Rows.weights: this metric takes integers alone as weights of rows, by taking a row so often; got "
          << weights.scalar_type();
  throw InvalidArgument(message.str());
}

/// Calls f(weight, rows) for each weight that occurs, in ascending order; without rows for one that all have.
template <class Number, class F>
void each_weight(const Number* weights, int64_t rows, const F& f) {
  if (std::all_of(weights, weights + rows, [&](Number weight) { return weight == weights[0]; })) {
    return f(weights[0], std::nullopt);
  }
  std::map<Number, std::vector<int64_t>> rows_of;
  for (int64_t row = 0; row < rows; ++row) rows_of[weights[row]].push_back(row);
  for (const auto& [weight, indices] : rows_of) {
    Tensor kept = row_tensor(static_cast<int64_t>(indices.size()));
    std::copy(indices.begin(), indices.end(), kept.mutable_data_ptr<int64_t>());
    f(weight, std::optional<Tensor>(std::move(kept)));
  }
}

}  // namespace

std::string_view to_string(RowWeights weights) {
  switch (weights) {
    case RowWeights::Any:
      return "any";
    case RowWeights::Integers:
      return "integers";
    case RowWeights::None:
      break;
  }
  return "none";
}

Weights::Weights(c10::MaybeOwned<Tensor> values) : values_(std::move(values)), given_(true), rows_(values_->size(0)) {
  switch (values_->scalar_type()) {
    case at::kFloat:
      floats_ = values_->const_data_ptr<float>();
      bits_ = look_at(floats_, rows_);
      break;
    case at::kDouble:
      reals_ = values_->const_data_ptr<double>();
      bits_ = look_at(reals_, rows_);
      break;
    default:
      integers_ = values_->const_data_ptr<int64_t>();
      beyond_1_ = look_at(integers_, rows_);
  }
}

bool Weights::are_known_to_count() const {
  if (are_integers()) {
    // Of so many integers up to 2^31 no sum is beyond 2^53.
    constexpr int64_t many = int64_t{1} << 22, small = int64_t{1} << 31;
    return beyond_1_ >= 0 && beyond_1_ < small && rows_ <= many;
  }
  constexpr auto infinity = std::bit_cast<int64_t>(std::numeric_limits<double>::infinity());
  return bits_.least > 0 && bits_.greatest < infinity;
}

const double* Weights::widened() const {
  wide_ = written_as<double>(floats_, rows_);
  return reals_ = wide_.const_data_ptr<double>();
}

Weights Weights::of(const Tensor& rows) const {
  return Weights(without_gradient(*values_).index_select(0, rows));
}

Tensor Weights::tensor() const {
  if (!given_) return {};
  if (floats_ == nullptr) return without_gradient(*values_);
  reals();
  return wide_;
}

detail::WeighedRows detail::weighed_rows(const Rows& rows, RowWeights taken) {
  const Tensor& given = *rows.weights;
  require_taken(taken, given);
  WeighedRows weighed{std::nullopt, Weights(as_numbers(given))};
  Weights& weights = weighed.weights;
  if (rows.valid || !weights.are_known_to_count()) {
    const Valid valid(rows.valid);
    const auto kept_of = [&](const auto* numbers) {
      check_values(numbers, weights.rows(), valid);
      return rows_above_0(numbers, weights.rows(), valid);
    };
    weighed.kept = weights.are_integers() ? kept_of(weights.integers()) : kept_of(weights.reals());
    if (weighed.kept) weights = weights.of(*weighed.kept);
  }
  if (weights.are_ones()) weights = Weights{};
  return weighed;
}

Rows detail::with_valid(const Rows& rows, const Tensor& kept) {
  Rows counted = rows;
  Tensor valid = at::zeros(rows.weights->sizes(), at::kBool);
  counted.valid = valid.index_fill_(0, kept, true).to(rows.weights->device());
  return counted;
}

void detail::require_no_weights(std::string_view functional, const Rows& rows) {
  const auto refuse = [&](const char* what) {
    throw InvalidArgument(std::string(functional) + ": this functional takes no " + what + " of rows");
  };
  if (rows.weights) refuse("weights (`sample_weight`)");
  if (rows.valid) refuse("marks of validity (`valid`)");
  if (rows.ids) refuse("`ids`");
}

bool detail::can_fold(const States& states, const Weights& weights) {
  return weights.are_integers() ? !states.is_weighted() : states.take_floating_weights();
}

void detail::fold_by_weight(States& states, const Weights& weights,
                            const std::function<void(States&, const std::optional<Tensor>& rows)>& update) {
  if (weights.rows() == 0) return update(states, std::nullopt);
  const auto add = [&](auto weight, const std::optional<Tensor>& rows) {
    States part = states.fresh();
    update(part, rows);
    part.scale(weight);
    states.merge(part);
  };
  if (weights.are_integers()) {
    each_weight(weights.integers(), weights.rows(), add);
  } else {
    each_weight(weights.reals(), weights.rows(), add);
  }
}

Tensor detail::repeated_rows(const Weights& weights) {
  const int64_t* const times = weights.integers();
  int64_t total = 0;
  for (int64_t row = 0; row < weights.rows(); ++row) total += times[row];
  if (total > most_repeated) {
    throw InvalidArgument("Rows.weights: this metric takes a row as often as it weighs, and these add up to " +
                          std::to_string(total) + " rows; expected at most 2^31 a batch");
  }
  Tensor indices = row_tensor(total);
  int64_t* next = indices.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < weights.rows(); ++row) next = std::fill_n(next, times[row], row);
  return indices;
}

}  // namespace metrics
