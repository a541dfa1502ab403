#include "ranking.h"

#include "kernels/ordered_bits.h"
#include "kernels/parallel.h"
#include "kernels/plain_tensor.h"
#include "kernels/radix_sort.h"
#include "kernels/uint128.h"
#include <metrics/core/errors.h>
#include <metrics/core/sample_ids.h>

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <sstream>
#include <type_traits>
#include <utility>

namespace metrics::retrieval {

namespace {

// A document is a number: its score's above that of its relevance. Ascending numbers are descending scores, NaN before
// all, and of equal scores ascending relevances.
using Narrow = uint64_t;        // of scores in float32
using Wide = kernels::uint128;  // of scores in float64

constexpr int relevance_bits = 32;

template <class Key, class Score>
Key place_of(Score score) {
  using Bits = decltype(kernels::ordered_bits(score));
  return score != score ? Key{0} : Key{static_cast<Bits>(~kernels::ordered_bits(score))} << relevance_bits;
}

template <class Key>
Key with_relevance(Key place, float relevance) {
  return place | kernels::ordered_bits(relevance);
}

template <class Key>
float relevance_of(Key key) {
  return kernels::number_of(static_cast<uint32_t>(key));
}

template <class Key>
Key place_in(Key key) {
  return key >> relevance_bits;
}

template <class Body>
void parallel(std::size_t count, const Body& body) {
  kernels::parallel_for(static_cast<int64_t>(count), kernels::elements_per_task, [&](int64_t begin, int64_t end) {
    body(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
  });
}

/// Memory for so many numbers, which are written before they are read.
template <class T>
std::unique_ptr<T[]> room_for(std::size_t count) {
  return std::make_unique_for_overwrite<T[]>(count);
}

/// The tensor's numbers on the CPU one after the other, as `T`, one of `Others`, or what converts to `T`, by
/// `take(first number)`.
template <class T, class... Others, class Take>
void with_numbers(const Tensor& tensor, const Take& take) {
  const Tensor numbers = tensor.detach().to(at::kCPU).contiguous();
  const auto taken_as = [&]<class Number>(std::type_identity<Number>) {
    if (numbers.scalar_type() != c10::CppTypeToScalarType<Number>::value) return false;
    take(numbers.const_data_ptr<Number>());
    return true;
  };
  if (taken_as(std::type_identity<T>()) || (taken_as(std::type_identity<Others>()) || ...)) return;
  const Tensor converted = numbers.to(c10::CppTypeToScalarType<T>::value);
  take(converted.const_data_ptr<T>());
}

/// Documents as they come.
template <class Key>
struct Documents {
  std::unique_ptr<Key[]> keys;
  std::size_t count;
};

template <class Key>
Documents<Key> documents_of(const Tensor& preds, const Tensor& target) {
  using Score = std::conditional_t<std::is_same_v<Key, Narrow>, float, double>;
  const auto count = static_cast<std::size_t>(preds.numel());
  Documents<Key> documents{room_for<Key>(count), count};
  Key* const keys = documents.keys.get();
  with_numbers<Score>(preds, [&](const Score* scores) {
    with_numbers<float, uint8_t, int64_t>(target, [&](const auto* relevances) {
      parallel(count, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          keys[i] = with_relevance(place_of<Key>(scores[i]), static_cast<float>(relevances[i]));
        }
      });
    });
  });
  return documents;
}

/// Adds a query that has `count` documents more.
void add_query(RankedQueries& queries, int64_t index, std::size_t count) {
  queries.indexes.push_back(index);
  queries.ends.push_back(queries.documents() + count);
}

/// Finds queries whose documents lie one after the other.
template <class Index>
void note_runs(RankedQueries& queries, const Index* indexes, std::size_t count) {
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1;
    while (end < count && indexes[end] == indexes[begin]) ++end;
    add_query(queries, indexes[begin], end - begin);
    begin = end;
  }
}

/// Groups documents whose indexes are not spread far by counting them.
template <class Index, class Key>
void group_by_counting(RankedQueries& queries, const Index* indexes, int64_t least, std::size_t range,
                       Documents<Key>& documents) {
  const auto offset = [=](std::size_t i) {
    return static_cast<std::size_t>(static_cast<uint64_t>(indexes[i]) - static_cast<uint64_t>(least));
  };
  std::vector<std::size_t> next(range, 0);
  for (std::size_t i = 0; i < documents.count; ++i) ++next[offset(i)];
  std::size_t before = 0;
  for (std::size_t query = 0; query < range; ++query) {
    if (next[query] > 0) add_query(queries, static_cast<int64_t>(static_cast<uint64_t>(least) + query), next[query]);
    before += std::exchange(next[query], before);
  }
  auto grouped = room_for<Key>(documents.count);
  const Key* const from = documents.keys.get();
  Key* const to = grouped.get();
  for (std::size_t i = 0; i < documents.count; ++i) to[next[offset(i)]++] = from[i];
  documents.keys = std::move(grouped);
}

