#include "mismatches.h"

#include "kernels/fastest.h"
#include "kernels/parallel.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace metrics::retrieval::embeddings {

namespace {

using Counts = std::vector<int64_t>;

constexpr int64_t buckets = int64_t{1} << 14;

/// The distances asked for, by their places among all in ascending order, that lie in one interval.
struct Bracket {
  // Of distances by products. Those below `from` are surely less than the ones asked for, those above `to` greater.
  float from, to;
  std::vector<int64_t> places;
  int64_t size = 0;  // how many distances lie in it
};

/// How buckets divide an interval of distances by products.
struct Division {
  float from, factor;

  METRICS_INLINE int32_t bucket(float value) const {
    const float scaled = (value - from) * factor;
    const float bounded =
        scaled < 0 ? 0 : (scaled > static_cast<float>(buckets - 1) ? static_cast<float>(buckets - 1) : scaled);
    return static_cast<int32_t>(bounded);
  }
  /// Where a bucket begins, but for rounding of `bucket`.
  double begin(int64_t b) const {
    return static_cast<double>(from) + static_cast<double>(b) / static_cast<double>(factor);
  }
  double rounding() const {
    return std::ldexp(static_cast<double>(buckets) / static_cast<double>(factor) + std::abs(static_cast<double>(from)),
                      -20);
  }
};

/// What each thread counts, to be added up.
class CountsOfThreads {
 public:
  explicit CountsOfThreads(int64_t size)
      : all_(static_cast<std::size_t>(at::get_num_threads()), Counts(static_cast<std::size_t>(size))) {}
  Counts& own() { return all_[static_cast<std::size_t>(at::get_thread_num()) % all_.size()]; }
  Counts sum() const {
    Counts sum(all_.front().size());
    for (const Counts& counts : all_) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts[i];
    }
    return sum;
  }

 private:
  std::vector<Counts> all_;
};

/// The pairs of a query and an item of another label that it looks at.
class Others {
 public:
  Others(const Distances& distances, const Samples& samples, const Gallery& gallery, const Queries& queries,
         const Sharing& sharing, const Limits& limits)
      : distances_(distances), queries_(queries), sharing_(sharing), limits_(limits) {
    for (int64_t query = queries.begin; query < queries.end; ++query) {
      const int64_t row = distances.row_of_query(query);
      alike_.push_back(gallery.of_label(samples.labels[static_cast<std::size_t>(row)]));
      ignored_.push_back(gallery.ignored_by(row));
      const Relevant relevant = relevant_to(samples, gallery, row);
      size_ += relevant.found - relevant.relevant;
      relevant_ += relevant.relevant;
    }
    const Counts sums = sharing.sum({size_, relevant_});
    size_ = sums[0];
    relevant_ = sums[1];
    for (int64_t item = 0; item < gallery.size(); ++item) {
      norms_.push_back(static_cast<float>(distances.norm_of_item(item)));
    }
    values_of_block_ = std::min(limits.blocks.items, gallery.size());
    products_ = at::empty({limits.blocks.queries * values_of_block_}, at::kFloat);
  }

  /// How many there are, and how many pairs of equal labels, of all who share the work.
  int64_t size() const { return size_; }
  int64_t relevant() const { return relevant_; }
  const Distances& distances() const { return distances_; }
  const Queries& queries() const { return queries_; }
  const Sharing& sharing() const { return sharing_; }

  /// One pass: calls visit(query, first item, values, count) with the distances by products of pairs, as often as it
  /// takes, and unvisit(query, item, value) for those among them that the query does not look at.
  template <class Visit, class Unvisit>
  void each(const Visit& visit, const Unvisit& unvisit) {
    const int64_t items = static_cast<int64_t>(norms_.size());
    for (int64_t query = queries_.begin; query < queries_.end; query += limits_.blocks.queries) {
      const int64_t count = std::min(limits_.blocks.queries, queries_.end - query);
      for (int64_t begin = 0; begin < items; begin += values_of_block_) {
        const int64_t end = std::min(items, begin + values_of_block_);
        const float* const products = distances_.multiply(query, count, begin, end - begin, products_);
        metrics::kernels::parallel(count, end - begin, [&](int64_t first, int64_t last) {
          std::vector<float> values(static_cast<std::size_t>(end - begin));
          for (int64_t q = first; q < last; ++q) {
            values_of(query + q, products + q * (end - begin), begin, end, values.data());
            visit_parts(query + q, begin, end, values.data(), visit, unvisit);
          }
        });
      }
    }
  }

 private:
  void values_of(int64_t query, const float* products, int64_t begin, int64_t end, float* values) const {
    const auto norm = static_cast<float>(distances_.norm_of_query(query));
    const float* const norms = norms_.data() + begin;
    metrics::kernels::fastest([&]() METRICS_INLINED {
      for (int64_t i = 0; i < end - begin; ++i) values[i] = products[i] + (norms[i] + norm);
    });
  }

