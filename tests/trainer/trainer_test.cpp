#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/ranged_rows.h>
#include <metrics/io/files.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/checkpoint.h>
#include <metrics/training/loader.h>
#include <metrics/training/sampler.h>

#include <ATen/ATen.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

using at::Tensor;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::share;
using metrics::trainer::Better;
using metrics::trainer::Callback;
using metrics::trainer::Options;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::StageValues;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::DistributedSampler;
using metrics::training::DistributedSamplerOptions;
using metrics::training::in_memory;
using metrics::training::Loader;
using metrics::training::Remainder;
using metrics_test::expect;
using metrics_test::Folder;
using metrics_test::lines_of;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::train_step;
using metrics_test::validation_step;
using metrics_test::value_of;
using nlohmann::json;

namespace {

/// What a user would write without a trainer.
torch::nn::Linear trained_by_hand(const Points& points, int64_t epochs) {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  Loader loader = loader_of(points);
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    loader.set_epoch(epoch);
    for (const Batch& batch : loader) {
      optimizer.zero_grad();
      torch::nn::functional::cross_entropy(net->forward(batch.data), batch.target).backward();
      optimizer.step();
    }
  }
  return net;
}

}  // namespace

TEST_CASE("trainer: what cannot be is refused") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  CHECK_THROWS_WITH_AS(Trainer(net, optimizer, {.epochs = -1}), doctest::Contains("epochs"), InvalidArgument);

  const Points points(12);
  Loader loader = loader_of(points);
  auto accuracy = share(metrics::MulticlassAccuracy({.num_classes = 3}));
  CHECK_THROWS_WITH_AS(Stage("", loader, train_step), doctest::Contains("expected a name"), InvalidArgument);
  CHECK_THROWS_WITH_AS(Stage("train", loader, train_step, {{"loss", accuracy}}), doctest::Contains("`loss` is taken"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(Stage("train", loader, train_step, {{"a", accuracy}, {"a", accuracy}}), doctest::Contains("a"),
                       InvalidArgument);

  const auto fit = [&](Options options, auto step) {
    options.console = nullptr;
    Trainer trainer(net, optimizer, options);
    trainer.fit(Stage("train", loader, step), Stage("validation", loader, validation_step, {{"accuracy", accuracy}}));
  };
  CHECK_THROWS_WITH_AS(fit({}, [](auto&, const Batch&) { return Result{}; }),
                       doctest::Contains("epoch 1, batch 1 of train: step of stage train: gave no loss"),
                       metrics::Error);
  CHECK_THROWS_WITH_AS(fit({.best = {{"validation/acuracy"}}}, train_step),
                       doctest::Contains("train/loss, validation/loss, validation/accuracy, got `validation/acuracy`"),
                       metrics::Error);
  Trainer trainer(net, optimizer, {.console = nullptr});
  CHECK_THROWS_WITH_AS(trainer.fit(Stage("a", loader, train_step), Stage("a", loader, validation_step)),
                       doctest::Contains("two stages are called `a`"), metrics::Error);
}

TEST_CASE("trainer: one process trains as a loop by hand does") {
  const Points points(22);
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  Loader train = loader_of(points), validation = loader_of(points, {.shuffle = false});
  auto accuracy =
      share(metrics::MulticlassAccuracy({.num_classes = 3, .average = metrics::classification::Average::Micro}));
  auto train_accuracy = share(metrics::MulticlassAccuracy({.num_classes = 3}));
  auto confusion = share(metrics::MulticlassConfusionMatrix({.num_classes = 3}));
  std::ostringstream console;
  Trainer trainer(net, optimizer, {.epochs = 3, .console = &console});
  const StageValues values =
      trainer.fit(Stage("train", train, train_step, {{"accuracy", train_accuracy}}),
                  Stage("validation", validation, validation_step, {{"accuracy", accuracy}, {"confusion", confusion}}));

  const torch::nn::Linear by_hand = trained_by_hand(points, 3);
  CHECK(at::equal(net->weight, by_hand->weight));
  const Tensor hits = (net->forward(points.data).argmax(1) == points.target).sum();
  CHECK(value_of(values, "validation/accuracy") == doctest::Approx(hits.item<double>() / 22));
  CHECK(value_of(values, "validation/loss") ==
        doctest::Approx(torch::nn::functional::cross_entropy(net->forward(points.data), points.target).item<double>()));
  CHECK(value_of(values, "train/accuracy") > 0);
  CHECK(values.back().first == "validation/confusion");
  CHECK(values.back().second.sum().item<int64_t>() == 22);
  // What was accumulated stays with the metric.
  CHECK(accuracy->compute().item<double>() == value_of(values, "validation/accuracy"));

  std::istringstream lines(console.str());
  std::string line;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    REQUIRE(std::getline(lines, line));
    CHECK(line.starts_with("epoch " + std::to_string(epoch) + "/3  train/loss "));
    CHECK(line.find("  validation/accuracy 0.") != std::string::npos);
    CHECK(line.find("confusion") == std::string::npos);
  }
  CHECK_FALSE(std::getline(lines, line));

  const StageValues again = trainer.evaluate(Stage("test", validation, validation_step, {{"accuracy", accuracy}}));
  CHECK(value_of(again, "test/accuracy") == value_of(values, "validation/accuracy"));
}

