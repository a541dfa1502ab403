#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/core/dynamic.h>

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

// What the harness has no cases for: options that cannot be, where states lie, and what no batch can decide alone.

namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::classification::Average;
using metrics::classification::MultidimAverage;
using metrics::classification::ScoreInput;

Tensor labels(std::vector<int64_t> values) {
  return at::tensor(values, at::kLong);
}
Tensor scores(std::vector<double> values) {
  return at::tensor(values, at::kDouble).to(at::kFloat);
}

template <class M>
void check_refused(const typename M::Options& options, const std::string& option) {
  CAPTURE(option);
  std::string message = "not refused";
  try {
    M metric(options);
  } catch (const InvalidArgument& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find(option + ":") != std::string::npos);
}

std::vector<std::string> keys_of(metrics::Metric& metric) {
  metric.persistent(true);
  std::vector<std::string> keys;
  for (const auto& [key, value] : metric.state_dict().states) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("stat scores: options that cannot be are refused by name") {
  using metrics::BinaryStatScores;
  using metrics::MulticlassStatScores;
  using metrics::MultilabelStatScores;
  check_refused<BinaryStatScores>({.threshold = 1.5}, "threshold");
  check_refused<BinaryStatScores>({.threshold = -0.1}, "threshold");
  check_refused<BinaryStatScores>({.zero_division = 0.5}, "zero_division");
  check_refused<MulticlassStatScores>({}, "num_classes");
  check_refused<MulticlassStatScores>({.num_classes = 1}, "num_classes");
  check_refused<MulticlassStatScores>({.num_classes = -3, .validate_args = false}, "num_classes");
  check_refused<MulticlassStatScores>({.top_k = 2, .average = Average::Micro}, "num_classes");
  check_refused<MulticlassStatScores>({.average = Average::Micro, .multidim_average = MultidimAverage::Samplewise},
                                      "num_classes");
  check_refused<MulticlassStatScores>({.num_classes = 3, .top_k = 4}, "top_k");
  check_refused<MulticlassStatScores>({.num_classes = 3, .top_k = 0, .validate_args = false}, "top_k");
  static_assert(!std::is_default_constructible_v<metrics::MultilabelStatScoresOptions>);
  check_refused<MultilabelStatScores>({.num_labels = 2, .threshold = 2}, "threshold");
  check_refused<metrics::MulticlassConfusionMatrix>({.num_classes = 1}, "num_classes");
  check_refused<metrics::MultilabelConfusionMatrix>({.num_labels = 0}, "num_labels");
  check_refused<metrics::BinaryConfusionMatrix>({.threshold = 7}, "threshold");
}

TEST_CASE("stat scores: an update that is refused leaves the counts as they were") {
  metrics::MulticlassConfusionMatrix confusion({.num_classes = 3});
  metrics::BinaryAccuracy accuracy;
  confusion.update(labels({0, 1, 2}), labels({0, 1, 1}));
  accuracy.update(scores({0.2, 0.8}), labels({0, 0}));
  const Tensor before = confusion.compute();
  CHECK_THROWS_AS(confusion.update(labels({0, 1, 2}), labels({0, 1, 3})), InvalidArgument);
  CHECK_THROWS_AS(accuracy.update(scores({-2.0, 0.8}), labels({0, 2})), InvalidArgument);
  CHECK_THROWS_AS(accuracy.update(scores({0.2, 0.8}), labels({0})), InvalidArgument);
  CHECK(confusion.compute().equal(before));
  CHECK(accuracy.compute().item<float>() == 0.5F);
  CHECK(accuracy.update_count() == 1);
}

TEST_CASE("stat scores: states have torchmetrics' names and shapes") {
  metrics::MulticlassStatScores each({.num_classes = 5});
  metrics::MulticlassStatScores together({.num_classes = 5, .average = Average::Micro});
  metrics::MulticlassStatScores best({.num_classes = 5, .top_k = 2, .average = Average::Micro});
  CHECK(keys_of(each) == std::vector<std::string>{"fn", "fp", "tn", "tp"});
  const auto size = [](metrics::Metric& metric) {
    metric.persistent(true);
    return std::get<Tensor>(metric.state_dict().states.at("tp")).sizes().vec();
  };
  CHECK(size(each) == std::vector<int64_t>{5});
  CHECK(size(together) == std::vector<int64_t>{1});
  CHECK(size(best) == std::vector<int64_t>{5});

  metrics::BinaryStatScores rows({.multidim_average = MultidimAverage::Samplewise, .input = ScoreInput::Probabilities});
  rows.update(at::zeros({3, 4}), at::zeros({3, 4}, at::kLong));
  CHECK(keys_of(rows) == std::vector<std::string>{"fn", "fp", "tn", "tp"});
  const auto kept = std::get<std::vector<Tensor>>(rows.state_dict().states.at("tn"));
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].equal(labels({4, 4, 4})));
}