  template <class Visit, class Unvisit>
  void visit_parts(int64_t query, int64_t begin, int64_t end, const float* values, const Visit& visit,
                   const Unvisit& unvisit) const {
    const Gallery::Range alike = alike_[static_cast<std::size_t>(query - queries_.begin)];
    const int64_t before = std::clamp(alike.begin, begin, end), after = std::clamp(alike.end, begin, end);
    if (begin < before) visit(query, begin, values, before - begin);
    if (after < end) visit(query, after, values + (after - begin), end - after);
    const std::span<const int64_t> ignored = ignored_[static_cast<std::size_t>(query - queries_.begin)];
    for (auto item = std::lower_bound(ignored.begin(), ignored.end(), begin); item != ignored.end() && *item < end;
         ++item) {
      if (!alike.holds(*item)) unvisit(query, *item, values[*item - begin]);
    }
  }

  const Distances& distances_;
  Queries queries_;
  const Sharing& sharing_;
  Limits limits_;
  std::vector<Gallery::Range> alike_;
  std::vector<std::span<const int64_t>> ignored_;
  std::vector<float> norms_;
  int64_t size_ = 0, relevant_ = 0, values_of_block_;
  Tensor products_;
};

/// Counts distances by products in buckets.
Counts histogram(Others& others, const Division& division) {
  CountsOfThreads counted(buckets);
  others.each(
      [&](int64_t, int64_t, const float* values, int64_t count) {
        Counts& counts = counted.own();
        constexpr int64_t together = 256;
        int32_t found[together];
        for (int64_t begin = 0; begin < count; begin += together) {
          const int64_t size = std::min(together, count - begin);
          metrics::kernels::fastest([&]() METRICS_INLINED {
            for (int64_t i = 0; i < size; ++i) found[i] = division.bucket(values[begin + i]);
          });
          for (int64_t i = 0; i < size; ++i) ++counts[static_cast<std::size_t>(found[i])];
        }
      },
      [&](int64_t, int64_t, float value) { --counted.own()[static_cast<std::size_t>(division.bucket(value))]; });
  return others.sharing().sum(counted.sum());
}

/// The bucket that holds a place.
int64_t bucket_of(const Counts& counts, int64_t place) {
  int64_t before = 0;
  for (std::size_t b = 0; b < counts.size(); ++b) {
    before += counts[b];
    if (place < before) return static_cast<int64_t>(b);
  }
  return static_cast<int64_t>(counts.size()) - 1;
}

/// The brackets around places, apart from each other and ascending. A distance at a place differs by the greatest
/// margin at most from that by products at the same place; what may be equal to it lies within twice that.
std::vector<Bracket> brackets_of(const Counts& counts, const Division& division, const std::set<int64_t>& places,
                                 double margin) {
  std::vector<Bracket> brackets;
  const double around = 2 * margin + division.rounding();
  for (const int64_t place : places) {
    const int64_t b = bucket_of(counts, place);
    // What is beyond the ends is counted in the outermost buckets.
    const double from = b == 0 ? -std::numeric_limits<double>::infinity() : division.begin(b) - around;
    const double to = b + 1 == buckets ? std::numeric_limits<double>::infinity() : division.begin(b + 1) + around;
    if (!brackets.empty() && from <= static_cast<double>(brackets.back().to)) {
      brackets.back().to = std::max(brackets.back().to, static_cast<float>(to));
      brackets.back().places.push_back(place);
    } else {
      brackets.push_back({static_cast<float>(from), static_cast<float>(to), {place}, 0});
    }
  }
  return brackets;
}

/// How many distances lie in a bracket, or a few more.
int64_t size_of(const Bracket& bracket, const Counts& counts, const Division& division) {
  int64_t size = 0;
  for (int64_t b = 0; b < buckets; ++b) {
    if (division.begin(b + 1) >= static_cast<double>(bracket.from) - division.rounding() &&
        division.begin(b) <= static_cast<double>(bracket.to) + division.rounding()) {
      size += counts[static_cast<std::size_t>(b)];
    }
  }
  return size;
}

/// Counts the values below a bracket, and adds to `items` those that lie in it, by their indices from `first` on.
METRICS_INLINE int64_t look_for(const Bracket& bracket, const float* values, int64_t count, int64_t first,
                                std::vector<int32_t>& items) {
  constexpr int64_t together = 64;
  int64_t less = 0;
  for (int64_t begin = 0; begin < count; begin += together) {
    const int64_t end = std::min(count, begin + together);
    int32_t lower = 0, at_most = 0;
    for (int64_t i = begin; i < end; ++i) {
      lower += values[i] < bracket.from;
      at_most += values[i] <= bracket.to;
    }
    less += lower;
    if (at_most == lower) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (values[i] >= bracket.from && values[i] <= bracket.to) items.push_back(static_cast<int32_t>(first + i));
    }
  }
  return less;
}

