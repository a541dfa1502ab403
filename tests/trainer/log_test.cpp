#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::trainer::Better;
using metrics::trainer::Logger;
using metrics::trainer::LogOptions;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::StageValues;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::Loader;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::train_step;
using metrics_test::validation_step;
using metrics_test::value_of;

namespace {

/// Keeps what it is given.
struct Noting : Logger {
  std::vector<std::pair<int64_t, std::string>> steps;
  std::map<std::string, std::vector<double>> values;
  std::vector<StageValues> epochs;
  std::string calls;

  void begin(const Run&) override { calls += "("; }
  void step(const Run& run, const StageValues& given) override {
    for (const auto& [name, value] : given) {
      steps.emplace_back(run.step, name);
      values[name].push_back(value.item<double>());
    }
  }
  void epoch(const Run& run, double, bool) override { epochs.push_back(run.values); }
  void text(const Run&, const std::string& name, const std::string& text) override { calls += name + "=" + text + ";"; }
  void histogram(const Run&, const std::string& name, const Tensor& given) override {
    calls += name + "#" + std::to_string(given.numel()) + ";";
  }
  void image(const Run&, const std::string& name, const Tensor& pixels) override {
    calls += name + "@" + std::to_string(pixels.size(0)) + ";";
  }
  void end(const Run&) override { calls += ")"; }
};

/// Runs two epochs of a small net whose training step logs as `log` does.
template <class Log>
StageValues run_logging(metrics::trainer::Options options, const Log& log, int64_t samples = 10) {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(samples);
  Loader loader = loader_of(points, {.shuffle = false}), held_out = loader_of(points, {.shuffle = false});
  options.console = nullptr;
  Trainer trainer(net, optimizer, options);
  return trainer.fit(Stage("train", loader,
                           [&](auto& model, const Batch& batch, const Run& run) -> Result {
                             log(run);
                             return train_step(model, batch);
                           }),
                     Stage("validation", held_out, validation_step));
}

}  // namespace

TEST_CASE("log: what cannot be is refused") {
  const auto refused = [](const auto& log, const char* message) {
    CHECK_THROWS_WITH_AS(run_logging({}, log), doctest::Contains(message), metrics::Error);
  };
  CHECK_THROWS_WITH_AS(Run().log("x", 1.0), doctest::Contains("`x`: no run is under way"), InvalidArgument);
  CHECK_THROWS_WITH_AS(Run().log_text("x", "y"), doctest::Contains("`x`: no run is under way"), InvalidArgument);
  refused([](const Run& run) { run.log("", 1.0); }, "expected a name");
  refused([](const Run& run) { run.log("x", at::ones({2})); }, "`x`: expected a single number, got 2");
  refused([](const Run& run) { run.log("x", Tensor()); }, "`x`: expected a single number");
  refused([](const Run& run) { run.log("x", 1.0, {.on_step = false, .on_epoch = false}); },
          "neither `on_step` nor `on_epoch`");
  refused([](const Run& run) { run.log("x", 1.0, {.batch_size = -1}); }, "batch_size: expected at least 0");
  refused([](const Run& run) { run.log("loss", 1.0); }, "`loss`: the stage train has a metric of that name");
  refused([](const Run& run) { run.log("x", 1.0, {.on_step = run.batch > 0}); }, "options are not those");
  const auto accuracy = std::make_shared<metrics::MulticlassAccuracy>(metrics::MulticlassAccuracy({.num_classes = 3}));
  refused([&](const Run& run) { run.log("a", accuracy, {.on_step = true}); }, "what its `forward` gives");
  refused([&](const Run& run) { run.log("a", accuracy, {.rank_zero_only = true}); }, "not `rank_zero_only`");
  refused([&](const Run& run) { run.log("a", std::shared_ptr<metrics::Metric>()); }, "expected a metric, got none");
  refused(
      [&](const Run& run) {
        run.log("a", accuracy);
        run.log("b", accuracy);
      },
      "`b`: the metric is logged as `a` already");
  refused([](const Run& run) { run.log_image("x", at::zeros({2, 2})); }, "uint8 of [H, W, 3]");
}

