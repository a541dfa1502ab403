#include "samples.h"

#include <metrics/core/errors.h>
#include <metrics/core/sample_ids.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <string>
#include <string_view>

namespace metrics::retrieval::embeddings {

namespace {

std::vector<int64_t> integers_of(const State& state) {
  if (state.rows() == 0) return {};
  const Tensor numbers = state.tensor().to(at::kCPU, at::kLong).contiguous();
  const auto* const first = numbers.const_data_ptr<int64_t>();
  return {first, first + numbers.numel()};
}

std::vector<uint8_t> flags_of(const State& state) {
  if (state.rows() == 0) return {};
  const Tensor flags = state.tensor().to(at::kCPU, at::kBool).contiguous();
  const auto* const first = flags.const_data_ptr<bool>();
  return {first, first + flags.numel()};
}

template <class T>
void take(std::vector<T>& from, const std::vector<int64_t>& rows) {
  if (from.empty()) return;
  std::vector<T> taken;
  taken.reserve(rows.size());
  for (const int64_t row : rows) taken.push_back(from[static_cast<std::size_t>(row)]);
  from = std::move(taken);
}

void require_all(const States& states, std::string_view input, int64_t rows) {
  const int64_t given = states[input].rows();
  if (given == 0 || given == rows) return;
  std::ostringstream message;
  message << given << " of " << rows << " samples have `" << input
          << "`; where one update on one rank gives them, all have to";
  throw Error(message.str());
}

/// Throws Error where two rows of one id are not the same sample.
void require_same(const Samples& samples, int64_t id, int64_t row, int64_t copy) {
  const auto differ = [&](const char* what, const auto& of) {
    if (of.empty()) return;
    const auto first = static_cast<int64_t>(of[static_cast<std::size_t>(row)]);
    const auto second = static_cast<int64_t>(of[static_cast<std::size_t>(copy)]);
    if (first == second) return;
    std::ostringstream message;
    message << "the sample with id " << id << " came twice with different `" << what << "`, " << first << " and "
            << second;
    throw Error(message.str());
  };
  differ("labels", samples.labels);
  differ("is_query", samples.is_query);
  differ("is_gallery", samples.is_gallery);
  differ("sequence_ids", samples.sequences);
  differ("categories", samples.categories);
}

std::string listed(const std::vector<int64_t>& numbers, int64_t count) {
  std::ostringstream text;
  for (std::size_t i = 0; i < numbers.size(); ++i) text << (i == 0 ? "" : ", ") << numbers[i];
  if (static_cast<int64_t>(numbers.size()) < count) text << ", …";
  return text.str();
}

/// Throws Error where ascending ids are not those from 0 to `expected`.
void require_complete(const std::vector<int64_t>& ids, int64_t expected) {
  constexpr std::size_t shown = 10;
  for (const int64_t id : ids) {
    if (id >= 0 && id < expected) continue;
    throw Error("there is a sample with id " + std::to_string(id) + ", where num_samples=" + std::to_string(expected) +
                " expects ids from 0 to " + std::to_string(expected - 1));
  }
  const int64_t lacking = expected - static_cast<int64_t>(ids.size());
  if (lacking == 0) return;
  std::vector<int64_t> first;
  for (int64_t id = 0, next = 0; first.size() < shown && id < expected; ++id) {
    if (next < static_cast<int64_t>(ids.size()) && ids[static_cast<std::size_t>(next)] == id) {
      ++next;
    } else {
      first.push_back(id);
    }
  }
  throw Error(std::to_string(lacking) + " of " + std::to_string(expected) + " samples are missing, those with ids " +
              listed(first, lacking));
}

/// Puts the samples in the order of their ids, each once.
void take_each_once(Samples& samples, const State& state, const std::optional<int64_t>& expected) {
  const int64_t rows = samples.size();
  const std::vector<int64_t> pairs = integers_of(state);  // an id and a place, 0, for each row
  if (static_cast<int64_t>(pairs.size()) != 2 * rows) {
    throw Error(std::to_string(state.rows()) + " of " + std::to_string(rows) +
                " samples have an id; where one update on one rank gives Rows.ids, all have to");
  }
  const auto id = [&](int64_t row) { return pairs[2 * static_cast<std::size_t>(row)]; };
  std::vector<int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return id(a) < id(b); });
  std::vector<int64_t> first, ids;
  for (const int64_t row : order) {
    if (!ids.empty() && ids.back() == id(row)) {
      require_same(samples, id(row), first.back(), row);
    } else {
      first.push_back(row);
      ids.push_back(id(row));
    }
  }
  if (expected) require_complete(ids, *expected);
  samples.embeddings = samples.embeddings.index_select(0, at::tensor(first, at::kLong));
  take(samples.labels, first);
  take(samples.is_query, first);
  take(samples.is_gallery, first);
  take(samples.sequences, first);
  take(samples.categories, first);
  samples.have_ids = true;
}

}  // namespace