template <class Index, class Key>
void group_by_sorting(RankedQueries& queries, const Index* indexes, Documents<Key>& documents) {
  struct Entry {
    uint64_t query;
    Key key;
  };
  std::vector<Entry> entries(documents.count), scratch(documents.count);
  for (std::size_t i = 0; i < documents.count; ++i) entries[i] = {query_of(indexes[i]), documents.keys[i]};
  const std::span<Entry> sorted =
      kernels::radix_sorted(std::span(entries), std::span(scratch), [](const Entry& entry) { return entry.query; });
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    for (; end < sorted.size() && sorted[end].query == sorted[begin].query; ++end)
      documents.keys[end] = sorted[end].key;
    add_query(queries, index_of(sorted[begin].query), end - begin);
    begin = end;
  }
}

uint64_t spread_of(int64_t least, int64_t greatest) {
  return static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least);
}

/// How far indexes may be spread where a number is kept for each that lies between.
uint64_t most_spread(std::size_t documents) {
  return std::max<uint64_t>(2 * documents, 1024);
}

/// Puts documents one after the other that are of the same query.
template <class Index, class Key>
void group(RankedQueries& queries, const Index* indexes, Documents<Key>& documents) {
  Index least = indexes[0], greatest = indexes[0];
  bool ordered = true;
  for (std::size_t i = 1; i < documents.count; ++i) {
    ordered &= indexes[i - 1] <= indexes[i];
    least = std::min(least, indexes[i]);
    greatest = std::max(greatest, indexes[i]);
  }
  if (ordered) return note_runs(queries, indexes, documents.count);
  const uint64_t spread = spread_of(least, greatest);
  if (spread < most_spread(documents.count)) {
    return group_by_counting(queries, indexes, least, static_cast<std::size_t>(spread) + 1, documents);
  }
  group_by_sorting(queries, indexes, documents);
}

/// Calls body(begin, end) for queries, at once as far as there are threads and documents.
template <class Body>
void parallel_queries(const RankedQueries& queries, const Body& body) {
  if (queries.size() == 0) return;
  const std::size_t mean = std::max<std::size_t>(1, queries.documents() / queries.size());
  const auto grain = std::max<int64_t>(1, kernels::elements_per_task / static_cast<int64_t>(mean));
  kernels::parallel_for(static_cast<int64_t>(queries.size()), grain, [&](int64_t begin, int64_t end) {
    body(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
  });
}

/// Notes what is known of the documents of a query that are in order.
template <class Key>
std::size_t note_documents(std::span<const Key> keys, float* relevances, uint8_t* ties) {
  std::size_t unscored = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    relevances[i] = relevance_of(keys[i]);
    ties[i] = i > 0 && place_in(keys[i]) == place_in(keys[i - 1]);
    unscored += place_in(keys[i]) == 0;
  }
  return unscored;
}

/// Sorts the documents of each query.
template <class Key>
void rank(RankedQueries& queries, Documents<Key>& documents) {
  queries.relevances = room_for<float>(documents.count);
  queries.ties = room_for<uint8_t>(documents.count);
  queries.unscored.resize(queries.size());
  parallel_queries(queries, [&](std::size_t first, std::size_t last) {
    std::size_t most = 0;
    for (std::size_t query = first; query < last; ++query) {
      most = std::max(most, queries.ends[query] - queries.begin_of(query));
    }
    const auto scratch = room_for<Key>(most);
    for (std::size_t query = first; query < last; ++query) {
      const std::size_t begin = queries.begin_of(query), count = queries.ends[query] - begin;
      const std::span<const Key> sorted =
          kernels::radix_sorted(std::span(documents.keys.get() + begin, count), std::span(scratch.get(), count),
                                [](const Key& key) { return key; });
      queries.unscored[query] = note_documents(sorted, queries.relevances.get() + begin, queries.ties.get() + begin);
    }
  });
}

/// Finds a query by its index, in a table where indexes are not spread far.
class QueryByIndex {
 public:
  QueryByIndex(const std::vector<int64_t>& indexes, int64_t documents) : indexes_(indexes) {
    if (spread_of(indexes.front(), indexes.back()) >= most_spread(static_cast<std::size_t>(documents))) return;
    table_.resize(static_cast<std::size_t>(spread_of(indexes.front(), indexes.back())) + 1);
    for (std::size_t query = 0; query < indexes.size(); ++query) table_[offset(indexes[query])] = query;
  }

  std::size_t operator()(int64_t index) const {
    if (!table_.empty()) return table_[offset(index)];
    return static_cast<std::size_t>(std::lower_bound(indexes_.begin(), indexes_.end(), index) - indexes_.begin());
  }