TEST_CASE("log: means weighted by samples, steps, and both") {
  const auto noting = std::make_shared<Noting>();
  const auto values = run_logging({.epochs = 2, .loggers = {noting}}, [](const Run& run) {
    const auto x = static_cast<double>(run.batch);
    run.log("x", x);
    run.log("rate", at::scalar_tensor(x, at::kDouble), {.on_step = true, .on_epoch = false});
    run.log("both", x, {.on_step = true});
    run.log("own_weight", x, {.batch_size = x});
    run.log("zero", x, {.rank_zero_only = true});
  });
  // Batches of 4, 4 and 2 samples.
  CHECK(value_of(values, "train/x") == doctest::Approx((0 * 4 + 1 * 4 + 2 * 2) / 10.0));
  CHECK(value_of(values, "train/own_weight") == doctest::Approx((1 * 1 + 2 * 2) / 3.0));
  CHECK(value_of(values, "train/both_epoch") == doctest::Approx(0.8));
  CHECK(noting->values["train/rate"] == std::vector<double>{0, 1, 2, 0, 1, 2});
  CHECK(noting->values["train/both_step"] == std::vector<double>{0, 1, 2, 0, 1, 2});
  CHECK(noting->steps.size() == 12);
  CHECK(noting->steps.front().first == 1);
  CHECK(noting->steps.back().first == 6);
  for (const auto& [name, value] : values) CHECK(name != "train/zero");
  REQUIRE(noting->epochs.size() == 2);
  CHECK(value_of(noting->epochs[1], "train/zero") == doctest::Approx(0.8));
}

TEST_CASE("log: texts, histograms and pictures go to all loggers") {
  const auto first = std::make_shared<Noting>(), second = std::make_shared<Noting>();
  run_logging(
      {.loggers = {first, second}},
      [](const Run& run) {
        if (run.batch > 0) return;
        run.log_text("t", "hello");
        run.log_histogram("h", at::ones({7}));
        run.log_image("i", at::zeros({2, 3, 3}, at::kByte));
      },
      4);
  CHECK(first->calls == "(t=hello;h#7;i@2;)");
  CHECK(second->calls == first->calls);
}

TEST_CASE("log: between stages texts go to the loggers, numbers have no stage") {
  const auto noting = std::make_shared<Noting>();
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(4);
  Loader loader = loader_of(points);
  Trainer trainer(net, optimizer, {.console = nullptr, .loggers = {noting}});
  trainer.add({.run_started = [](Run& run) { run.log_text("start", "s"); },
               .epoch_ended = [&](Run& run) { run.log_histogram("weights", net->weight); }});
  trainer.fit(Stage("train", loader, train_step));
  CHECK(noting->calls == "(start=s;weights#6;)");
  trainer.add({.epoch_started = [](Run& run) { run.log("x", 1.0); }});
  CHECK_THROWS_WITH_AS(trainer.fit(Stage("train", loader, train_step)), doctest::Contains("`x`: no stage is under way"),
                       metrics::Error);
}

TEST_CASE("log: neither sanity batches nor an evaluation alone go to the loggers") {
  const metrics_test::Folder folder;
  const auto noting = std::make_shared<Noting>();
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(8);
  Loader loader = loader_of(points), held_out = loader_of(points, {.shuffle = false});
  metrics::trainer::Options options;
  options.sanity_batches = 1;
  options.folder = folder.path();
  options.console = nullptr;
  options.loggers = {noting};
  Trainer trainer(net, optimizer, options);
  const auto step = [](auto& module, const Batch& batch, const Run& run) -> Result {
    run.log("x", 1.0, {.on_step = true});
    run.log_text("t", "u");
    return validation_step(module, batch);
  };
  trainer.fit(Stage("train", loader, train_step), Stage("validation", held_out, step));
  CHECK(noting->values["validation/x_step"].size() == 2);
  CHECK(noting->calls == "(t=u;t=u;)");
  const StageValues values = trainer.evaluate(Stage("validation", held_out, step));
  CHECK(value_of(values, "validation/x_epoch") == 1);
  CHECK(noting->values["validation/x_step"].size() == 2);
  CHECK(noting->calls == "(t=u;t=u;)");
}

TEST_CASE("log: what ranks do not have alike cannot steer a run") {
  const auto steered = [](LogOptions options, const std::string& name) {
    run_logging({.best = {{name, Better::Lower}}}, [&](const Run& run) { run.log("x", 1.0, options); });
  };
  CHECK_NOTHROW(steered({}, "train/x"));
  CHECK_THROWS_WITH_AS(steered({.rank_zero_only = true}, "train/x"),
                       doctest::Contains("`train/x` cannot steer a run: only rank 0 has it"), metrics::Error);
  CHECK_THROWS_WITH_AS(steered({.sync_dist = false}, "train/x"), doctest::Contains("each rank has its own"),
                       metrics::Error);
  CHECK_THROWS_WITH_AS(steered({.on_step = true}, "train/x_step"),
                       doctest::Contains("`train/x_step` is no value of this epoch, which has "), metrics::Error);
  CHECK_THROWS_WITH_AS(steered({}, "trian/x"), doctest::Contains("got `trian/x`"), metrics::Error);
}

