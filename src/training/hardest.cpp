#include "hardest.h"

#include "kernels/fastest.h"
#include "kernels/parallel.h"
#include "kernels/product_rounding.h"
#include "kernels/squared_distance.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace metrics::training {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
/// How many products exist at once.
constexpr int64_t block_products = int64_t{1} << 22;

/// The least of some numbers, and the greatest.
struct Ends {
  float least = infinity, greatest = -infinity;
};

/// Writes what a row's distances are but for its own norm, and returns the least to rows of other labels and the
/// greatest to those of its own, itself among them.
METRICS_INLINE Ends ends_of(const float* products, const float* norms, const int32_t* labels, int32_t own,
                            int64_t count, float* values) {
  constexpr int64_t lanes = 16;
  float least[lanes], greatest[lanes];
  std::fill_n(least, lanes, infinity);
  std::fill_n(greatest, lanes, -infinity);
  const auto take = [&](int64_t i, int64_t lane) METRICS_INLINED {
    const float value = norms[i] - 2 * products[i];
    values[i] = value;
    const float other = labels[i] == own ? infinity : value, alike = labels[i] == own ? value : -infinity;
    least[lane] = other < least[lane] ? other : least[lane];
    greatest[lane] = alike > greatest[lane] ? alike : greatest[lane];
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) take(i + lane, lane);
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) take(i, lane);
  return {*std::min_element(least, least + lanes), *std::max_element(greatest, greatest + lanes)};
}

/// The rows of a batch, and what tells the hardest of them.
class Batch32 {
 public:
  Batch32(const float* numbers, int64_t columns, const std::vector<int32_t>& labels)
      : numbers_(numbers), columns_(columns), labels_(labels), norms_(labels.size()) {
    const std::vector<float> origin(static_cast<std::size_t>(columns), 0.0F);
    double most = 0;
    metrics::kernels::fastest([&]() METRICS_INLINED {
      for (std::size_t row = 0; row < norms_.size(); ++row) {
        const double norm =
            metrics::kernels::squared_distance(numbers + static_cast<int64_t>(row) * columns, origin.data(), columns);
        norms_[row] = static_cast<float>(norm);
        most = norm > most ? norm : most;
      }
    });
    greatest_norm_ = most;
    margin_ = metrics::kernels::relative_error_of_products(columns) * 2 * most;
  }

  /// Whether float32 holds all squares, and loses nothing that counts of the greatest.
  bool fit_float32() const { return greatest_norm_ >= 1e-20 && greatest_norm_ <= 1e37; }

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }

  /// The farthest row of the same label and the nearest of another, by the products of `row` with all.
  std::pair<int64_t, int64_t> hardest(int64_t row, const float* products, std::vector<float>& values) const {
    const int32_t own = label(row);
    Ends ends;
    metrics::kernels::fastest(
        [&]() METRICS_INLINED { ends = ends_of(products, norms_.data(), labels_.data(), own, size(), values.data()); });
    const auto far = std::nextafter(static_cast<float>(static_cast<double>(ends.greatest) - 2 * margin_), -infinity);
    const auto near = std::nextafter(static_cast<float>(static_cast<double>(ends.least) + 2 * margin_), infinity);
    std::vector<int64_t> positives, negatives;
    for (int64_t other = 0; other < size(); ++other) {
      const float value = values[static_cast<std::size_t>(other)];
      if (label(other) != own) {
        if (value <= near) negatives.push_back(other);
      } else if (value >= far && other != row) {
        positives.push_back(other);
      }
    }
    return {first_by(row, positives, [](double a, double b) { return a > b; }),
            first_by(row, negatives, [](double a, double b) { return a < b; })};
  }

 private:
  int32_t label(int64_t row) const { return labels_[static_cast<std::size_t>(row)]; }
  double square(int64_t a, int64_t b) const {
    double square = 0;
    metrics::kernels::fastest([&]() METRICS_INLINED {
      square = metrics::kernels::squared_distance(numbers_ + a * columns_, numbers_ + b * columns_, columns_);
    });
    return square;
  }
  /// The first of some rows whose distance no other's comes before.
  template <class Before>
  int64_t first_by(int64_t row, const std::vector<int64_t>& candidates, const Before& before) const {
    int64_t best = candidates.front();
    if (candidates.size() == 1) return best;
    double of_best = square(row, best);
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      const double distance = square(row, candidates[i]);
      if (!before(distance, of_best)) continue;
      best = candidates[i];
      of_best = distance;
    }
    return best;
  }

  const float* numbers_;
  int64_t columns_;
  const std::vector<int32_t>& labels_;
  std::vector<float> norms_;
  double greatest_norm_ = 0, margin_ = 0;
};

}  // namespace

std::optional<Hardest> hardest_by_products(const at::Tensor& vectors, const std::vector<int32_t>& labels) {
  if (!vectors.is_cpu() || vectors.scalar_type() == at::kDouble) return std::nullopt;
  const at::Tensor numbers = vectors.detach().to(at::kFloat).contiguous();
  const Batch32 rows(numbers.const_data_ptr<float>(), numbers.size(1), labels);
  if (!rows.fit_float32()) return std::nullopt;
  const int64_t all = rows.size(), together = std::clamp<int64_t>(block_products / all, 1, all);
  const at::Tensor products = at::empty({together, all}, numbers.options());
  Hardest hardest{std::vector<int64_t>(labels.size()), std::vector<int64_t>(labels.size())};
  for (int64_t begin = 0; begin < all; begin += together) {
    const int64_t count = std::min(together, all - begin);
    at::Tensor block = products.narrow(0, 0, count);
    at::mm_out(block, numbers.narrow(0, begin, count), numbers.t());
    const auto* const of_block = block.const_data_ptr<float>();
    metrics::kernels::parallel(count, all, [&](int64_t first, int64_t last) {
      std::vector<float> values(labels.size());
      for (int64_t i = first; i < last; ++i) {
        const auto [positive, negative] = rows.hardest(begin + i, of_block + i * all, values);
        hardest.positives[static_cast<std::size_t>(begin + i)] = positive;
        hardest.negatives[static_cast<std::size_t>(begin + i)] = negative;
      }
    });
  }
  return hardest;
}

}  // namespace metrics::training
