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
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <type_traits>
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

// Whether all rows count, with weights that can be, is told of most batches by one look at them, without a branch.

/// Of so many integers below 2^31 no sum is beyond 2^53.
constexpr int64_t many_integers = int64_t{1} << 22;

bool are_all_above_0(const int64_t* weights, int64_t rows) {
  constexpr int64_t few = int64_t{1} << 31;
  int64_t odd = rows > many_integers ? 1 : 0;
  kernels::fastest([&]() METRICS_INLINED {
    int64_t seen = 0;
    for (int64_t row = 0; row < rows; ++row) seen |= (weights[row] <= 0) | (weights[row] >= few);
    odd |= seen;
  });
  return odd == 0;
}
bool are_all_above_0(const double* weights, int64_t rows) {
  int64_t odd = 0;
  kernels::fastest([&]() METRICS_INLINED {
    int64_t seen = 0;
    for (int64_t row = 0; row < rows; ++row) {
      seen |= !((weights[row] > 0) & (weights[row] <= std::numeric_limits<double>::max()));
    }
    odd = seen;
  });
  return odd == 0;
}

/// The same of weights of another type, which it writes as `Number`: float32 as float64, integers and bool as int64.
template <class Number, class Given>
bool widen_above_0(const Given* weights, int64_t rows, Number* wide) {
  int64_t odd = 0;
  kernels::fastest([&]() METRICS_INLINED {
    int64_t seen = 0;
    Number* __restrict to = wide;
    for (int64_t row = 0; row < rows; ++row) {
      const auto weight = static_cast<Number>(weights[row]);
      to[row] = weight;
      seen |= !((weight > 0) & (weight <= std::numeric_limits<Number>::max()));
    }
    odd = seen;
  });
  return odd == 0;
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

/// Weights as numbers of their kind, and whether all rows count, with weights that can be.
struct Looked {
  Tensor values;
  bool all;
};

template <class Number, class Given>
Looked widened(const Tensor& given) {
  const int64_t rows = given.size(0);
  Tensor values = room_for<Number>(rows);
  const bool all = widen_above_0(given.const_data_ptr<Given>(), rows, values.mutable_data_ptr<Number>());
  const bool may_be_too_much = std::is_same_v<Given, int32_t> && rows > many_integers;
  return {std::move(values), all && !may_be_too_much};
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

/// Numbers of that type on the CPU, without gradients; those that are such already are not copied.
Tensor as_numbers(const Tensor& given, at::ScalarType dtype) {
  if (!kernels::is_plain(given)) return given.detach().to(at::kCPU, dtype).resolve_neg().contiguous();
  if (given.scalar_type() == dtype) return given.requires_grad() ? given.detach() : given;
  return given.detach().to(dtype);
}

Looked look_at(const Tensor& given, bool integers) {
  if (kernels::is_plain(given)) {
    switch (given.scalar_type()) {
      case at::kFloat:
        return widened<double, float>(given);
      case at::kBool:
        return widened<int64_t, bool>(given);
      case at::kInt:
        return widened<int64_t, int32_t>(given);
      default:
        break;
    }
  }
  Tensor values = as_numbers(given, integers ? at::kLong : at::kDouble);
  const bool all = integers ? are_all_above_0(values.const_data_ptr<int64_t>(), given.size(0))
                            : are_all_above_0(values.const_data_ptr<double>(), given.size(0));
  return {std::move(values), all};
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

Weights::Weights(Tensor values) : values_(std::move(values)) {
  if (values_.scalar_type() == at::kDouble) {
    reals_ = values_.const_data_ptr<double>();
  } else {
    integers_ = values_.const_data_ptr<int64_t>();
  }
}

detail::WeighedRows detail::weighed_rows(const Rows& rows, RowWeights taken) {
  const Tensor& given = *rows.weights;
  require_taken(taken, given);
  const bool integers = at::isIntegralType(given.scalar_type(), /*includeBool=*/true);
  const int64_t count = given.size(0);
  auto [values, all] = look_at(given, integers);
  if (all && !rows.valid) return {std::nullopt, Weights(std::move(values))};
  const Valid valid(rows.valid);
  const auto kept_of = [&](const auto* numbers) {
    check_values(numbers, count, valid);
    return rows_above_0(numbers, count, valid);
  };
  std::optional<Tensor> kept =
      integers ? kept_of(values.const_data_ptr<int64_t>()) : kept_of(values.const_data_ptr<double>());
  Weights weights(kept ? values.index_select(0, *kept) : values);
  return {std::move(kept), std::move(weights)};
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
