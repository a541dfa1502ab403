#include "../core/loaded_states.h"
#include "embeddings/components.h"
#include "embeddings/distances.h"
#include "embeddings/mismatches.h"
#include "embeddings/nearest.h"
#include "embeddings/samples.h"
#include <metrics/core/codec.h>
#include <metrics/core/define.h>
#include <metrics/core/double_double.h>
#include <metrics/core/sample_ids.h>
#include <metrics/core/shared_value.h>
#include <metrics/retrieval/embedding_metrics.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

namespace metrics {

namespace {

using namespace retrieval::embeddings;

// --- What may be given.

void check_counts(const char* option, const std::vector<int64_t>& counts) {
  for (const int64_t k : counts) {
    if (k < 1) {
      throw InvalidArgument(std::string("option `") + option + "` expects integers of at least 1, got " +
                            std::to_string(k));
    }
  }
}

void check_shares(const char* option, const std::vector<double>& shares) {
  for (const double share : shares) {
    if (!(share >= 0 && share <= 1)) {
      throw InvalidArgument(std::string("option `") + option + "` expects numbers from 0 to 1, got " +
                            std::to_string(share));
    }
  }
}

[[noreturn]] void refuse_input(const char* input, const Tensor& given, const std::string& expected) {
  std::ostringstream message;
  message << "`" << input << "` expects " << expected << ", got " << given.scalar_type() << given.sizes();
  throw InvalidArgument(message.str());
}

void check_embeddings(const Tensor& embeddings) {
  if (embeddings.is_floating_point() && embeddings.dim() == 2 && embeddings.size(1) > 0) return;
  refuse_input("embeddings", embeddings, "floating numbers [N, D], D at least 1");
}

void check_column(const char* input, const Tensor& given, int64_t rows, bool of_flags) {
  const at::ScalarType dtype = given.scalar_type();
  const bool is_right = of_flags ? dtype == at::kBool : at::isIntegralType(dtype, /*includeBool=*/false);
  if (is_right && given.dim() == 1 && given.size(0) == rows) return;
  refuse_input(
      input, given,
      std::string(of_flags ? "bool" : "integers") + " [" + std::to_string(rows) + "], one for each of `embeddings`");
}

/// Throws where an input that all samples have, or none, comes otherwise than with the samples before.
void check_as_before(const States& states, const char* input, std::string_view state, bool given) {
  if (states["embeddings"].rows() == 0 || (states[state].rows() > 0) == given) return;
  throw InvalidArgument(std::string("`") + input + "` " +
                        (given ? "came with this update, and not with the samples before"
                               : "came with the samples before, and is left out of this update") +
                        "; it is given with all updates or with none");
}

/// Squares of greater ones, or sums of these, would not be finite.
constexpr double greatest_embedding = 1e100;

void check_numbers(const Tensor& embeddings) {
  if (embeddings.numel() == 0) return;
  const bool is_wide = embeddings.scalar_type() == at::kDouble;
  const double most = is_wide ? greatest_embedding : std::numeric_limits<float>::max();
  const Tensor fits = embeddings.abs().le(most);  // not of NaN
  if (fits.all().item<bool>()) return;
  const auto row = at::nonzero(fits.all(1).logical_not()).flatten()[0].item<int64_t>();
  throw InvalidArgument("`embeddings` have to be finite and at most 1e100, row " + std::to_string(row) + " is not");
}

// --- What is made of samples.

double positions_mean(std::span<const uint8_t> hits) {
  double sum = 0;
  int64_t found = 0;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (!hits[i]) continue;
    ++found;
    sum += static_cast<double>(found) / static_cast<double>(i + 1);
  }
  return found == 0 ? 0 : sum / static_cast<double>(found);
}

double count_of(std::span<const uint8_t> hits) {
  return static_cast<double>(std::count(hits.begin(), hits.end(), 1));
}

/// What a query is worth.
struct OfQuery {
  std::span<const uint8_t> hits;
  int64_t relevant;

