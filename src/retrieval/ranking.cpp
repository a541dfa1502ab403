#include "ranking.h"

#include "kernels/ordered_bits.h"
#include "kernels/plain_tensor.h"
#include "kernels/radix_sort.h"
#include <metrics/core/errors.h>
#include <metrics/core/sample_ids.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <sstream>
#include <type_traits>
#include <utility>

namespace metrics::retrieval {

namespace {

/// A document with what it is sorted by: ascending numbers for ascending queries, and for descending scores.
struct Entry {
  uint64_t query;
  uint64_t place;
  float relevance;
};

constexpr uint64_t sign_bit = uint64_t{1} << 63;

// Greater scores come first, NaN before all.
uint64_t place_of(double score) {
  return std::isnan(score) ? 0 : ~kernels::ordered_bits(score);
}

double score_of(uint64_t place) {
  return kernels::number_of(place == 0 ? 0 : ~place);
}

uint64_t query_of(int64_t index) {
  return static_cast<uint64_t>(index) ^ sign_bit;
}

int64_t index_of(uint64_t query) {
  return static_cast<int64_t>(query ^ sign_bit);
}

bool is_tied(const Entry& a, const Entry& b) {
  return a.query == b.query && a.place == b.place;
}

std::vector<Entry> sorted(std::vector<Entry> entries) {
  std::vector<Entry> other(entries.size());
  const std::span<Entry> by_place =
      kernels::radix_sorted(std::span(entries), std::span(other), [](const Entry& entry) { return entry.place; });
  const std::span<Entry> rest = by_place.data() == entries.data() ? std::span(other) : std::span(entries);
  const std::span<Entry> by_query =
      kernels::radix_sorted(by_place, rest, [](const Entry& entry) { return entry.query; });
  if (by_query.data() != entries.data()) entries.swap(other);
  for (auto begin = entries.begin(); begin != entries.end();) {
    const auto end =
        std::find_if(begin + 1, entries.end(), [&](const Entry& entry) { return !is_tied(*begin, entry); });
    if (end - begin > 1)
      std::sort(begin, end, [](const Entry& a, const Entry& b) { return a.relevance < b.relevance; });
    begin = end;
  }
  return entries;
}

RankedQueries ranked(std::vector<Entry> given) {
  const std::vector<Entry> entries = sorted(std::move(given));
  RankedQueries queries;
  queries.documents.reserve(entries.size());
  for (const Entry& entry : entries) {
    const bool next = queries.indexes.empty() || queries.indexes.back() != index_of(entry.query);
    if (next) {
      queries.indexes.push_back(index_of(entry.query));
      queries.ends.push_back(queries.documents.size());
    }
    queries.documents.push_back({score_of(entry.place), entry.relevance});
    ++queries.ends.back();
  }
  return queries;
}

/// Calls `take(i, number)` with the i-th element of a tensor that holds a `T`, one of `Others`, or what converts to
/// `T`.
template <class T, class... Others, class Take>
void for_each_number(const Tensor& tensor, const Take& take) {
  const Tensor numbers = tensor.detach().to(at::kCPU).contiguous();
  const auto taken_as = [&]<class Number>(std::type_identity<Number>) {
    if (numbers.scalar_type() != c10::CppTypeToScalarType<Number>::value) return false;
    const Number* const data = numbers.const_data_ptr<Number>();
    for (int64_t i = 0; i < numbers.numel(); ++i) take(static_cast<std::size_t>(i), static_cast<T>(data[i]));
    return true;
  };
  if (taken_as(std::type_identity<T>()) || (taken_as(std::type_identity<Others>()) || ...)) return;
  for_each_number<T>(numbers.to(c10::CppTypeToScalarType<T>::value), take);
}

/// The documents as they come, all of query 0 without `indexes`.
std::vector<Entry> entries_of(const Tensor& preds, const Tensor& target, const Tensor& indexes) {
  std::vector<Entry> entries(static_cast<std::size_t>(preds.numel()), Entry{query_of(0), 0, 0});
  for_each_number<double, float>(preds, [&](std::size_t i, double score) { entries[i].place = place_of(score); });
  for_each_number<float, uint8_t>(target, [&](std::size_t i, float relevance) { entries[i].relevance = relevance; });
  if (!indexes.defined()) return entries;
  for_each_number<int64_t, int32_t>(indexes, [&](std::size_t i, int64_t index) { entries[i].query = query_of(index); });
  return entries;
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

[[noreturn]] void throw_input(const char* input, const char* expected, const Tensor& given) {
  std::ostringstream message;
  message << "`" << input << "` expects " << expected << ", got " << given.scalar_type() << given.sizes();
  throw InvalidArgument(message.str());
}

}  // namespace

void check_documents(const Tensor& preds, const Tensor& target) {
  if (!preds.is_floating_point()) throw_input("preds", "floating scores", preds);
  if (preds.dim() == 0) throw_input("preds", "at least one dimension", preds);
  if (preds.sizes() != target.sizes()) throw_input("target", "the shape of `preds`", target);
}

void check_binary(const Tensor& target) {
  if (target.scalar_type() == at::kBool || lie_between_0_and_1(target)) return;
  throw_input("target", "relevances from 0 to 1", target);
}

RankedQueries ranked_query(const Tensor& preds, const Tensor& target) {
  check_documents(preds, target);
  if (preds.numel() == 0) throw_input("preds", "at least one document", preds);
  check_binary(target);
  return ranked(entries_of(preds, target, {}));
}

RankedQueries ranked_queries(const States& states) {
  const State &indexes = states["indexes"], &preds = states["preds"], &target = states["target"];
  const int64_t count = indexes.rows();
  if (preds.rows() != count || target.rows() != count) {
    throw Error("its states hold " + std::to_string(count) + " indexes, " + std::to_string(preds.rows()) +
                " preds and " + std::to_string(target.rows()) + " targets");
  }
  RankedQueries none;
  none.device = states.device();
  if (count == 0) return none;
  std::vector<Entry> entries =
      entries_of(preds.tensor().reshape({count}), target.tensor().reshape({count}), indexes.tensor().reshape({count}));
  if (const auto first = first_of_each_sample(states, count)) {
    std::vector<Entry> once;
    once.reserve(first->size());
    for (const int64_t i : *first) once.push_back(entries[static_cast<std::size_t>(i)]);
    entries = std::move(once);
  }
  RankedQueries queries = ranked(std::move(entries));
  queries.device = states.device();
  return queries;
}

bool any_relevant(std::span<const Document> documents) {
  return std::any_of(documents.begin(), documents.end(), [](const Document& d) { return d.relevance != 0; });
}

Tensor value_over_queries(const RankedQueries& queries, const RetrievalOptions& options, const Formula& formula) {
  std::vector<double> values;
  values.reserve(queries.ends.size());
  for (std::size_t query = 0; query < queries.ends.size(); ++query) {
    if (any_relevant(queries[query])) {
      values.push_back(formula(queries[query]));
    } else if (options.empty_target_action == EmptyTargetAction::Error) {
      throw InvalidArgument("query " + std::to_string(queries.indexes[query]) +
                            " has no relevant document in `target`, and empty_target_action is 'error'");
    } else if (options.empty_target_action != EmptyTargetAction::Skip) {
      values.push_back(options.empty_target_action == EmptyTargetAction::Pos ? 1 : 0);
    }
  }
  return options.aggregation.of(values, queries.device);
}

}  // namespace metrics::retrieval