Samples samples_in(const States& states, const std::optional<int64_t>& expected) {
  Samples samples;
  const State& embeddings = states["embeddings"];
  if (embeddings.rows() > 0) {
    const Tensor held = embeddings.tensor();
    const at::ScalarType dtype = held.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    samples.embeddings = held.to(at::kCPU, dtype).contiguous();
  }
  samples.labels = integers_of(states["labels"]);
  samples.is_query = flags_of(states["is_query"]);
  samples.is_gallery = flags_of(states["is_gallery"]);
  require_all(states, "sequence_ids", samples.size());
  require_all(states, "categories", samples.size());
  samples.sequences = integers_of(states["sequence_ids"]);
  samples.categories = integers_of(states["categories"]);
  if (states["_ids"].rows() > 0) {
    take_each_once(samples, states["_ids"], expected);
  } else if (expected && *expected != samples.size()) {
    throw Error("there are " + std::to_string(samples.size()) + " samples, where num_samples expects " +
                std::to_string(*expected));
  }
  return samples;
}

Gallery::Gallery(const Samples& samples) : samples_(samples) {
  for (int64_t row = 0; row < samples.size(); ++row) {
    if (samples.is_gallery[static_cast<std::size_t>(row)]) rows_.push_back(row);
  }
  const auto label = [&](int64_t row) { return samples.labels[static_cast<std::size_t>(row)]; };
  std::stable_sort(rows_.begin(), rows_.end(), [&](int64_t a, int64_t b) { return label(a) < label(b); });
  place_.assign(samples.labels.size(), -1);
  for (std::size_t item = 0; item < rows_.size(); ++item) {
    labels_.push_back(label(rows_[item]));
    place_[static_cast<std::size_t>(rows_[item])] = static_cast<int64_t>(item);
  }
  by_sequence_.resize(rows_.size());
  std::iota(by_sequence_.begin(), by_sequence_.end(), int64_t{0});
  if (samples.sequences.empty()) return;
  std::stable_sort(by_sequence_.begin(), by_sequence_.end(), [&](int64_t a, int64_t b) {
    const auto sequence = [&](int64_t item) {
      return samples.sequences[static_cast<std::size_t>(rows_[static_cast<std::size_t>(item)])];
    };
    return sequence(a) < sequence(b);
  });
}

auto Gallery::of_label(int64_t label) const -> Range {
  const auto [begin, end] = std::equal_range(labels_.begin(), labels_.end(), label);
  return {begin - labels_.begin(), end - labels_.begin()};
}

std::span<const int64_t> Gallery::ignored_by(int64_t query_row) const {
  if (samples_.sequences.empty()) {
    const int64_t place = place_[static_cast<std::size_t>(query_row)];
    if (place < 0) return {};
    return {by_sequence_.data() + place, 1};  // in which each item stands at its place
  }
  const int64_t own = samples_.sequences[static_cast<std::size_t>(query_row)];
  const auto sequence = [&](int64_t item) {
    return samples_.sequences[static_cast<std::size_t>(rows_[static_cast<std::size_t>(item)])];
  };
  const auto begin = std::partition_point(by_sequence_.begin(), by_sequence_.end(),
                                          [&](int64_t item) { return sequence(item) < own; });
  const auto end = std::partition_point(begin, by_sequence_.end(), [&](int64_t item) { return sequence(item) == own; });
  return {by_sequence_.data() + (begin - by_sequence_.begin()), static_cast<std::size_t>(end - begin)};
}

Relevant relevant_to(const Samples& samples, const Gallery& gallery, int64_t query_row) {
  const Gallery::Range alike = gallery.of_label(samples.labels[static_cast<std::size_t>(query_row)]);
  const std::span<const int64_t> ignored = gallery.ignored_by(query_row);
  const auto count = [&](int64_t bound) { return std::lower_bound(ignored.begin(), ignored.end(), bound); };
  return {.relevant = alike.end - alike.begin - (count(alike.end) - count(alike.begin)),
          .found = gallery.size() - static_cast<int64_t>(ignored.size())};
}

}  // namespace metrics::retrieval::embeddings
