#include "distributed/worker.h"
#include "points.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/trainer/callbacks/classification.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::classification::Average;
using metrics::trainer::accuracy_callback;
using metrics::trainer::auc_callback;
using metrics::trainer::Callback;
using metrics::trainer::confusion_matrix_callback;
using metrics::trainer::precision_recall_f1_support_callback;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::StageValues;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::Loader;
using metrics::training::Remainder;
using metrics_test::expect;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::value_of;

namespace {

constexpr int64_t classes = 6;

/// A net of six outputs, of whose classes the points have three.
torch::nn::Linear six_classes() {
  torch::nn::Linear net(2, classes);
  const at::NoGradGuard no_grad;
  net->weight.copy_(at::sin(at::arange(2 * classes)).reshape({classes, 2}));
  net->bias.copy_(at::cos(at::arange(classes)) / 5);
  return net;
}

const auto named_step = [](auto& net, const Batch& batch) -> Result {
  return {{}, {}, {{"logits", net->forward(batch.data)}, {"targets", batch.target}}};
};

StageValues evaluated(torch::nn::Linear& net, Loader& loader, const std::vector<Callback>& callbacks) {
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  Trainer trainer(net, optimizer, {.console = nullptr});
  for (const Callback& callback : callbacks) trainer.add(callback);
  return trainer.evaluate(Stage("valid", loader, named_step));
}

std::vector<Callback> all_callbacks() {
  return {accuracy_callback({.num_classes = classes}), precision_recall_f1_support_callback({.num_classes = classes}),
          auc_callback({.num_classes = classes}), confusion_matrix_callback({.num_classes = classes})};
}

/// What the callbacks have to say of these points, from functionals and by hand.
void check_values(const StageValues& values, const Points& points, torch::nn::Linear& net) {
  const at::NoGradGuard no_grad;
  const Tensor scores = net->forward(points.data), target = points.target;
  const auto close = [&](const std::string& name, double expected) {
    const double value = value_of(values, "valid/" + name);
    expect(std::abs(value - expected) < 1e-6,
           name + " to be " + std::to_string(expected) + ", not " + std::to_string(value));
  };
  for (const int64_t k : {1, 3, 5}) {
    const Tensor hits = (std::get<1>(scores.topk(k, 1)) == target.unsqueeze(1)).any(1);
    close("accuracy0" + std::to_string(k), hits.to(at::kDouble).mean().item<double>());
  }
  close("precision/_macro",
        metrics::functional::multiclass_precision(scores, target, {.num_classes = classes, .average = Average::Macro})
            .item<double>());
  close("recall/_weighted",
        metrics::functional::multiclass_recall(scores, target, {.num_classes = classes, .average = Average::Weighted})
            .item<double>());
  close("f1/_micro",
        metrics::functional::multiclass_f1_score(scores, target, {.num_classes = classes, .average = Average::Micro})
            .item<double>());
  const Tensor f1 =
      metrics::functional::multiclass_f1_score(scores, target, {.num_classes = classes, .average = Average::None});
  const Tensor support = at::one_hot(target, classes).sum(0);
  for (int64_t i = 0; i < classes; ++i) {
    close("f1/class_0" + std::to_string(i), f1[i].item<double>());
    close("support/class_0" + std::to_string(i), support[i].item<double>());
  }
  const Tensor labels = at::one_hot(target, classes);
  close("auc/_micro",
        metrics::functional::multilabel_auroc(scores, labels, {.num_labels = classes, .average = Average::Micro})
            .item<double>());
  const Tensor areas =
      metrics::functional::multilabel_auroc(scores, labels, {.num_labels = classes, .average = Average::None});
  close("auc/class_01", areas[1].item<double>());
  for (const auto& [name, value] : values)
    if (name == "valid/confusion_matrix")
      expect(
          at::equal(value, metrics::functional::multiclass_confusion_matrix(scores, target, {.num_classes = classes})),
          "the matrix, rows the truth");
}

}  // namespace

