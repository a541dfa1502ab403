#include "distances.h"

#include "kernels/fastest.h"
#include "kernels/parallel.h"
#include "kernels/product_rounding.h"
#include "kernels/squared_distance.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace metrics::retrieval::embeddings {

namespace {

/// The mean of rows, and how far from it any number of these and of others lies.
struct Spread {
  std::vector<double> centre;
  double greatest = 0;
};

template <class T>
Spread spread_of(const T* numbers, int64_t columns, const std::vector<int64_t>& rows,
                 const std::vector<int64_t>& others) {
  Spread spread{std::vector<double>(static_cast<std::size_t>(columns), 0.0)};
  double* const centre = spread.centre.data();
  for (const int64_t row : rows) {
    for (int64_t i = 0; i < columns; ++i) centre[i] += static_cast<double>(numbers[row * columns + i]);
  }
  for (int64_t i = 0; i < columns; ++i) centre[i] /= static_cast<double>(std::max<std::size_t>(1, rows.size()));
  // Any centre will do, and the sum of numbers near the greatest has none.
  if (!std::all_of(spread.centre.begin(), spread.centre.end(), [](double c) { return std::isfinite(c); })) {
    std::fill(spread.centre.begin(), spread.centre.end(), 0.0);
  }
  for (const auto* const of : {&rows, &others}) {
    for (const int64_t row : *of) {
      for (int64_t i = 0; i < columns; ++i) {
        spread.greatest =
            std::max(spread.greatest, std::abs(static_cast<double>(numbers[row * columns + i]) - centre[i]));
      }
    }
  }
  return spread;
}

}  // namespace

Distances::Distances(const Tensor& embeddings, std::vector<int64_t> queries, std::vector<int64_t> gallery)
    : embeddings_(embeddings.contiguous()),
      columns_(embeddings.size(1)),
      relative_error_(metrics::kernels::relative_error_of_products(columns_)) {
  Spread spread;
  if (embeddings_.scalar_type() == at::kDouble) {
    spread = spread_of(embeddings_.const_data_ptr<double>(), columns_, gallery, queries);
  } else {
    spread = spread_of(embeddings_.const_data_ptr<float>(), columns_, gallery, queries);
  }
  if (spread.greatest > 0) {
    const double radius = spread.greatest * std::sqrt(static_cast<double>(columns_));
    if (std::isfinite(radius)) scale_ = std::ldexp(1.0, std::clamp(-std::ilogb(radius) - 1, -1022, 1022));
  }
  queries_ = multiplied(std::move(queries), spread.centre, -2);
  gallery_ = multiplied(std::move(gallery), spread.centre, 1);
  double most = 0;
  for (const double norm : queries_.norms) most = std::max(most, norm);
  double most_of_gallery = 0;
  for (const double norm : gallery_.norms) most_of_gallery = std::max(most_of_gallery, norm);
  greatest_margin_ = relative_error_ * (most + most_of_gallery) + absolute_error;
  const double farthest = std::sqrt(most) + std::sqrt(most_of_gallery);
  greatest_ = farthest * farthest;
}

MultipliedRows Distances::multiplied(std::vector<int64_t> rows, const std::vector<double>& centre, float factor) const {
  const auto count = static_cast<int64_t>(rows.size());
  MultipliedRows made{at::empty({count, columns_}, at::kFloat), std::vector<double>(rows.size()), std::move(rows)};
  auto* const to = made.numbers.mutable_data_ptr<float>();
  const auto convert = [&](const auto* from) {
    metrics::kernels::parallel(count, columns_, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto* const numbers = from + made.index[static_cast<std::size_t>(row)] * columns_;
        double norm = 0;
        for (int64_t i = 0; i < columns_; ++i) {
          const auto number = static_cast<float>((static_cast<double>(numbers[i]) - centre[i]) * scale_);
          to[row * columns_ + i] = factor * number;
          norm += static_cast<double>(number) * static_cast<double>(number);
        }
        made.norms[static_cast<std::size_t>(row)] = norm;
      }
    });
  };
  if (embeddings_.scalar_type() == at::kDouble) {
    convert(embeddings_.const_data_ptr<double>());
  } else {
    convert(embeddings_.const_data_ptr<float>());
  }
  return made;
}

template <class Row>
void Distances::exact_of(int64_t query, int64_t count, const Row& row, double* squares) const {
  const int64_t columns = columns_, own = row_of_query(query);
  const auto write = [&](const auto* numbers) {
    metrics::kernels::fastest([&]() METRICS_INLINED {
      const auto* const x = numbers + own * columns;
      for (int64_t i = 0; i < count; ++i) {
        squares[i] = metrics::kernels::squared_distance(x, numbers + row(i) * columns, columns);
      }
    });
  };
  if (embeddings_.scalar_type() == at::kDouble) {
    write(embeddings_.const_data_ptr<double>());
  } else {
    write(embeddings_.const_data_ptr<float>());
  }
}

void Distances::exact(int64_t query, std::span<const int32_t> items, double* squares) const {
  const int64_t* const rows = gallery_.index.data();
  exact_of(
      query, static_cast<int64_t>(items.size()),
      [rows, chosen = items.data()](int64_t i) METRICS_INLINED { return rows[chosen[i]]; }, squares);
}

void Distances::exact_of_range(int64_t query, int64_t begin, int64_t end, double* squares) const {
  const int64_t* const rows = gallery_.index.data() + begin;
  exact_of(
      query, end - begin, [rows](int64_t i) METRICS_INLINED { return rows[i]; }, squares);
}

const float* Distances::multiply(int64_t first_query, int64_t count, int64_t first_item, int64_t items,
                                 Tensor& products) const {
  Tensor out = products.narrow(0, 0, count * items).view({count, items});
  at::mm_out(out, queries_.numbers.narrow(0, first_query, count), gallery_.numbers.narrow(0, first_item, items).t());
  return out.const_data_ptr<float>();
}

}  // namespace metrics::retrieval::embeddings
