#include "assignment.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace metrics::kernels {

namespace {

constexpr int64_t none = -1;

/// The least sum of costs, which are the negated numbers, row by row: a row that comes finds the cheapest path over the
/// rows before it to a column that is free, by Dijkstra on costs less the duals, which are never negative.
class Assignment {
 public:
  Assignment(const double* matrix, int64_t n)
      : matrix_(matrix),
        n_(n),
        of_row_(size(), 0),
        of_column_(size(), 0),
        column_of_(size(), none),
        row_of_(size(), none) {}

  std::vector<int64_t> solved() {
    for (int64_t row = 0; row < n_; ++row) add(row);
    return column_of_;
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(n_); }
  static std::size_t at(int64_t index) { return static_cast<std::size_t>(index); }
  double reduced_cost(int64_t row, int64_t column) const {
    return -matrix_[row * n_ + column] - of_row_[at(row)] - of_column_[at(column)];
  }

  void add(int64_t first) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> distance(size(), infinity);
    std::vector<int64_t> from(size(), none);
    std::vector<char> done(size(), 0);
    std::vector<int64_t> rows{first};  // that the paths have come to
    double length = 0;
    int64_t row = first, column = none;
    do {
      column = none;
      for (int64_t j = 0; j < n_; ++j) {
        if (done[at(j)]) continue;
        const double through = length + reduced_cost(row, j);
        if (through < distance[at(j)]) {
          distance[at(j)] = through;
          from[at(j)] = row;
        }
        const bool nearer = column == none || distance[at(j)] < distance[at(column)] ||
                            (distance[at(j)] == distance[at(column)] && row_of_[at(j)] == none);
        if (nearer) column = j;
      }
      length = distance[at(column)];
      done[at(column)] = 1;
      row = row_of_[at(column)];
      if (row != none) rows.push_back(row);
    } while (row != none);
    for (const int64_t reached : rows) {
      of_row_[at(reached)] += length - (reached == first ? 0 : distance[at(column_of_[at(reached)])]);
    }
    for (int64_t j = 0; j < n_; ++j) {
      if (done[at(j)]) of_column_[at(j)] -= length - distance[at(j)];
    }
    // Along the path each row takes the column by which it was left.
    for (;;) {
      const int64_t taker = from[at(column)];
      row_of_[at(column)] = taker;
      std::swap(column, column_of_[at(taker)]);
      if (taker == first) return;
    }
  }

  const double* matrix_;
  int64_t n_;
  std::vector<double> of_row_, of_column_;  // the duals
  std::vector<int64_t> column_of_, row_of_;
};

}  // namespace

std::vector<int64_t> greatest_assignment(const double* matrix, int64_t n) {
  return Assignment(matrix, n).solved();
}

}  // namespace metrics::kernels