TEST_CASE("callbacks of classification: what cannot be is refused") {
  for (const auto& make :
       {std::function<Callback()>([] { return accuracy_callback({}); }),
        std::function<Callback()>([] { return auc_callback({.num_classes = 1}); }),
        std::function<Callback()>([] { return confusion_matrix_callback({.num_classes = 0}); }),
        std::function<Callback()>([] { return precision_recall_f1_support_callback({.num_classes = -1}); })})
    CHECK_THROWS_WITH_AS(make(), doctest::Contains("num_classes: expected at least 2"), InvalidArgument);
  CHECK_THROWS_WITH_AS(confusion_matrix_callback({.num_classes = 3}, "rows"),
                       doctest::Contains("normalize: expected true, pred, all or none, got `rows`"), InvalidArgument);
  torch::nn::Linear net = six_classes();
  const Points points(5);
  Loader loader = loader_of(points, {.shuffle = false});
  CHECK_THROWS_WITH_AS(
      evaluated(net, loader, {accuracy_callback({.num_classes = classes, .input_key = "scores"})}),
      doctest::Contains(
          "accuracy_callback: stage valid: the step gave no tensor `scores` by name, but logits, targets"),
      metrics::Error);
  // Twice the same names.
  CHECK_THROWS_WITH_AS(
      evaluated(net, loader, {auc_callback({.num_classes = classes}), auc_callback({.num_classes = classes})}),
      doctest::Contains("`valid/auc/_micro` is the name of two values"), metrics::Error);
}

TEST_CASE("callbacks of classification: Catalyst's names, and their values") {
  torch::nn::Linear net = six_classes();
  const Points points(22);
  Loader loader = loader_of(points, {.shuffle = false});
  const StageValues values = evaluated(net, loader, all_callbacks());
  check_values(values, points, net);
  CHECK(values.size() == 3 + 3 + 3 * (3 + classes) + classes + 3 + classes + 1);
  // Batches of 4 samples and one of 2.
  const Tensor hits = (net->forward(points.data).argmax(1) == points.target).to(at::kDouble);
  double squares = 0;
  for (int64_t begin = 0; begin < 22; begin += 4) {
    const Tensor of_batch = hits.slice(0, begin, std::min<int64_t>(begin + 4, 22));
    squares += static_cast<double>(of_batch.size(0)) * std::pow((of_batch.mean() - hits.mean()).item<double>(), 2);
  }
  CHECK(value_of(values, "valid/accuracy01/std") == doctest::Approx(std::sqrt(squares / 21)));

  const StageValues chosen = evaluated(net, loader,
                                       {accuracy_callback({.num_classes = classes, .stages = {"train"}}),
                                        accuracy_callback({.num_classes = classes}, {2})});
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0].first == "valid/accuracy02");
  const StageValues few = evaluated(net, loader, {accuracy_callback({.num_classes = 6, .stages = {"none"}})});
  CHECK(few.empty());
  const StageValues fractions = evaluated(net, loader, {confusion_matrix_callback({.num_classes = classes}, "all")});
  CHECK(fractions.at(0).second.sum().item<double>() == doctest::Approx(1));
}

WORKER(callbacks_over_ranks) {
  const auto world = metrics::init_process_group();
  torch::nn::Linear net = six_classes();
  const Points points(23);
  Loader uneven = loader_of(points), padded = loader_of(points, {.remainder = Remainder::Pad});
  for (Loader* loader : {&uneven, &padded}) check_values(evaluated(net, *loader, all_callbacks()), points, net);
}

TEST_CASE("callbacks of classification: each sample once, over ranks") {
  for (const int64_t world : metrics_test::world_sizes({2, 3})) {
    const auto result = run_workers("callbacks_over_ranks", world);
    INFO(result.message());
    CHECK(result.ok());
  }
}
