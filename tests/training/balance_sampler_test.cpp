#include <metrics/core/errors.h>
#include <metrics/training/balance_sampler.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::training::BalanceSampler;
using metrics::training::Batches;
using metrics::training::BatchSampler;
using nlohmann::json;

namespace {

/// What epochs have in common whatever was drawn.
struct Described {
  std::set<int64_t> sizes;                // of epochs, in batches
  std::set<std::size_t> labels_in_batch;  // different ones
  std::set<std::size_t> labels_in_epoch;  // that come at all, and how often at most
  std::set<std::size_t> times_in_epoch;
  std::set<bool> labels_together;  // whether samples of a label are neighbours
  std::map<int64_t, std::set<std::pair<std::size_t, std::size_t>>> of_label;  // samples and different ones, in a batch
  bool operator==(const Described&) const = default;
};

Described described(const std::vector<Batches>& epochs, const std::vector<int64_t>& labels) {
  Described found;
  for (const Batches& epoch : epochs) {
    found.sizes.insert(static_cast<int64_t>(epoch.size()));
    std::map<int64_t, std::size_t> times;
    for (const auto& batch : epoch) {
      std::map<int64_t, std::vector<int64_t>> by_label;
      int64_t changes = 0;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const int64_t label = labels.at(static_cast<std::size_t>(batch[i]));
        if (i > 0 && label != labels.at(static_cast<std::size_t>(batch[i - 1]))) ++changes;
        by_label[label].push_back(batch[i]);
      }
      found.labels_in_batch.insert(by_label.size());
      found.labels_together.insert(changes + 1 == static_cast<int64_t>(by_label.size()));
      for (const auto& [label, samples] : by_label) {
        ++times[label];
        found.of_label[label].emplace(samples.size(), std::set(samples.begin(), samples.end()).size());
      }
    }
    found.labels_in_epoch.insert(times.size());
    for (const auto& [label, count] : times) found.times_in_epoch.insert(count);
  }
  return found;
}

std::string refusal_of_sampler(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "not refused";
}

#define CHECK_SAMPLER_REFUSED(call, part)                       \
  do {                                                          \
    const std::string text = refusal_of_sampler([&] { call; }); \
    CAPTURE(text);                                              \
    CHECK(text.find(part) != std::string::npos);                \
  } while (false)

}  // namespace

TEST_CASE("balance sampler: labels and sizes that cannot be are refused") {
  const Tensor labels = at::tensor(std::vector<int64_t>{4, 4, 9, 9, 9});
  CHECK_SAMPLER_REFUSED(BalanceSampler(labels, {.n_labels = 1, .n_instances = 2}),
                        "n_labels: expected at least 2, got 1");
  CHECK_SAMPLER_REFUSED(BalanceSampler(labels, {.n_labels = 2, .n_instances = 1}),
                        "n_instances: expected at least 2, got 1");
  CHECK_SAMPLER_REFUSED(BalanceSampler(labels, {.n_labels = 3, .n_instances = 2}),
                        "n_labels: expected at most the 2 labels that there are, got 3");
  CHECK_SAMPLER_REFUSED(BalanceSampler(at::tensor(std::vector<int64_t>{4, 4, 9}), {.n_labels = 2, .n_instances = 2}),
                        "labels: expected two samples of each at least, there is one of label 9");
  CHECK_SAMPLER_REFUSED(BalanceSampler(at::zeros({4}, at::kLong), {.n_labels = 2, .n_instances = 2}), "1 labels");
  CHECK_SAMPLER_REFUSED(BalanceSampler(at::empty({0}, at::kLong), {.n_labels = 2, .n_instances = 2}), "0 labels");
  CHECK_SAMPLER_REFUSED(BalanceSampler(at::zeros({4}), {.n_labels = 2, .n_instances = 2}),
                        "labels: expected [N] of integers, got Float [4]");
  CHECK_SAMPLER_REFUSED(BalanceSampler(labels.view({5, 1}), {.n_labels = 2, .n_instances = 2}), "got Long [5, 1]");
  CHECK_SAMPLER_REFUSED(BalanceSampler(Tensor(), {.n_labels = 2, .n_instances = 2}), "`labels`");
}