TEST_CASE("trainer: values and weights in files, the best by the value that was named") {
  const Folder folder;
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(12);
  Loader loader = loader_of(points);
  // Higher is better here, and the second epoch is the best; what is no number never is.
  const std::vector<double> script{0.25, 0.75, std::numeric_limits<double>::quiet_NaN(), 0.5};
  const std::filesystem::path out = folder.path() / "deep" / "run";
  auto scripted = share(metrics::MeanMetric({.nan_strategy = metrics::aggregation::NanStrategy::Disable}));
  std::vector<Tensor> weights;
  Trainer trainer(net, optimizer,
                  {.epochs = 4, .folder = out, .best = {{"validation/score", Better::Higher}}, .console = nullptr});
  trainer.add({.epoch_ended = [&](Run&) { weights.push_back(net->weight.detach().clone()); }});
  int64_t epoch = 0;
  trainer.add({.epoch_started = [&](Run& run) { epoch = run.epoch; }});
  const auto score = [&](auto&, const Batch& batch) -> Result {
    return {{}, {at::full({batch.size()}, script[static_cast<size_t>(epoch)])}};
  };
  trainer.fit(Stage("train", loader, train_step), Stage("validation", loader, score, {{"score", scripted}}));

  REQUIRE(weights.size() == 4);
  CHECK_FALSE(at::equal(weights[1], weights[3]));
  torch::nn::Linear loaded(2, 3);
  metrics::training::load_state_dict(*loaded, metrics::io::read_torch(out / "last.pt"));
  CHECK(at::equal(loaded->weight, weights[3]));
  metrics::training::load_state_dict(*loaded, metrics::io::read_torch(out / "best.pt"));
  CHECK(at::equal(loaded->weight, weights[1]));
  for (const auto& entry : std::filesystem::directory_iterator(out))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);

  const auto table = lines_of(out / "values.csv");
  REQUIRE(table.size() == 5);
  CHECK(table[0] == "epoch,train/loss,validation/score,seconds");
  CHECK(table[2].starts_with("2,"));
  CHECK(table[2].find(",0.75,") != std::string::npos);
  const auto lines = lines_of(out / "values.jsonl");
  REQUIRE(lines.size() == 4);
  std::vector<bool> best;
  for (size_t i = 0; i < 4; ++i) {
    const json line = json::parse(lines[i]);
    CHECK(line.at("epoch") == i + 1);
    CHECK(line.at("train/loss").is_number());
    best.push_back(line.at("best"));
  }
  CHECK(best == std::vector<bool>{true, true, false, false});
  CHECK(json::parse(lines[2]).at("validation/score").is_null());
}