 private:
  std::size_t offset(int64_t index) const { return static_cast<std::size_t>(spread_of(indexes_.front(), index)); }

  const std::vector<int64_t>& indexes_;
  std::vector<std::size_t> table_;
};

template <class Key>
RankedQueries ranked(const Tensor& preds, const Tensor& target, const Tensor& indexes) {
  Documents<Key> documents = documents_of<Key>(preds, target);
  RankedQueries queries;
  if (indexes.defined()) {
    with_numbers<int64_t, int32_t>(indexes, [&](const auto* numbers) { group(queries, numbers, documents); });
  } else {
    add_query(queries, 0, documents.count);
  }
  rank(queries, documents);
  return queries;
}

RankedQueries ranked(const Tensor& preds, const Tensor& target, const Tensor& indexes) {
  return preds.scalar_type() == at::kDouble ? ranked<Wide>(preds, target, indexes)
                                            : ranked<Narrow>(preds, target, indexes);
}

bool all_0_or_1(const int64_t* numbers, int64_t count) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < count; ++i) bits |= static_cast<uint64_t>(numbers[i]);
  return bits <= 1;
}

bool all_between_0_and_1(const float* numbers, int64_t count) {
  uint32_t outside = 0;  // NaN is
  for (int64_t i = 0; i < count; ++i) outside |= !((numbers[i] >= 0) & (numbers[i] <= 1));
  return outside == 0;
}

bool lie_between_0_and_1(const Tensor& numbers) {
  const auto dtype = numbers.scalar_type();
  if (dtype == at::kLong && kernels::is_plain(numbers))
    return all_0_or_1(numbers.const_data_ptr<int64_t>(), numbers.numel());
  if (dtype == at::kFloat && kernels::is_plain(numbers))
    return all_between_0_and_1(numbers.const_data_ptr<float>(), numbers.numel());
  return numbers.ge(0).logical_and(numbers.le(1)).all().item<bool>();
}

/// Whether all are numbers of at least 0 that float32 can hold.
bool are_grades(const Tensor& numbers) {
  if (!numbers.is_floating_point()) return numbers.ge(0).all().item<bool>();
  const double most = std::numeric_limits<float>::max();
  return numbers.ge(0).logical_and(numbers.le(most)).all().item<bool>();
}

[[noreturn]] void throw_input(const char* input, const char* expected, const Tensor& given) {
  std::ostringstream message;
  message << "`" << input << "` expects " << expected << ", got " << given.scalar_type() << given.sizes();
  throw InvalidArgument(message.str());
}

}  // namespace

bool RankedQuery::has(Needs needed) const {
  const float other = needed == Needs::Relevant ? 0 : 1;
  return std::any_of(relevances.begin(), relevances.end(), [=](float relevance) { return relevance != other; });
}

double sum_of(std::span<const float> relevances) {
  return std::accumulate(relevances.begin(), relevances.end(), 0.0);
}

std::size_t RankedQueries::longest() const {
  std::size_t most = 0;
  for (std::size_t query = 0; query < size(); ++query) most = std::max(most, ends[query] - begin_of(query));
  return most;
}

void check_documents(const Tensor& preds, const Tensor& target) {
  if (!preds.is_floating_point()) throw_input("preds", "floating scores", preds);
  if (preds.dim() == 0) throw_input("preds", "at least one dimension", preds);
  if (preds.sizes() != target.sizes()) throw_input("target", "the shape of `preds`", target);
}

void check_relevances(const Tensor& target, Relevances allowed) {
  if (target.scalar_type() == at::kBool) return;
  if (allowed == Relevances::Binary) {
    if (!lie_between_0_and_1(target)) throw_input("target", "relevances from 0 to 1", target);
  } else if (!are_grades(target)) {
    throw_input("target", "relevances of at least 0", target);
  }
}

void check_at_least_one(std::string_view option, std::optional<int64_t> value) {
  if (!value || *value >= 1) return;
  throw InvalidArgument("option `" + std::string(option) + "` expects a positive number or None, got " +
                        std::to_string(*value));
}

RankedQueries ranked_query(const Tensor& preds, const Tensor& target, Relevances allowed) {
  check_documents(preds, target);
  if (preds.numel() == 0) throw_input("preds", "at least one document", preds);
  check_relevances(target, allowed);
  const Tensor relevances =
      target.is_floating_point() || target.scalar_type() == at::kByte ? target : target.to(at::kLong);
  return ranked(preds, relevances, {});
}

void check_equal_rows(const States& states) {
  const int64_t count = states["indexes"].rows(), preds = states["preds"].rows(), target = states["target"].rows();
  if (preds == count && target == count) return;
  throw Error("its states hold " + std::to_string(count) + " indexes, " + std::to_string(preds) + " preds and " +
              std::to_string(target) + " targets");
}