TEST_CASE("stat scores: what the scores are is decided over what was merged, not where it was seen") {
  const Tensor target = labels({0, 1, 1, 1});
  metrics::BinaryAccuracy whole, low, high;
  whole.update(scores({0.3, 0.6, -2, 3}), target);
  low.update(scores({0.3, 0.6}), target.slice(0, 0, 2));
  CHECK(low.compute().item<float>() == 1.0F);
  high.update(scores({-2, 3}), target.slice(0, 2, 4));
  low.merge(high);
  CHECK(low.compute().equal(whole.compute()));
  CHECK(low.compute().item<float>() == 0.5F);

  metrics::BinaryAccuracy fixed({.input = ScoreInput::Probabilities});
  fixed.update(scores({0.3, 0.6, -2, 3}), target);
  CHECK(fixed.compute().item<float>() == 0.75F);
}

TEST_CASE("stat scores: one sample is a row of its own") {
  const auto options = metrics::MultilabelStatScoresOptions{
      .num_labels = 2, .average = Average::None, .multidim_average = MultidimAverage::Samplewise};
  const Tensor target = at::zeros({1, 2, 3}, at::kLong);
  CHECK(metrics::functional::multilabel_stat_scores(at::zeros({1, 2, 3}), target, options).sizes() ==
        at::IntArrayRef({1, 2, 5}));
  CHECK(metrics::functional::binary_stat_scores(at::zeros({1, 3}), at::zeros({1, 3}, at::kLong),
                                                {.multidim_average = MultidimAverage::Samplewise})
            .sizes() == at::IntArrayRef({1, 5}));
}

TEST_CASE("stat scores: nothing but empty batches is a neutral element with a value") {
  metrics::MulticlassAccuracy accuracy({.num_classes = 3});
  accuracy.update(at::zeros({0, 3}), labels({}));
  CHECK(accuracy.compute().item<float>() == 0.0F);
  metrics::MulticlassAccuracy rows({.num_classes = 3, .multidim_average = MultidimAverage::Samplewise});
  rows.update(at::zeros({0, 3, 4}), at::zeros({0, 4}, at::kLong));
  CHECK(rows.compute().sizes() == at::IntArrayRef({0}));
}

TEST_CASE("stat scores: rows that are not valid are left out, whatever is in them") {
  metrics::MulticlassAccuracy accuracy({.num_classes = 3, .average = Average::Micro});
  accuracy.update(labels({0, 1, 2}), labels({0, 2, 77}),
                  metrics::Rows{.valid = at::tensor(std::vector<int64_t>{1, 1, 0}).to(at::kBool)});
  CHECK(accuracy.compute().item<float>() == 0.5F);
}

TEST_CASE("stat scores: counts go beyond what float32 can count") {
  metrics::BinaryAccuracy accuracy({.input = ScoreInput::Probabilities});
  metrics::StateDict loaded;
  for (const char* name : {"tp", "fp", "tn", "fn"}) loaded.states[name] = labels({int64_t{1} << 40});
  accuracy.persistent(true);
  accuracy.load_state_dict(loaded);
  accuracy.update(scores({0.9}), labels({1}));
  CHECK(std::get<Tensor>(accuracy.state_dict().states.at("tp")).item<int64_t>() == (int64_t{1} << 40) + 1);
}

TEST_CASE("stat scores: a task asks for the class, averaged micro unless said otherwise") {
  const auto metric = metrics::create("Accuracy", {{"task", "multiclass"}, {"num_classes", int64_t{4}}});
  CHECK(metric->name() == "MulticlassAccuracy");
  CHECK(metric->to_string().find("average='micro'") != std::string::npos);
  CHECK(metrics::create("Accuracy", {{"task", "multilabel"}, {"num_labels", int64_t{4}}, {"average", "macro"}})
            ->to_string()
            .find("average='macro'") != std::string::npos);
  CHECK_THROWS_AS(metrics::create("Accuracy", {{"task", "multiclass"}}), InvalidArgument);
}