TEST_CASE("balance sampler: batches are made as Python's are") {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/balance_sampler.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    CAPTURE(line.substr(0, 200));
    const auto labels = row.at("labels").get<std::vector<int64_t>>();
    const BalanceSampler sampler(at::tensor(labels), {.n_labels = row.at("n_labels").get<int64_t>(),
                                                      .n_instances = row.at("n_instances").get<int64_t>(),
                                                      .seed = rows});
    CHECK(sampler.size() == row.at("size").get<int64_t>());
    CHECK(sampler.batch_size() == row.at("batch_size").get<int64_t>());
    const auto expected = row.at("epochs").get<std::vector<Batches>>();
    std::vector<Batches> drawn;
    for (std::size_t epoch = 0; epoch < 10 * expected.size(); ++epoch)
      drawn.push_back(sampler.draw(static_cast<int64_t>(epoch)));
    const Described python = described(expected, labels), here = described(drawn, labels);
    CHECK(here.sizes == python.sizes);
    CHECK(here.labels_in_batch == python.labels_in_batch);
    CHECK(here.labels_in_epoch == python.labels_in_epoch);
    CHECK(here.times_in_epoch == python.times_in_epoch);
    CHECK(here.labels_together == python.labels_together);
    CHECK(here.of_label == python.of_label);
  }
  CHECK(rows == 19);
}

TEST_CASE("balance sampler: an epoch has draws of its own, the same each time, and others by another seed") {
  const Tensor labels = at::arange(60).remainder(6);
  const BalanceSampler sampler(labels, {.n_labels = 2, .n_instances = 3, .seed = 7});
  CHECK(sampler.draw(3) == sampler.draw(3));
  CHECK(sampler.draw(3) != sampler.draw(4));
  CHECK(BalanceSampler(labels, {.n_labels = 2, .n_instances = 3, .seed = 8}).draw(3) != sampler.draw(3));
  CHECK(BalanceSampler(labels.to(at::kInt), {.n_labels = 2, .n_instances = 3, .seed = 7}).draw(3) == sampler.draw(3));
  const BatchSampler erased = sampler;
  CHECK(erased.draw(3) == sampler.draw(3));
  CHECK(erased.size == 3);
  CHECK(erased.seed == 7);
}

TEST_CASE("balance sampler: labels, their pairs and samples are drawn as often as any others") {
  // 5 labels, of which an epoch of two batches leaves one out; the last has fewer samples than are taken.
  std::vector<int64_t> labels;
  for (int64_t label = 0; label < 5; ++label) labels.insert(labels.end(), label == 4 ? 2 : 6, label);
  const BalanceSampler sampler(at::tensor(labels), {.n_labels = 2, .n_instances = 3});
  std::map<int64_t, int> of_sample, of_label;
  std::map<std::pair<int64_t, int64_t>, int> of_pair;
  constexpr int epochs = 4000;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (const auto& batch : sampler.draw(epoch)) {
      for (const int64_t sample : batch) ++of_sample[sample];
      const int64_t first = labels[static_cast<std::size_t>(batch[0])],
                    second = labels[static_cast<std::size_t>(batch[3])];
      ++of_label[first];
      ++of_label[second];
      ++of_pair[std::minmax(first, second)];
    }
  }
  const auto check_even = [](const auto& counts, double expected) {
    for (const auto& [what, times] : counts) CHECK(std::abs(times - expected) < 6 * std::sqrt(expected));
  };
  check_even(of_label, epochs * 4.0 / 5);
  CHECK(of_pair.size() == 10);
  check_even(of_pair, epochs * 2.0 / 10);
  for (const auto& [sample, times] : of_sample) {
    const double expected = epochs * 4.0 / 5 * 3 / (labels[static_cast<std::size_t>(sample)] == 4 ? 2 : 6);
    CHECK(std::abs(times - expected) < 6 * std::sqrt(expected));
  }
}