RankedQueries ranked_documents(const Tensor& preds, const Tensor& target, const Tensor& indexes) {
  return ranked(preds, target, indexes);
}

std::optional<UnequalWeights> weigh(RankedQueries& queries, const Tensor& weights, const Tensor& indexes) {
  std::optional<UnequalWeights> unequal;
  queries.weights.assign(queries.size(), 0);
  const QueryByIndex query_of_index(queries.indexes, indexes.numel());
  with_numbers<double>(weights, [&](const double* weight) {
    with_numbers<int64_t, int32_t>(indexes, [&](const auto* index) {
      for (int64_t i = 0; i < indexes.numel() && !unequal; ++i) {
        const std::size_t query = query_of_index(index[i]);
        double& known = queries.weights[query];
        if (known == 0) known = weight[i];
        if (known != weight[i]) unequal = {queries.indexes[query], known, weight[i]};
      }
    });
  });
  return unequal;
}

void throw_unequal(const UnequalWeights& unequal) {
  std::ostringstream message;
  message << "Rows.weights: query " << unequal.query << " has documents of weight " << unequal.one << " and of "
          << unequal.other << "; all documents of a query carry its weight";
  throw InvalidArgument(message.str());
}

void throw_empty(int64_t query, Needs needed) {
  throw InvalidArgument("query " + std::to_string(query) + " has no " + (needed == Needs::Relevant ? "" : "ir") +
                        "relevant document in `target`, and empty_target_action is 'error'");
}

RankedQueries ranked_queries(const States& states) {
  RankedQueries queries;
  queries.device = states.device();
  queries.parts = states.parts();
  if (queries.parts != nullptr) return queries;
  check_equal_rows(states);
  const State &indexes = states["indexes"], &preds = states["preds"], &target = states["target"];
  const State* const weights = states.row_weights();
  const int64_t count = indexes.rows();
  if (count > 0) {
    std::optional<Tensor> taken;
    if (const auto first = first_of_each_sample(states, count)) taken = at::tensor(*first, at::kLong);
    const auto rows = [&](const State& state) {
      const Tensor flat = state.tensor().to(at::kCPU).reshape({count});
      return taken ? flat.index_select(0, *taken) : flat;
    };
    const Tensor of_queries = rows(indexes);
    queries = ranked(rows(preds), rows(target), of_queries);
    queries.device = states.device();
    if (weights != nullptr && weights->rows() > 0) {
      if (const auto unequal = weigh(queries, rows(*weights), of_queries)) throw_unequal(*unequal);
    }
  }
  return queries;
}

void each_query(const RankedQueries& queries, const std::function<void(std::size_t query)>& body) {
  parallel_queries(queries, [&](std::size_t first, std::size_t last) {
    for (std::size_t query = first; query < last; ++query) body(query);
  });
}

std::vector<uint8_t> queries_with(const RankedQueries& queries, Needs needed, EmptyTargetAction action) {
  std::vector<uint8_t> has(queries.size());
  each_query(queries, [&](std::size_t query) { has[query] = queries[query].has(needed); });
  const auto empty = std::find(has.begin(), has.end(), uint8_t{0});
  if (action == EmptyTargetAction::Error && empty != has.end()) {
    throw_empty(queries.indexes[static_cast<std::size_t>(empty - has.begin())], needed);
  }
  return has;
}

QueriesFound values_of_queries(const RankedQueries& queries, const OverQueries& over, const Formula& formula) {
  std::vector<uint8_t> has(queries.size());
  const std::optional<double> empty = worth_of_empty(over.action);
  QueriesFound found{{.values = std::vector<double>(queries.size()), .weights = queries.weights}};
  each_query(queries, [&](std::size_t query) {
    has[query] = queries[query].has(over.needed);
    found.values.values[query] = has[query] ? formula(queries[query]) : empty.value_or(0);
  });
  const auto first = std::find(has.begin(), has.end(), uint8_t{0});
  if (first == has.end()) return found;
  found.empty = queries.indexes[static_cast<std::size_t>(first - has.begin())];
  if (!empty) {
    const auto keep = [&](std::vector<double>& numbers) {
      std::size_t kept = 0;
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (has[i]) numbers[kept++] = numbers[i];
      }
      numbers.resize(kept);
    };
    keep(found.values.values);
    keep(found.values.weights);
  }
  return found;
}

Tensor value_over_queries(const RankedQueries& queries, const OverQueries& over, const Formula& formula) {
  if (queries.parts != nullptr) return value_of_parts(*queries.parts, over, queries.device);
  const QueriesFound found = values_of_queries(queries, over, formula);
  if (found.empty && over.action == EmptyTargetAction::Error) throw_empty(*found.empty, over.needed);
  return over.aggregation.of(found.values, queries.device);
}

}  // namespace metrics::retrieval