TEST_CASE("log: a metric is synchronised once, and is new for the next epoch") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(10);
  Loader loader = loader_of(points), held_out = loader_of(points, {.shuffle = false});
  const auto logged = std::make_shared<metrics::MulticlassAccuracy>(metrics::MulticlassAccuracy({.num_classes = 3}));
  const auto both = std::make_shared<metrics::MetricCollection>(metrics::MetricCollection(
      {{"micro", metrics::MulticlassAccuracy({.num_classes = 3, .average = metrics::classification::Average::Micro})},
       {"macro", metrics::MulticlassAccuracy({.num_classes = 3})}}));
  auto own = metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}));
  Trainer trainer(net, optimizer, {.epochs = 2, .console = nullptr});
  const StageValues values = trainer.fit(Stage("train", loader, train_step),
                                         Stage("validation", held_out,
                                               [&](auto& module, const Batch& batch, const Run& run) -> Result {
                                                 const Tensor scores = module->forward(batch.data);
                                                 logged->update(scores, batch.target);
                                                 both->update(scores, batch.target);
                                                 run.log("logged", logged);
                                                 run.log_dict(both);
                                                 return {{}, {scores, batch.target}};
                                               },
                                               {{"own", own}}));
  CHECK(value_of(values, "validation/logged") == value_of(values, "validation/own"));
  CHECK(value_of(values, "validation/macro") == value_of(values, "validation/own"));
  CHECK(value_of(values, "validation/micro") > 0);
  CHECK_FALSE(logged->update_called());
  CHECK_FALSE(both->update_called());
}

TEST_CASE("log: what a source's samples weigh goes to a stage's metrics, its loss and the means of values") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(10);
  const Tensor weights = at::arange(10, at::kFloat) + 0.5;
  Loader loader = loader_of(points);
  Loader held_out(metrics::training::in_memory(points.data, points.target, weights),
                  metrics::training::DistributedSampler(10, {.num_replicas = 1, .rank = 0, .shuffle = false}),
                  {.batch_size = 4});
  auto accuracy = metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}));
  Trainer trainer(net, optimizer, {.epochs = 1, .console = nullptr});
  const StageValues values = trainer.fit(Stage("train", loader, train_step),
                                         Stage("validation", held_out,
                                               [&](auto& module, const Batch& batch, const Run& run) -> Result {
                                                 run.log("first", batch.data.size(0) == 4 ? 1.0 : 0.0);
                                                 return validation_step(module, batch);
                                               },
                                               {{"accuracy", accuracy}}));
  const at::NoGradGuard no_grad;
  const Tensor scores = net->forward(points.data);
  const auto each = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
  const Tensor losses = torch::nn::functional::cross_entropy(scores, points.target, each);
  metrics::MulticlassAccuracy own({.num_classes = 3});
  own.update(scores, points.target, metrics::Rows{.weights = weights});
  CHECK(value_of(values, "validation/accuracy") == own.compute().item<double>());
  CHECK(value_of(values, "validation/loss") ==
        doctest::Approx(((losses * weights).sum() / weights.sum()).item<double>()));
  CHECK(value_of(values, "validation/first") ==
        doctest::Approx((weights.narrow(0, 0, 8).sum() / weights.sum()).item<double>()));
}

