#include "kernels/radix_sort.h"
#include "ranking.h"
#include <metrics/core/double_double.h>
#include <metrics/core/errors.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Values over queries where documents stay apart (see metrics/core/ranges.h): all documents of a query are in one
// range.

namespace metrics::retrieval {
namespace {

/// What a rank says of its documents.
struct DocumentFacts {
  bool wide = false;    // scores in float64
  bool spread = false;  // queries that do not fit into 32 bits
  bool grades = false;  // relevances that do not fit into a byte
  bool weigh = false;

  void fold(const DocumentFacts& other) {
    wide |= other.wide;
    spread |= other.spread;
    grades |= other.grades;
    weigh |= other.weigh;
  }
};

DocumentFacts facts_of_documents(std::span<const RangeBytes> facts) {
  DocumentFacts all;
  for (const RangeBytes& bytes : facts) all.fold(from_range_bytes<DocumentFacts>(bytes));
  return all;
}

/// How the fields of a document lie in the bytes that travel beside its query.
struct DocumentLayout {
  explicit DocumentLayout(const DocumentFacts& all)
      : score(all.wide ? at::kDouble : at::kFloat), relevance(all.grades ? at::kFloat : at::kByte), weigh(all.weigh) {}

  at::ScalarType score, relevance;
  bool weigh;

  int64_t bytes() const {
    return static_cast<int64_t>(c10::elementSize(score) + c10::elementSize(relevance)) + (weigh ? 8 : 0);
  }
  /// Calls f(field, its dtype, where it begins) for each.
  template <class F>
  void each(const F& f) const {
    int64_t begin = 0;
    for (const auto& [field, dtype] : {std::pair{0, score}, std::pair{1, relevance}, std::pair{2, at::kDouble}}) {
      if (field == 2 && !weigh) continue;
      f(field, dtype, begin);
      begin += static_cast<int64_t>(c10::elementSize(dtype));
    }
  }
};

struct QueriesHere final : RowRange {
  RankedQueries queries;
  bool weigh = false;
  std::optional<UnequalWeights> fault;
};

struct SummaryOfQueries {
  std::size_t queries = 0;
  bool weigh = false;
};

class RangedDocuments final : public RangedRows {
 public:
  explicit RangedDocuments(std::string key) : key_(std::move(key)) {}

  std::string key() const override { return key_; }
  RangeBytes facts(const States& local) const override {
    DocumentFacts facts;
    if (local["preds"].rows() > 0) {
      facts.wide = local["preds"].tensor().scalar_type() == at::kDouble;
      facts.spread = local["indexes"].tensor().scalar_type() != at::kInt;
      facts.grades = local["target"].tensor().scalar_type() != at::kByte;
    }
    facts.weigh = local.row_weights() != nullptr && local.row_weights()->rows() > 0;
    return bytes_of_range(facts);
  }
  int64_t columns() const override { return 1; }
  int64_t kinds() const override { return 1; }
  Layout layout(int64_t, std::span<const RangeBytes> facts) const override {
    const DocumentFacts all = facts_of_documents(facts);
    return {all.spread ? at::kLong : at::kInt, at::kByte, {DocumentLayout(all).bytes()}};
  }

  Column rows(const States& local, std::span<const RangeBytes> facts, int64_t) const override {
    const DocumentFacts all = facts_of_documents(facts);
    const DocumentLayout layout(all);
    check_equal_rows(local);
    const int64_t count = local["indexes"].rows();
    KeyedRows rows{at::empty({count}, all.spread ? at::kLong : at::kInt),
                   at::empty({count, layout.bytes()}, at::kByte)};
    if (count == 0) return {rows};
    struct Entry {
      uint64_t query;
      int64_t row;
    };
    std::vector<Entry> entries(static_cast<std::size_t>(count)), scratch(entries.size());
    const Tensor indexes = flat(local["indexes"], at::kLong);
    for (int64_t i = 0; i < count; ++i) {
      entries[static_cast<std::size_t>(i)] = {query_of(indexes.const_data_ptr<int64_t>()[i]), i};
    }
    const auto sorted = metrics::kernels::radix_sorted(std::span(entries), std::span(scratch),
                                                       [](const Entry& entry) { return entry.query; });
    const auto fill = [&](auto* key) {
      for (const Entry& entry : sorted)
        *key++ = static_cast<std::remove_pointer_t<decltype(key)>>(key_of(entry.query, all));
    };
    all.spread ? fill(rows.keys.mutable_data_ptr<int64_t>()) : fill(rows.keys.mutable_data_ptr<int32_t>());
    layout.each([&](int field, at::ScalarType dtype, int64_t begin) {
      const Tensor numbers = field_of(local, field, dtype);
      const auto size = c10::elementSize(dtype);
      const auto* const from = static_cast<const uint8_t*>(numbers.const_data_ptr());
      uint8_t* to = rows.values.mutable_data_ptr<uint8_t>() + begin;
      for (const Entry& entry : sorted) {
        std::memcpy(to, from + static_cast<std::size_t>(entry.row) * size, size);
        to += layout.bytes();
      }
    });
    return {rows};
  }