  std::span<const uint8_t> first(int64_t k) const {
    return hits.first(std::min(hits.size(), static_cast<std::size_t>(k)));
  }
  // Where there is nothing to look at, nothing is relevant.
  static constexpr double without_items = 1;
  double cmc(int64_t k) const {
    if (hits.empty()) return without_items;
    return count_of(first(k)) > 0 ? 1 : 0;
  }
  double precision(int64_t k) const {
    if (hits.empty()) return without_items;
    const auto looked_at = first(k);
    return count_of(looked_at) /
           static_cast<double>(std::min<int64_t>(relevant, static_cast<int64_t>(looked_at.size())));
  }
  double map(int64_t k) const { return hits.empty() ? without_items : positions_mean(first(k)); }
};

struct MeanOfQueries {
  DoubleDouble sum;
  int64_t count = 0;

  void take(double value) {
    sum = sum + value;
    ++count;
  }
  double value() const { return sum.value() / static_cast<double>(count); }
};

using NamedValues = std::map<std::string, double>;

/// A number as Python writes it, which the keys of a result have.
std::string text_of(double number) {
  return describe(Codec<double>::write(number));
}

std::string category_of(const Samples& samples, int64_t row) {
  return std::to_string(samples.categories[static_cast<std::size_t>(row)]);
}

constexpr const char* overall = "OVERALL";

/// What is found of queries, for which distances are looked at.
struct Found {
  std::vector<int64_t> relevant;  // of each query
  std::vector<int64_t> sizes;     // of each query's hits
  std::vector<uint8_t> hits;      // one query's after the other's
  std::vector<double> shares;     // for each of `fmr_vals`, of all queries
};

std::vector<int64_t> query_rows(const Samples& samples) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < samples.size(); ++row) {
    if (samples.is_query[static_cast<std::size_t>(row)]) rows.push_back(row);
  }
  return rows;
}

int64_t greatest_k(const EmbeddingMetricsOptions& options) {
  int64_t most = 0;
  for (const auto* const counts : {&options.cmc_top_k, &options.precision_top_k, &options.map_top_k}) {
    for (const int64_t k : *counts) most = std::max(most, k);
  }
  return most;
}

/// Looks for what some of the queries find.
Found found_by(const Samples& samples, const EmbeddingMetricsOptions& options, const Queries& queries,
               const Sharing& sharing) {
  Found found{.relevant = {}, .sizes = {}, .hits = {}, .shares = {}};
  const std::vector<int64_t> rows = query_rows(samples);
  if (rows.empty()) {
    found.shares.assign(options.fmr_vals.size(), std::numeric_limits<double>::quiet_NaN());
    return found;
  }
  const Gallery gallery(samples);
  const Distances distances(samples.embeddings, rows, gallery.rows());
  if (const int64_t k = greatest_k(options); k > 0) {
    const Hits hits = nearest(distances, samples, gallery, k, queries);
    for (int64_t query = queries.begin; query < queries.end; ++query) {
      const std::span<const uint8_t> of_query = hits[query - queries.begin];
      found.relevant.push_back(relevant_to(samples, gallery, rows[static_cast<std::size_t>(query)]).relevant);
      found.sizes.push_back(static_cast<int64_t>(of_query.size()));
      found.hits.insert(found.hits.end(), of_query.begin(), of_query.end());
    }
  }
  if (!options.fmr_vals.empty()) {
    found.shares = fnmr_at_fmr(distances, samples, gallery, options.fmr_vals, queries, sharing);
  }
  return found;
}

// --- Ranks.

template <class T>
RangeBytes bytes_of(const std::vector<T>& numbers) {
  const auto* const begin = reinterpret_cast<const uint8_t*>(numbers.data());
  return {begin, begin + numbers.size() * sizeof(T)};
}