/// The third rank has no batch in the validation, and logs nothing.
WORKER(logs_over_ranks) {
  const auto world = metrics::init_process_group();
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(12), held_out(world->rank() == 2 ? 0 : 4 * (world->rank() + 1));
  Loader loader = loader_of(points, {.shuffle = false}, 2);
  Loader own(
      metrics::training::in_memory(held_out.data, held_out.target),
      metrics::training::DistributedSampler(held_out.data.size(0), {.num_replicas = 1, .rank = 0, .shuffle = false}),
      {.batch_size = 4});
  const auto noting = std::make_shared<Noting>();
  Trainer trainer(net, optimizer, {.console = nullptr, .loggers = {noting}});
  std::vector<int64_t> collectives;
  trainer.add({.batch_ended = [&](Run& run) {
    if (run.stage != "train") return;
    collectives.push_back(world->counters().collectives);
    run.log("a", static_cast<double>(run.rank), {.on_step = true});
    run.log("b", static_cast<double>(run.rank * 10), {.on_step = true});
    run.log("mine", static_cast<double>(run.rank), {.sync_dist = false});
  }});
  const StageValues values =
      trainer.fit(Stage("train", loader, train_step),
                  Stage("validation", own, [&](auto& module, const Batch& batch, const Run& run) -> Result {
                    run.log("rank", static_cast<double>(run.rank));
                    return validation_step(module, batch);
                  }));
  const double mean = static_cast<double>(world->world_size() - 1) / 2;
  expect(value_of(values, "train/a_epoch") == mean, "a mean over ranks");
  expect(value_of(values, "train/b_epoch") == 10 * mean, "another");
  for (const auto& [name, value] : values)
    expect(name != "train/mine", "a value of one rank not to be among those of all");
  // Of 4 and 8 samples on ranks 0 and 1; the third has none.
  const double expected = world->world_size() == 1 ? 0 : 8.0 / 12;
  expect(std::abs(value_of(values, "validation/rank") - expected) < 1e-6,
         "a mean by samples, got " + std::to_string(value_of(values, "validation/rank")));
  expect(collectives.size() >= 2, "two steps");
  // One exchange for both values of a step, whatever their number.
  const int64_t step = collectives[1] - collectives[0];
  expect(step == (world->world_size() == 1 ? 0 : 1), "one collective a step, not " + std::to_string(step));
  if (world->rank() == 0) {
    expect(noting->values["train/a_step"].size() == collectives.size() && noting->values["train/a_step"][0] == mean,
           "the mean of each step");
    expect(value_of(noting->epochs[0], "train/mine") == 0, "rank 0's own value");
  } else {
    expect(noting->calls.empty() && noting->epochs.empty(), "loggers on rank 0 alone");
  }

  // Metrics that some ranks only have logged, and values that ranks cannot reduce at each step.
  const auto fails = [&](const auto& log, const char* message) {
    torch::nn::Linear other = small_net();
    torch::optim::SGD steps(other->parameters(), 0.1);
    Trainer failing(other, steps, {.console = nullptr});
    const std::string said = metrics_test::message_of<metrics::Error>([&] {
      failing.evaluate(Stage("validation", own, [&](auto& module, const Batch& batch, const Run& run) -> Result {
        log(run);
        return validation_step(module, batch);
      }));
    });
    expect_contains(said, message);
  };
  if (world->world_size() < 3) return;
  const auto metric = std::make_shared<metrics::MeanMetric>();
  fails([&](const Run& run) { run.log("m", metric); }, "the metric was logged on 2 of 3 ranks");
}

/// Two of three ranks have a group of their own.
WORKER(logs_over_some_ranks) {
  const auto world = metrics::init_process_group();
  const auto group = world->new_group({0, 2});
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(12);
  Loader loader = loader_of(points, {}, 2);
  const auto noting = std::make_shared<Noting>();
  Trainer trainer(net, optimizer, {.console = nullptr, .loggers = {noting}});
  const StageValues values =
      trainer.fit(Stage("train", loader, [&](auto& model, const Batch& batch, const Run& run) -> Result {
        if (group->is_member()) run.log("some", static_cast<double>(run.rank), {.group = group});
        return train_step(model, batch);
      }));
  for (const auto& [name, value] : values) expect(name != "train/some", "a value of some ranks not among those of all");
  if (world->rank() == 0) expect(value_of(noting->epochs[0], "train/some") == 1, "the mean of ranks 0 and 2");
  const std::string said = metrics_test::message_of<metrics::Error>([&] {
    Trainer failing(net, optimizer, {.console = nullptr});
    failing.fit(Stage("train", loader, [&](auto& model, const Batch& batch, const Run& run) -> Result {
      run.log("some", 1.0, {.group = group});
      return train_step(model, batch);
    }));
  });
  expect_contains(said, "this rank is no member of `group`");
}

WORKER(logs_what_ranks_cannot_reduce) {
  const auto world = metrics::init_process_group();
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(12);
  Loader loader = loader_of(points, {}, 2);
  Trainer trainer(net, optimizer, {.console = nullptr});
  const std::string said = metrics_test::message_of<metrics::Error>([&] {
    trainer.evaluate(Stage("validation", loader, [&](auto& module, const Batch& batch, const Run& run) -> Result {
      run.log("x", 1.0, {.on_step = true});
      return validation_step(module, batch);
    }));
  });
  expect_contains(said, "cannot reduce a value at each step");
}

TEST_CASE("log: over ranks, with one exchange for all values of a step") {
  for (const int64_t world : metrics_test::world_sizes({1, 2, 3})) {
    const auto result = run_workers("logs_over_ranks", world);
    INFO(result.message());
    CHECK(result.ok());
  }
  CHECK(run_workers("logs_what_ranks_cannot_reduce", 2).ok());
  for (const int64_t world : metrics_test::world_sizes({3})) {
    const auto result = run_workers("logs_over_some_ranks", world);
    INFO(result.message());
    CHECK(result.ok());
  }
}