  std::unique_ptr<Range> range(std::vector<std::vector<KeyedRows>> kinds,
                               std::span<const RangeBytes> facts) const override {
    auto here = std::make_unique<QueriesHere>();
    const DocumentLayout layout(facts_of_documents(facts));
    here->weigh = layout.weigh;
    std::vector<Tensor> keys, values;
    for (KeyedRows& rows : kinds.front()) {
      keys.push_back(std::move(rows.keys));
      values.push_back(std::move(rows.values));
    }
    Tensor indexes = at::cat(keys).to(at::kLong);
    Tensor packed = at::cat(values);
    keys.clear();
    values.clear();
    const int64_t count = indexes.numel();
    if (count == 0) return here;
    const bool spread = facts_of_documents(facts).spread;
    for (int64_t& index : std::span(indexes.mutable_data_ptr<int64_t>(), static_cast<std::size_t>(count))) {
      index = spread ? index_of(static_cast<uint64_t>(index))
                     : int64_t{static_cast<int32_t>(static_cast<uint32_t>(index) ^ narrow_sign)};
    }
    Tensor fields[3];
    layout.each([&](int field, at::ScalarType dtype, int64_t begin) {
      const auto size = static_cast<int64_t>(c10::elementSize(dtype));
      fields[field] = packed.narrow(1, begin, size).clone(at::MemoryFormat::Contiguous).view(dtype).view({count});
    });
    packed.reset();
    here->queries = ranked_documents(fields[0], fields[1], indexes);
    if (layout.weigh) here->fault = weigh(here->queries, fields[2], indexes);
    return here;
  }
  RangeBytes summary(const Range& range) const override {
    const auto& here = static_cast<const QueriesHere&>(range);
    return bytes_of_range(SummaryOfQueries{here.queries.size(), here.weigh});
  }
  std::size_t summary_bytes() const override { return sizeof(SummaryOfQueries); }

 private:
  static constexpr uint32_t narrow_sign = uint32_t{1} << 31;

  /// Unsigned, in the order of queries.
  static uint64_t key_of(uint64_t query, const DocumentFacts& all) {
    return all.spread ? query : uint64_t{static_cast<uint32_t>(index_of(query)) ^ narrow_sign};
  }
  static Tensor flat(const State& state, at::ScalarType dtype) {
    return state.tensor().to(at::kCPU, dtype).reshape({state.rows()}).contiguous();
  }
  static Tensor field_of(const States& local, int field, at::ScalarType dtype) {
    if (field == 0) return flat(local["preds"], dtype);
    if (field == 1) return flat(local["target"], dtype);
    const State* const weights = local.row_weights();
    return weights != nullptr && weights->rows() > 0 ? flat(*weights, dtype) : at::ones({local["preds"].rows()}, dtype);
  }

  std::string key_;
};

// --- Parts.

struct PartOfQueries {
  int64_t queries = 0;  // that have a value
  double least = 0, greatest = 0;
  DoubleDouble sum;
  bool has_empty = false;
  int64_t empty = 0;  // the first query that has not what it needs
  bool has_unequal = false;
  UnequalWeights unequal;
};

/// Whether the values of all queries are needed, and their weights: beside the above in each part.
bool takes_each_value(const QueryAggregation& aggregation, bool weigh) {
  const auto name = aggregation.named();
  return !name || *name == Aggregation::Median || (*name == Aggregation::Mean && weigh);
}

class RangedQueries final : public RangedValue {
 public:
  RangedQueries(std::string key, const OverQueries& over, std::function<Formula(std::size_t)> formula)
      : documents_(std::move(key)),
        aggregation_(over.aggregation),
        over_{over.needed, over.action, aggregation_},
        formula_(std::move(formula)) {}