/// Appends a list, its length before it.
template <class T>
void write_list(RangeBytes& to, const std::vector<T>& numbers) {
  const RangeBytes size = bytes_of_range(static_cast<int64_t>(numbers.size())), all = bytes_of(numbers);
  to.insert(to.end(), size.begin(), size.end());
  to.insert(to.end(), all.begin(), all.end());
}

/// Takes lists from bytes, and appends them.
class Lists {
 public:
  explicit Lists(const RangeBytes& bytes) : left_(bytes) {}

  template <class T>
  void read(std::vector<T>& to) {
    const auto size = static_cast<std::size_t>(from_range_bytes<int64_t>(taken(sizeof(int64_t))));
    const std::size_t before = to.size();
    to.resize(before + size);
    const std::span<const uint8_t> bytes = taken(size * sizeof(T));
    if (size > 0) std::memcpy(to.data() + before, bytes.data(), bytes.size());
  }

 private:
  std::span<const uint8_t> taken(std::size_t size) {
    const auto bytes = left_.first(size);
    left_ = left_.subspan(size);
    return bytes;
  }
  std::span<const uint8_t> left_;
};

/// Each rank looks for what its share of the queries finds.
class SharedSearch final : public SharedValue {
 public:
  explicit SharedSearch(EmbeddingMetricsOptions options) : options_(std::move(options)) {}

  RangeBytes share(const States& merged, SharingRanks& ranks) const override {
    return detail::named(definitions::EmbeddingMetrics::name, [&] {
      const Samples samples = samples_in(merged, options_.num_samples);
      const auto count = static_cast<int64_t>(query_rows(samples).size());
      const Queries own{ranks.rank() * count / ranks.count(), (ranks.rank() + 1) * count / ranks.count()};
      const Found found = found_by(samples, options_, own, sharing(ranks));
      RangeBytes bytes;
      write_list(bytes, found.relevant);
      write_list(bytes, found.sizes);
      write_list(bytes, found.hits);
      write_list(bytes, found.shares);
      return bytes;
    });
  }

  /// What all ranks have found.
  static Found found_in(const RangedParts& parts) {
    Found found{.relevant = {}, .sizes = {}, .hits = {}, .shares = {}};
    for (const RangeBytes& part : parts.columns.front()) {
      Lists lists(part);
      lists.read(found.relevant);
      lists.read(found.sizes);
      lists.read(found.hits);
      found.shares.clear();  // the same of all ranks
      lists.read(found.shares);
    }
    return found;
  }

 private:
  static Sharing sharing(SharingRanks& ranks) {
    const auto gathered = [&ranks]<class T>(const std::vector<T>& own) {
      std::vector<std::vector<T>> all;
      for (const RangeBytes& bytes : ranks.gather(bytes_of(own))) {
        all.emplace_back(bytes.size() / sizeof(T));
        if (!bytes.empty()) std::memcpy(all.back().data(), bytes.data(), bytes.size());
      }
      return all;
    };
    return {.sum =
                [gathered](const std::vector<int64_t>& own) {
                  std::vector<int64_t> sum(own.size());
                  for (const auto& of_rank : gathered(own)) {
                    std::transform(sum.begin(), sum.end(), of_rank.begin(), sum.begin(), std::plus<>());
                  }
                  return sum;
                },
            .gather =
                [gathered](const std::vector<double>& own) {
                  std::vector<double> all;
                  for (const auto& of_rank : gathered(own)) all.insert(all.end(), of_rank.begin(), of_rank.end());
                  return all;
                }};
  }

  EmbeddingMetricsOptions options_;
};

// --- The values.

class Computed {
 public:
  Computed(const Samples& samples, const Found& found, const EmbeddingMetricsOptions& options)
      : samples_(samples), found_(found), options_(options), queries_(query_rows(samples)) {
    by_category_ = !samples.categories.empty() && !options.return_only_overall_category;
  }