TEST_CASE("trainer: the best follows the metric's own direction, and the loss goes down") {
  const Folder folder;
  const Points points(12);
  Loader loader = loader_of(points);
  for (const char* value : {"validation/loss", "validation/accuracy"}) {
    torch::nn::Linear net = small_net();
    torch::optim::SGD optimizer(net->parameters(), 0.5);
    auto accuracy = share(metrics::MulticlassAccuracy({.num_classes = 3}));
    Trainer trainer(net, optimizer, {.epochs = 5, .folder = folder.path(), .best = {{value}}, .console = nullptr});
    trainer.fit(Stage("train", loader, train_step),
                Stage("validation", loader, validation_step, {{"accuracy", accuracy}}));
    std::optional<double> before;
    for (const std::string& text : lines_of(folder.path() / "values.jsonl")) {
      const json line = json::parse(text);
      const double now = line.at(value);
      const bool better = !before || (std::string(value) == "validation/loss" ? now < *before : now > *before);
      CHECK(line.at("best") == better);
      if (better) before = now;
    }
  }
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  auto neither = share(metrics::MeanMetric());
  Trainer trainer(net, optimizer, {.best = {{"validation/mean"}}, .console = nullptr});
  const auto step = [](auto&, const Batch& batch) -> Result { return {{}, {batch.data}}; };
  CHECK_THROWS_WITH_AS(
      trainer.fit(Stage("train", loader, train_step), Stage("validation", loader, step, {{"mean", neither}})),
      doctest::Contains("does not say which way it gets better"), metrics::Error);
}

TEST_CASE("trainer: callbacks come in order, and can end a run") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(8);
  Loader loader = loader_of(points);
  std::string calls;
  Trainer trainer(net, optimizer, {.epochs = 9, .console = nullptr});
  const auto note = [&](char c) { return [&calls, c](Run&) { calls += c; }; };
  trainer.add({.run_started = note('('),
               .epoch_started = note('['),
               .batch_started = note('<'),
               .batch_ended = note('>'),
               .epoch_ended = note(']'),
               .run_ended = note(')')});
  trainer.add({.epoch_ended = [](Run& run) {
    CHECK(run.values.size() == 2);
    run.stop = run.epoch == 1;
  }});
  trainer.fit(Stage("train", loader, train_step), Stage("validation", loader, validation_step));
  CHECK(calls == "([<><><><>][<><><><>])");
}

TEST_CASE("trainer: seeds differ by epoch and rank, and are those that the page states") {
  CHECK(metrics::trainer::seed_of(7, 3, 1) == metrics::Draws(7, 3).word(1));
  CHECK(metrics::trainer::seed_everything(9) == 9);
  const Tensor first = at::rand({3});
  metrics::trainer::seed_everything(9);
  CHECK(at::equal(at::rand({3}), first));
  std::vector<uint64_t> drawn;
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(4);
  Loader loader = loader_of(points);
  for (const uint64_t seed : {5, 5, 6}) {
    Trainer trainer(net, optimizer, {.epochs = 2, .seed = seed, .console = nullptr});
    trainer.add({.batch_started = [&](Run&) {
      drawn.push_back(static_cast<uint64_t>(at::randint(int64_t{1} << 40, {1}, at::kLong).item<int64_t>()));
    }});
    trainer.fit(Stage("train", loader, train_step));
  }
  REQUIRE(drawn.size() == 6);
  CHECK(drawn[0] == drawn[2]);
  CHECK(drawn[1] == drawn[3]);
  CHECK(drawn[0] != drawn[1]);
  CHECK(drawn[0] != drawn[4]);
}