  const RangedRows& rows() const override { return documents_; }
  RangeBytes part(const RowRange& range, std::span<const RangeBytes>, std::size_t) const override {
    const auto& here = static_cast<const QueriesHere&>(range);
    PartOfQueries part;
    if (here.fault) {
      part.has_unequal = true;
      part.unequal = *here.fault;
      return bytes_of_range(part);
    }
    const QueriesFound found = values_of_queries(here.queries, over_, formula_(here.queries.longest()));
    part.has_empty = found.empty.has_value();
    part.empty = found.empty.value_or(0);
    const QueryValues& of = found.values;
    part.queries = static_cast<int64_t>(of.values.size());
    for (std::size_t i = 0; i < of.values.size(); ++i) {
      part.least = i == 0 ? of.values[i] : std::min(part.least, of.values[i]);
      part.greatest = i == 0 ? of.values[i] : std::max(part.greatest, of.values[i]);
      part.sum = part.sum + of.values[i];
    }
    RangeBytes bytes = bytes_of_range(part);
    if (!takes_each_value(aggregation_, here.weigh)) return bytes;
    const auto append = [&](const std::vector<double>& numbers) {
      const auto* const begin = reinterpret_cast<const uint8_t*>(numbers.data());
      bytes.insert(bytes.end(), begin, begin + numbers.size() * sizeof(double));
    };
    append(of.values);
    append(of.weights);
    return bytes;
  }
  std::size_t part_bytes(std::span<const RangeBytes> summaries) const override {
    std::size_t most = 0;
    for (const RangeBytes& bytes : summaries) {
      const auto summary = from_range_bytes<SummaryOfQueries>(bytes);
      const std::size_t numbers = takes_each_value(aggregation_, summary.weigh) ? 1 + summary.weigh : 0;
      most = std::max(most, numbers * summary.queries);
    }
    return sizeof(PartOfQueries) + most * sizeof(double);
  }

 private:
  RangedDocuments documents_;
  QueryAggregation aggregation_;
  OverQueries over_;
  std::function<Formula(std::size_t)> formula_;
};

}  // namespace

std::shared_ptr<const RangedValue> ranged_value_over_queries(const RetrievalOptions& documents, bool graded,
                                                             const OverQueries& over,
                                                             std::function<Formula(std::size_t size)> formula) {
  std::string key = graded ? GradedDocuments::update_key(documents) : RetrievalDocuments::update_key(documents);
  return std::make_shared<RangedQueries>(std::move(key), over, std::move(formula));
}

Tensor value_of_parts(const RangedParts& parts, const OverQueries& over, at::Device device) {
  const bool weigh = facts_of_documents(parts.facts).weigh, each = takes_each_value(over.aggregation, weigh);
  QueryValues all;
  PartOfQueries sum;
  for (const RangeBytes& bytes : parts.columns.front()) {
    const auto part = from_range_bytes<PartOfQueries>(bytes);
    if (part.has_unequal) throw_unequal(part.unequal);
    if (part.has_empty && over.action == EmptyTargetAction::Error) throw_empty(part.empty, over.needed);
    const auto count = static_cast<std::size_t>(part.queries);
    if (count == 0) continue;
    sum.queries += part.queries;
    sum.sum = sum.sum + part.sum;
    if (!each) {
      all.values.push_back(over.aggregation.named() == Aggregation::Min ? part.least : part.greatest);
      continue;
    }
    const auto read = [&](std::size_t begin, std::vector<double>& to) {
      to.resize(to.size() + count);
      std::memcpy(&to[to.size() - count], bytes.data() + sizeof(part) + begin, count * sizeof(double));
    };
    read(0, all.values);
    if (weigh) read(count * sizeof(double), all.weights);
  }
  if (!each && over.aggregation.named() == Aggregation::Mean && sum.queries > 0) {
    all.values = {sum.sum.value() / static_cast<double>(sum.queries)};
  }
  return over.aggregation.of(all, device);
}

}  // namespace metrics::retrieval