  NamedValues values() {
    add_means();
    add_components();
    for (std::size_t i = 0; i < options_.fmr_vals.size(); ++i) {
      values_[std::string(overall) + "/fnmr@fmr/" + text_of(options_.fmr_vals[i])] = found_.shares[i];
    }
    return std::move(values_);
  }

 private:
  using Means = std::map<std::string, MeanOfQueries>;

  void add_means() {
    if (greatest_k(options_) == 0) return;
    Means means;
    each_name(overall, [&](const std::string& name, auto, int64_t) { means.try_emplace(name); });
    std::size_t begin = 0;
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      const auto size = static_cast<std::size_t>(found_.sizes[q]);
      const OfQuery query{std::span(found_.hits).subspan(begin, size), found_.relevant[q]};
      begin += size;
      take(means, overall, query);
      if (by_category_) take(means, category_of(samples_, queries_[q]), query);
    }
    for (const auto& [name, mean] : means) values_[name] = mean.value();
  }

  template <class F>
  void each_name(const std::string& category, const F& f) const {
    for (const int64_t k : options_.cmc_top_k) f(category + "/cmc/" + std::to_string(k), &OfQuery::cmc, k);
    for (const int64_t k : options_.precision_top_k) {
      f(category + "/precision/" + std::to_string(k), &OfQuery::precision, k);
    }
    for (const int64_t k : options_.map_top_k) f(category + "/map/" + std::to_string(k), &OfQuery::map, k);
  }
  void take(Means& means, const std::string& category, const OfQuery& query) const {
    std::set<std::string> taken;  // a number that is asked for twice is there once
    each_name(category, [&](const std::string& name, auto worth, int64_t k) {
      if (taken.insert(name).second) means[name].take((query.*worth)(k));
    });
  }

  void add_components() {
    if (options_.pcf_variance.empty()) return;
    add_components_of(overall, std::nullopt);
    if (!by_category_) return;
    std::map<int64_t, std::vector<int64_t>> rows;
    for (const int64_t query : queries_) rows.try_emplace(samples_.categories[static_cast<std::size_t>(query)]);
    for (int64_t row = 0; row < samples_.size(); ++row) {
      const auto found = rows.find(samples_.categories[static_cast<std::size_t>(row)]);
      if (found != rows.end()) found->second.push_back(row);
    }
    for (const auto& [category, of_category] : rows) add_components_of(std::to_string(category), of_category);
  }
  void add_components_of(const std::string& category, const std::optional<std::vector<int64_t>>& rows) {
    std::vector<double> fractions(options_.pcf_variance.size(), std::numeric_limits<double>::quiet_NaN());
    if (samples_.size() > 0) fractions = components_for(samples_.embeddings, rows, options_.pcf_variance);
    for (std::size_t i = 0; i < fractions.size(); ++i) {
      values_[category + "/pcf/" + text_of(options_.pcf_variance[i])] = fractions[i];
    }
  }

  const Samples& samples_;
  const Found& found_;
  const EmbeddingMetricsOptions& options_;
  std::vector<int64_t> queries_;
  bool by_category_ = false;
  NamedValues values_;
};

}  // namespace