/// Ranks that differ in everything that they may differ in: shares of the validation, buffers, draws.
WORKER(trains_and_evaluates_exactly) {
  const auto world = init_process_group();
  const Points points(44), held_out(23);
  torch::nn::Sequential net(torch::nn::BatchNorm1d(2), torch::nn::Linear(2, 3));
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  Loader train = loader_of(points, {.remainder = Remainder::Pad}, 2);
  Loader uneven = loader_of(held_out, {.shuffle = false}), padded = loader_of(held_out, {.remainder = Remainder::Pad});
  auto accuracy =
      share(metrics::MulticlassAccuracy({.num_classes = 3, .average = metrics::classification::Average::Micro}));
  auto confusion = share(metrics::MulticlassConfusionMatrix({.num_classes = 3}));
  auto confusion_padded = share(metrics::MulticlassConfusionMatrix({.num_classes = 3}));
  std::ostringstream console;
  std::string draws;
  Trainer trainer(net, optimizer, {.epochs = 2, .console = &console});
  expect(trainer.effective_batch_size(7) == 7 * world->world_size(), "the batches of all ranks");
  trainer.add({.epoch_started = [&](Run&) { draws += std::to_string(at::rand({1}).item<float>()); },
               .epoch_ended =
                   [&](Run& run) {
                     // Talks to nobody, so that one rank may.
                     if (run.rank == 0) expect(accuracy->compute().item<double>() >= 0, "a value on one rank alone");
                   }});
  const StageValues values =
      trainer.fit(Stage("train", train, train_step),
                  Stage("validation", uneven, validation_step, {{"accuracy", accuracy}, {"confusion", confusion}}),
                  Stage("padded", padded, validation_step, {{"confusion", confusion_padded}}));

  const at::NoGradGuard no_grad;
  const Tensor scores = net->forward(held_out.data);
  const double hits = (scores.argmax(1) == held_out.target).sum().item<double>();
  expect(value_of(values, "validation/accuracy") == static_cast<float>(hits / 23), "each sample once");
  Tensor confusions[2];
  for (const auto& [name, value] : values) {
    if (name == "validation/confusion") confusions[0] = value;
    if (name == "padded/confusion") confusions[1] = value;
  }
  expect(confusions[0].sum().item<int64_t>() == 23, "as many samples as there are");
  expect(at::equal(confusions[0], confusions[1]), "padding that counts for nothing");
  const double loss = torch::nn::functional::cross_entropy(scores, held_out.target).item<double>();
  expect(std::abs(value_of(values, "validation/loss") - loss) < 1e-6, "the mean loss over samples");
  expect(console.str().empty() == (world->rank() > 0), "a console on rank 0 alone");

  // Buffers and weights are the same everywhere, draws nowhere.
  std::string mine;
  for (const auto& tensor : net->named_buffers()) mine += std::to_string(tensor.value().sum().item<double>()) + " ";
  for (const auto& tensor : net->named_parameters()) mine += std::to_string(tensor.value().sum().item<double>()) + " ";
  std::cout << mine << "\n" << draws << "\n";
}

/// A callback on one rank that wants to end the run ends it on all.
WORKER(stops_together) {
  const auto world = init_process_group();
  const Points points(16);
  torch::nn::Linear net(2, 3);
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  Loader train = loader_of(points);
  Trainer trainer(net, optimizer, {.epochs = 50, .console = nullptr});
  int64_t epochs = 0;
  trainer.add({.epoch_ended = [&](Run& run) {
    ++epochs;
    run.stop = run.rank == 1 && run.epoch == 2;
  }});
  trainer.fit(Stage("train", train, train_step));
  expect(epochs == 3, "three epochs, not " + std::to_string(epochs));
  Trainer none(net, optimizer, {.epochs = 50, .console = nullptr});
  none.add({.run_started = [&](Run& run) { run.stop = run.rank == 1; }, .epoch_started = [](Run&) { throw 1; }});
  none.fit(Stage("train", train, train_step));
}