/// Calls in_bracket(b, query, items) for the pairs that lie in a bracket by products, and returns how many lie below
/// each bracket. One pass.
template <class InBracket>
Counts each_near(Others& others, const std::vector<Bracket>& brackets, const Gallery& gallery,
                 const InBracket& in_bracket) {
  CountsOfThreads below(static_cast<int64_t>(brackets.size()));
  others.each(
      [&](int64_t query, int64_t first, const float* values, int64_t count) {
        const int64_t row = others.distances().row_of_query(query);
        std::vector<int32_t> items;
        for (std::size_t b = 0; b < brackets.size(); ++b) {
          int64_t less = 0;
          metrics::kernels::fastest([&]()
                                        METRICS_INLINED { less = look_for(brackets[b], values, count, first, items); });
          below.own()[b] += less;
          std::erase_if(items, [&](int32_t item) { return gallery.ignores(row, item); });
          if (!items.empty()) in_bracket(b, query, items);
          items.clear();
        }
      },
      [&](int64_t, int64_t, float value) {
        for (std::size_t b = 0; b < brackets.size(); ++b) below.own()[b] -= value < brackets[b].from;
      });
  return others.sharing().sum(below.sum());
}

/// The exact distances at the places of a bracket.
class Finder {
 public:
  Finder(Others& others, const Gallery& gallery, const Limits& limits, Passes& passes)
      : others_(others), gallery_(gallery), limits_(limits), passes_(passes) {}

  /// The squared distance at each place of ascending brackets, by its place.
  std::map<int64_t, double> at_places(std::vector<Bracket> brackets) {
    std::map<int64_t, double> found;
    std::vector<Bracket> few;
    for (Bracket& bracket : brackets) {
      narrow(bracket);
      if (bracket.size <= limits_.kept) {
        few.push_back(bracket);
      } else {
        for (const int64_t place : bracket.places) found[place] = by_bits(bracket, place);
      }
    }
    if (!few.empty()) by_sorting(few, found);
    return found;
  }

 private:
  /// Makes a bracket smaller by further histograms while that helps.
  void narrow(Bracket& bracket) {
    const double margin = others_.distances().greatest_margin();
    while (bracket.size > limits_.kept && bracket.places.size() <= 2) {
      const double from = std::max(static_cast<double>(bracket.from), -2 * margin);
      const double to = std::min(static_cast<double>(bracket.to), others_.distances().greatest() + 2 * margin);
      if (to - from <= 64 * margin) return;
      const Division division{static_cast<float>(from), static_cast<float>(static_cast<double>(buckets) / (to - from))};
      const Counts counts = histogram(others_, division);
      ++passes_.products;
      const std::set<int64_t> places(bracket.places.begin(), bracket.places.end());
      std::vector<Bracket> smaller = brackets_of(counts, division, places, margin);
      Bracket joined{smaller.front().from, smaller.back().to, bracket.places, 0};
      joined.from = std::max(joined.from, bracket.from);
      joined.to = std::min(joined.to, bracket.to);
      joined.size = size_of(joined, counts, division);
      if (joined.size >= bracket.size) return;
      bracket = joined;
    }
  }

  /// Calls take(b, squares) with the exact distances of pairs in brackets, and returns how many lie below each.
  template <class Take>
  Counts each_exact(const std::vector<Bracket>& brackets, const Take& take) {
    ++passes_.products;
    ++passes_.exact;
    return each_near(others_, brackets, gallery_, [&](std::size_t b, int64_t query, const std::vector<int32_t>& items) {
      std::vector<double> squares(items.size());
      others_.distances().exact(query, items, squares.data());
      take(b, squares);
    });
  }

  void by_sorting(const std::vector<Bracket>& brackets, std::map<int64_t, double>& found) {
    std::vector<std::vector<double>> kept(brackets.size());
    std::mutex one_at_a_time;
    const Counts below = each_exact(brackets, [&](std::size_t b, const std::vector<double>& squares) {
      const std::lock_guard<std::mutex> lock(one_at_a_time);
      kept[b].insert(kept[b].end(), squares.begin(), squares.end());
    });
    for (std::size_t b = 0; b < brackets.size(); ++b) {
      kept[b] = others_.sharing().gather(std::move(kept[b]));
      std::sort(kept[b].begin(), kept[b].end());
      for (const int64_t place : brackets[b].places) found[place] = kept[b][static_cast<std::size_t>(place - below[b])];
    }
  }

