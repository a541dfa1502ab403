#include "nearest.h"

#include "kernels/fastest.h"
#include "kernels/parallel.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace metrics::retrieval::embeddings {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

float rounded_up(double number) {
  const auto rounded = static_cast<float>(number);
  return static_cast<double>(rounded) < number ? std::nextafter(rounded, infinity) : rounded;
}
float rounded_down(double number) {
  return -rounded_up(-number);
}

/// Writes the indices of those of the numbers p + a that are at most `most`, and returns how many there are.
METRICS_INLINE int64_t at_most(const float* p, const float* a, int64_t count, float most, int32_t* found) {
  constexpr int64_t together = 64;
  int64_t size = 0, i = 0;
  for (; i + together <= count; i += together) {
    int32_t any = 0;
    for (int64_t lane = 0; lane < together; ++lane) any |= p[i + lane] + a[i + lane] <= most;
    if (any == 0) continue;
    for (int64_t lane = 0; lane < together; ++lane) {
      if (p[i + lane] + a[i + lane] <= most) found[size++] = static_cast<int32_t>(i + lane);
    }
  }
  for (; i < count; ++i) {
    if (p[i] + a[i] <= most) found[size++] = static_cast<int32_t>(i);
  }
  return size;
}

/// What all queries' searches share.
struct Search {
  const Distances& distances;
  const Samples& samples;
  const Gallery& gallery;
  int64_t k;
  int64_t room;  // for candidates of a query
  // Of each item (1 - e) |y|² less what products of the smallest numbers lose: with -2 x·y that is at most the squared
  // distance less (1 - e) |x|².
  std::vector<float> lows;

  bool is_relevant(int64_t query_row, int64_t item) const {
    return samples.labels[static_cast<std::size_t>(gallery.rows()[static_cast<std::size_t>(item)])] ==
           samples.labels[static_cast<std::size_t>(query_row)];
  }
};

/// The items that may be among the nearest of one query. Each has a lower bound `low`; an item is let go when k others
/// are surely nearer.
class Candidates {
 public:
  Candidates(const Search& search, int64_t query)
      : search_(&search), query_(query), row_(search.distances.row_of_query(query)) {
    items_.reserve(static_cast<std::size_t>(search.room));
    lows_.reserve(static_cast<std::size_t>(search.room));
  }

  /// Items with a greater lower bound need not be added.
  float most() const { return most_; }

  void add(int64_t item, float low) {
    if (low > most_ || search_->gallery.ignores(row_, item)) return;
    if (static_cast<int64_t>(items_.size()) == search_->room) {
      let_go();
      if (low > most_) return;
    }
    items_.push_back(static_cast<int32_t>(item));
    lows_.push_back(low);
  }

  void finish(Hits& hits, int64_t place) {
    by_bounds();
    keep_nearest();
    for (const int32_t item : items_) hits.append(place, search_->is_relevant(row_, item));
  }

 private:
  std::size_t k() const { return static_cast<std::size_t>(search_->k); }

  void let_go() {
    by_bounds();
    // Where bounds do not tell enough of them apart, as among copies of one item, their distances do.
    if (items_.size() > k() + (static_cast<std::size_t>(search_->room) - k()) / 2) keep_nearest();
  }