/// Three ranks of which the last has no batch at all, by join.
WORKER(joins) {
  const auto world = init_process_group();
  const Points points(5);
  const auto count = [&](int64_t rank) { return rank == 2 ? 0 : rank == 1 ? 2 : 3; };
  const auto source =
      in_memory(points.data.slice(0, 0, count(world->rank())), points.target.slice(0, 0, count(world->rank())));
  Loader loader(source, DistributedSampler(source.size, {.num_replicas = 1, .rank = 0}), {.batch_size = 1});
  const auto options = [&] { return metrics::training::JoinOptions{.batches = loader.size()}; };

  torch::nn::Linear net = small_net(), by_hand = small_net();
  const auto momentum = torch::optim::SGDOptions(0.5).momentum(0.9);
  torch::optim::SGD optimizer(net->parameters(), momentum), other(by_hand->parameters(), momentum);
  {
    metrics::training::DistributedDataParallel model(by_hand);
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      loader.set_epoch(epoch);
      auto joining = options();
      joining.shadow_step = [&] { other.step(); };  // momentum keeps up on all ranks
      metrics::training::Join join({model}, joining);
      for (const Batch& batch : loader) {
        other.zero_grad();
        torch::nn::functional::cross_entropy(model.forward(batch.data), batch.target).backward();
        other.step();
      }
      join.finish();
    }
  }
  const auto before = world->c10d_counters();
  Trainer trainer(net, optimizer, {.epochs = 2, .join = options(), .console = nullptr});
  auto samples = share(metrics::SumMetric());
  const auto step = [](auto& model, const Batch& batch) -> Result {
    return {train_step(model, batch).loss, {at::ones({batch.size()})}};
  };
  const StageValues values = trainer.fit(Stage("train", loader, step, {{"samples", samples}}));
  expect(at::equal(net->weight, by_hand->weight), "the weights of a join by hand");
  expect(value_of(values, "train/samples") == 5, "each rank's samples");
  expect((world->c10d_counters() - before).collectives > 0, "gradients to travel");
}

TEST_CASE("trainer: ranks train together and evaluate each sample once") {
  const auto result = run_workers("trains_and_evaluates_exactly", 2);
  INFO(result.message() << result.processes[0].error << result.processes[1].error);
  CHECK(result.ok());
  std::string weights[2], draws[2];
  for (size_t rank = 0; rank < 2; ++rank) {
    std::istringstream lines(result.processes[rank].out);
    std::getline(lines, weights[rank]);
    std::getline(lines, draws[rank]);
  }
  CHECK_FALSE(weights[0].empty());
  CHECK(weights[0] == weights[1]);
  CHECK(draws[0] != draws[1]);
}

TEST_CASE("trainer: a run ends on all ranks when a callback on one asks for it") {
  const auto result = run_workers("stops_together", 2);
  INFO(result.processes[0].error << result.processes[1].error);
  CHECK(result.ok());
}

TEST_CASE("trainer: by join, ranks have different numbers of batches, or none") {
  const auto result = run_workers("joins", 3);
  INFO(result.message() << result.processes[0].error << result.processes[1].error << result.processes[2].error);
  CHECK(result.ok());
}

WORKER(stage_of_many_rows) {
  const auto group = init_process_group();
  const int64_t world = group->world_size(), rows = 20000;
  metrics::set_ranged_bytes(0);
  const Tensor all = (at::arange(rows * world, at::kLong) * 7919).remainder(rows * world).to(at::kFloat);
  const Tensor targets = (at::arange(rows * world, at::kLong) * 31).remainder(17) < 8;
  metrics::trainer::StageMetrics stage(
      "val", metrics::MetricCollection({metrics::BinaryAUROC(), metrics::BinaryAveragePrecision()}));
  const int64_t begin = group->rank() * rows;
  const Tensor own = all.slice(0, begin, begin + rows);
  stage.update(Result{own / own.numel(), {own, targets.slice(0, begin, begin + rows)}}, {}, rows);
  const auto before = group->counters();
  const StageValues values = stage.compute();
  const auto sent = group->counters() - before;
  expect(sent.bytes <= 4 * rows + 24576, "the rows of an epoch travel once, in 4 bytes: " + std::to_string(sent.bytes));
  // The block, a gather of the loss's sums, and six for the rows.
  expect(sent.collectives <= 8, "one exchange: " + std::to_string(sent.collectives));
  metrics::BinaryAUROC area;
  area.set_metric_options({.sync_on_compute = false});
  area.update(all, targets);
  for (const auto& [name, value] : values) {
    if (name == "val/BinaryAUROC") expect(at::equal(value, area.compute()), "the area of all ranks");
  }
  expect(values.size() == 3, "three values");
}

TEST_CASE("trainer: rows that only values need travel once in an epoch") {
  for (const int64_t world : metrics_test::world_sizes({2, 3})) CHECK(run_workers("stage_of_many_rows", world).ok());
}