  /// Numbers that are not negative are in the order of their bits, which are found from the first ones on.
  double by_bits(const Bracket& bracket, int64_t place) {
    uint64_t from = 0, to = std::bit_cast<uint64_t>(std::numeric_limits<double>::infinity());
    while (from < to) {
      const int shift = std::max(0, static_cast<int>(std::bit_width(to - from)) - 14);
      CountsOfThreads counted(buckets + 2);  // the first is of those before, the last of those after
      const Counts below = each_exact({bracket}, [&](std::size_t, const std::vector<double>& squares) {
        Counts& counts = counted.own();
        for (const double square : squares) {
          const auto bits = std::bit_cast<uint64_t>(square);
          const uint64_t b = bits < from ? 0 : std::min<uint64_t>(((bits - from) >> shift) + 1, buckets + 1);
          ++counts[b];
        }
      });
      const int64_t b = bucket_of(others_.sharing().sum(counted.sum()), place - below.front());
      from += static_cast<uint64_t>(b - 1) << shift;
      to = from + (uint64_t{1} << shift) - 1;
    }
    return std::bit_cast<double>(from);
  }

  Others& others_;
  const Gallery& gallery_;
  const Limits& limits_;
  Passes& passes_;
};

/// Where a quantile lies among so many numbers: between the one at `place` and the next.
struct Position {
  int64_t place, next;
  double after;  // how far behind the first, of the way to the next

  Position(double quantile, int64_t count) {
    const double position = static_cast<double>(count - 1) * quantile;
    place = std::clamp<int64_t>(static_cast<int64_t>(std::floor(position)), 0, count - 1);
    next = std::min(place + 1, count - 1);
    after = position - static_cast<double>(place);
  }
  /// As numpy interpolates.
  double between(double a, double b) const {
    const double difference = b - a;
    return after < 0.5 ? a + difference * after : b - difference * (1 - after);
  }
};

/// How many of the distances to relevant items are at least each threshold.
Counts count_from(const Others& others, const Samples& samples, const Gallery& gallery,
                  const std::vector<double>& thresholds) {
  const Distances& distances = others.distances();
  const Queries& queries = others.queries();
  CountsOfThreads counted(static_cast<int64_t>(thresholds.size()));
  constexpr int64_t grain = 16;
  metrics::kernels::parallel_for(queries.end - queries.begin, grain, [&](int64_t first, int64_t last) {
    Counts& counts = counted.own();
    std::vector<double> squares;
    for (int64_t query = queries.begin + first; query < queries.begin + last; ++query) {
      const int64_t row = distances.row_of_query(query);
      const Gallery::Range alike = gallery.of_label(samples.labels[static_cast<std::size_t>(row)]);
      squares.resize(static_cast<std::size_t>(alike.end - alike.begin));
      distances.exact_of_range(query, alike.begin, alike.end, squares.data());
      for (std::size_t i = 0; i < squares.size(); ++i) {
        if (gallery.ignores(row, alike.begin + static_cast<int64_t>(i))) continue;
        const double distance = std::sqrt(squares[i]);
        for (std::size_t t = 0; t < thresholds.size(); ++t) counts[t] += distance >= thresholds[t];
      }
    }
  });
  return others.sharing().sum(counted.sum());
}

}  // namespace

std::vector<double> fnmr_at_fmr(const Distances& distances, const Samples& samples, const Gallery& gallery,
                                const std::vector<double>& rates, const Queries& queries, const Sharing& sharing,
                                const Limits& limits, Passes* told) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> shares(rates.size(), nan);
  Others others(distances, samples, gallery, queries, sharing, limits);
  if (others.relevant() == 0 || others.size() == 0 || rates.empty()) return shares;
  std::vector<Position> positions;
  std::set<int64_t> places;
  for (const double rate : rates) {
    positions.emplace_back(rate, others.size());
    places.insert({positions.back().place, positions.back().next});
  }
  // What rounding takes beyond the ends is counted in the outermost buckets.
  const double widest = std::max(distances.greatest(), 64 * distances.greatest_margin());
  const Division division{0.0F, static_cast<float>(static_cast<double>(buckets) / widest)};
  const Counts counts = histogram(others, division);
  Passes passes{.products = 1};
  Finder finder(others, gallery, limits, passes);
  std::vector<Bracket> brackets = brackets_of(counts, division, places, distances.greatest_margin());
  for (Bracket& bracket : brackets) bracket.size = size_of(bracket, counts, division);
  const std::map<int64_t, double> squares = finder.at_places(std::move(brackets));
  const auto at = [&](int64_t place) { return std::sqrt(squares.at(place)); };
  std::vector<double> thresholds;
  for (const Position& position : positions)
    thresholds.push_back(position.between(at(position.place), at(position.next)));
  const Counts from = count_from(others, samples, gallery, thresholds);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    shares[i] = static_cast<double>(from[i]) / static_cast<double>(others.relevant());
  }
  if (told != nullptr) *told = passes;
  return shares;
}

}  // namespace metrics::retrieval::embeddings