  /// Lets go what has k others that are nearer by their bounds.
  void by_bounds() {
    if (items_.size() <= k()) return;
    std::vector<float> highs(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
      highs[i] = rounded_up(static_cast<double>(lows_[i]) + 2 * search_->distances.margin(query_, items_[i]));
    }
    const auto last = highs.begin() + static_cast<std::ptrdiff_t>(k()) - 1;
    std::nth_element(highs.begin(), last, highs.end());
    most_ = std::min(most_, *last);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (lows_[i] > most_) continue;
      items_[kept] = items_[i];
      lows_[kept++] = lows_[i];
    }
    items_.resize(kept);
    lows_.resize(kept);
  }

  struct Ranked {
    double square;
    bool later;   // among items at the same distance
    int64_t row;  // in the order of ids, or, where it decides between items of one kind alone, as they came
    std::size_t candidate;

    bool operator<(const Ranked& other) const {
      return std::tie(square, later, row) < std::tie(other.square, other.later, other.row);
    }
  };

  /// Keeps the k nearest, in their order.
  void keep_nearest() {
    std::vector<double> squares(items_.size());
    search_->distances.exact(query_, items_, squares.data());
    std::vector<Ranked> ranked(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const int64_t item = items_[i];
      ranked[i] = {.square = squares[i],
                   .later = !search_->samples.have_ids && search_->is_relevant(row_, item),
                   .row = search_->gallery.rows()[static_cast<std::size_t>(item)],
                   .candidate = i};
    }
    const std::size_t kept = std::min(k(), ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(kept), ranked.end());
    std::vector<int32_t> items;
    std::vector<float> lows;
    items.reserve(static_cast<std::size_t>(search_->room));
    lows.reserve(static_cast<std::size_t>(search_->room));
    for (std::size_t i = 0; i < kept; ++i) {
      items.push_back(items_[ranked[i].candidate]);
      lows.push_back(lows_[ranked[i].candidate]);
    }
    items_ = std::move(items);
    lows_ = std::move(lows);
    if (kept < k()) return;
    const double norm = search_->distances.norm_of_query(query_);
    const double last = search_->distances.scaled(ranked[kept - 1].square) * (1 + 1e-12);
    most_ = std::min(most_, rounded_up(last - (1 - search_->distances.relative_error()) * norm));
  }

  const Search* search_;
  int64_t query_, row_;
  float most_ = infinity;
  std::vector<int32_t> items_;
  std::vector<float> lows_;
};

/// Adds what a block of items has for each query of a block.
void look_through(const Search& search, std::vector<Candidates>& candidates, const float* products, int64_t first_item,
                  int64_t items) {
  const auto count = static_cast<int64_t>(candidates.size());
  const float* const lows = search.lows.data() + first_item;
  metrics::kernels::parallel(count, items, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> found(static_cast<std::size_t>(items));
    for (int64_t q = begin; q < end; ++q) {
      Candidates& of_query = candidates[static_cast<std::size_t>(q)];
      const float* const row = products + q * items;
      int64_t size = 0;
      metrics::kernels::fastest(
          [&]() METRICS_INLINED { size = at_most(row, lows, items, of_query.most(), found.data()); });
      for (int64_t i = 0; i < size; ++i) {
        const int64_t item = found[static_cast<std::size_t>(i)];
        of_query.add(first_item + item, row[item] + lows[item]);
      }
    }
  });
}

}  // namespace

Hits nearest(const Distances& distances, const Samples& samples, const Gallery& gallery, int64_t k,
             const Queries& queries, const Blocks& blocks) {
  k = std::min(k, gallery.size());
  Hits hits(queries.end - queries.begin, k);
  if (k == 0) return hits;
  Search search{distances, samples, gallery, k, 3 * k + 64, {}};
  for (int64_t item = 0; item < gallery.size(); ++item) {
    const double norm = distances.norm_of_item(item);
    search.lows.push_back(rounded_down((1 - distances.relative_error()) * norm - Distances::absolute_error));
  }
  constexpr int64_t most_candidates = int64_t{1} << 22;
  const int64_t together = std::clamp<int64_t>(most_candidates / search.room, 1, blocks.queries);
  const int64_t items_together = std::min(blocks.items, gallery.size());
  Tensor products = at::empty({together * items_together}, at::kFloat);
  for (int64_t query = queries.begin; query < queries.end; query += together) {
    const int64_t count = std::min(together, queries.end - query);
    std::vector<Candidates> candidates;
    candidates.reserve(static_cast<std::size_t>(count));
    for (int64_t q = 0; q < count; ++q) candidates.emplace_back(search, query + q);
    for (int64_t item = 0; item < gallery.size(); item += items_together) {
      const int64_t items = std::min(items_together, gallery.size() - item);
      look_through(search, candidates, distances.multiply(query, count, item, items, products), item, items);
    }
    metrics::kernels::parallel(count, search.room * distances.columns(), [&](int64_t begin, int64_t end) {
      for (int64_t q = begin; q < end; ++q)
        candidates[static_cast<std::size_t>(q)].finish(hits, query - queries.begin + q);
    });
  }
  return hits;
}

}  // namespace metrics::retrieval::embeddings