namespace definitions {

void EmbeddingMetrics::check(const Options& options) {
  check_counts("cmc_top_k", options.cmc_top_k);
  check_counts("precision_top_k", options.precision_top_k);
  check_counts("map_top_k", options.map_top_k);
  check_shares("fmr_vals", options.fmr_vals);
  check_shares("pcf_variance", options.pcf_variance);
  if (options.num_samples && *options.num_samples < 1) {
    throw InvalidArgument("option `num_samples` expects at least 1, got " + std::to_string(*options.num_samples));
  }
}

void EmbeddingMetrics::declare(States& states, const Options&) {
  for (const char* const state : {"embeddings", "labels", "is_query", "is_gallery", "sequence_ids", "categories"}) {
    states.add(state, Reduction::Cat);
  }
  declare_sample_ids(states);
}

void EmbeddingMetrics::update(States& states, const Options&, const Tensor& embeddings, const Tensor& labels,
                              const Tensor& is_query, const Tensor& is_gallery,
                              const std::optional<Tensor>& sequence_ids, const std::optional<Tensor>& categories,
                              const Rows& rows) {
  check_embeddings(embeddings);
  const int64_t count = embeddings.size(0);
  check_column("labels", labels, count, /*of_flags=*/false);
  check_column("is_query", is_query, count, /*of_flags=*/true);
  check_column("is_gallery", is_gallery, count, /*of_flags=*/true);
  if (sequence_ids) check_column("sequence_ids", *sequence_ids, count, /*of_flags=*/false);
  if (categories) check_column("categories", *categories, count, /*of_flags=*/false);
  std::optional<Tensor> taken;
  if (rows.valid) taken = at::nonzero(*rows.valid).view({-1});
  const auto of_taken = [&](const Tensor& input) {
    return taken ? input.index_select(0, taken->to(input.device())) : input;
  };
  const bool is_wide = embeddings.scalar_type() == at::kDouble;
  const Tensor numbers = of_taken(embeddings.detach().to(is_wide ? at::kDouble : at::kFloat));
  check_numbers(numbers);
  if (numbers.size(0) == 0) return;
  check_as_before(states, "sequence_ids", "sequence_ids", sequence_ids.has_value());
  check_as_before(states, "categories", "categories", categories.has_value());
  check_as_before(states, "Rows.ids", "_ids", rows.ids.has_value());
  states["embeddings"].append(numbers);
  states["labels"].append(of_taken(labels.to(at::kLong)));
  states["is_query"].append(of_taken(is_query));
  states["is_gallery"].append(of_taken(is_gallery));
  if (sequence_ids) states["sequence_ids"].append(of_taken(sequence_ids->to(at::kLong)));
  if (categories) states["categories"].append(of_taken(categories->to(at::kLong)));
  if (rows.ids) states["_ids"].append(of_taken(ids_of_elements(*rows.ids, {count})));
}

std::shared_ptr<const RangedValue> EmbeddingMetrics::ranged(const Options& options) {
  return std::make_unique<SharedSearch>(options);
}

auto EmbeddingMetrics::finalise(const States& states, const Options& options) -> Result {
  const Samples samples = samples_in(states, options.num_samples);
  const RangedParts* const parts = states.parts();
  const auto all = static_cast<int64_t>(query_rows(samples).size());
  const Found found =
      parts != nullptr ? SharedSearch::found_in(*parts) : found_by(samples, options, {0, all}, Sharing{});
  Result result;
  const auto where = at::TensorOptions(at::kDouble).device(states.device());
  for (const auto& [key, value] : Computed(samples, found, options).values()) {
    result.emplace(key, at::scalar_tensor(value, where));
  }
  return result;
}

void EmbeddingMetrics::complete_from_torchmetrics(States& states, const Options&) {
  require_equal_rows(states, {"embeddings", "labels", "is_query", "is_gallery"});
  require_floating_rows(states["embeddings"]);
  if (states["embeddings"].rows() > 0 && states["embeddings"].tensor().dim() != 2) {
    throw StateMisfit("embeddings", c10::str("expected [N, D], got shape ", states["embeddings"].tensor().sizes()));
  }
  for (const char* const column : {"labels", "is_query", "is_gallery", "sequence_ids", "categories"}) {
    const State& state = states[column];
    if (state.rows() == 0) continue;
    require_integer_rows(state);
    if (state.tensor().dim() != 1) {
      throw StateMisfit(column, c10::str("expected one number a sample, got shape ", state.tensor().sizes()));
    }
    if (state.rows() != states["embeddings"].rows()) {
      throw StateMisfit(column, c10::str("has ", state.rows(), " numbers for ", states["embeddings"].rows(), " samples"));
    }
  }
}

std::string EmbeddingMetrics::update_key(const Options&) {
  return std::string(name);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(EmbeddingMetrics);

}  // namespace metrics
