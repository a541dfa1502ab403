#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

// Squared Euclidean distances of queries from a gallery: the exact one of a pair, a sum in float64 in an order that is
// the same everywhere, and those of blocks by a product in float32, with bounds of how far these are from the exact.

namespace metrics::retrieval::embeddings {

using at::Tensor;

/// Rows as they are multiplied.
struct MultipliedRows {
  Tensor numbers;              // float32 [n, D], centred and scaled; of queries times -2
  std::vector<double> norms;   // squared
  std::vector<int64_t> index;  // of the row in the embeddings
};

class METRICS_API Distances {
 public:
  /// `embeddings`: [N, D] of float32 or float64 on the CPU, finite. The others are indices of rows.
  Distances(const Tensor& embeddings, std::vector<int64_t> queries, std::vector<int64_t> gallery);

  int64_t queries() const { return static_cast<int64_t>(queries_.index.size()); }
  int64_t gallery() const { return static_cast<int64_t>(gallery_.index.size()); }
  int64_t columns() const { return columns_; }
  int64_t row_of_query(int64_t query) const { return queries_.index[static_cast<std::size_t>(query)]; }
  int64_t row_of_item(int64_t item) const { return gallery_.index[static_cast<std::size_t>(item)]; }

  /// The exact squared distances of a query from some of the gallery.
  void exact(int64_t query, std::span<const int32_t> items, double* squares) const;
  /// The same of items one after the other.
  void exact_of_range(int64_t query, int64_t begin, int64_t end, double* squares) const;

  // What follows is in a scale of its own, in which all rows lie in a ball of radius 1.

  /// An exact squared distance in that scale.
  double scaled(double square) const { return square * scale_ * scale_; }
  /// Writes -2 x·y of queries and items of the gallery, [count, items], to the first of `products`, and returns where.
  const float* multiply(int64_t first_query, int64_t count, int64_t first_item, int64_t items, Tensor& products) const;
  double norm_of_query(int64_t query) const { return queries_.norms[static_cast<std::size_t>(query)]; }
  double norm_of_item(int64_t item) const { return gallery_.norms[static_cast<std::size_t>(item)]; }
  /// |x|² + |y|² - 2 x·y, added up in float32, is off by at most this much.
  double margin(int64_t query, int64_t item) const {
    return relative_error_ * (norm_of_query(query) + norm_of_item(item)) + absolute_error;
  }
  double greatest_margin() const { return greatest_margin_; }
  /// No squared distance is greater, but for rounding.
  double greatest() const { return greatest_; }
  double relative_error() const { return relative_error_; }

  /// What is lost of products of the smallest numbers, with room to spare.
  static constexpr double absolute_error = 1e-30;

 private:
  MultipliedRows multiplied(std::vector<int64_t> rows, const std::vector<double>& centre, float factor) const;
  template <class Row>
  void exact_of(int64_t query, int64_t count, const Row& row, double* squares) const;

  Tensor embeddings_;
  int64_t columns_;
  double scale_ = 1;  // a power of two
  double relative_error_, greatest_margin_ = 0, greatest_ = 0;
  MultipliedRows queries_, gallery_;
};

}  // namespace metrics::retrieval::embeddings
