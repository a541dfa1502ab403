#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/collections/composition.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/trainer/callbacks/early_stopping.h>
#include <metrics/trainer/callbacks/schedule.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::trainer::Better;
using metrics::trainer::Each;
using metrics::trainer::early_stopping;
using metrics::trainer::Logger;
using metrics::trainer::Options;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::schedule;
using metrics::trainer::Stage;
using metrics::trainer::StageValues;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::Loader;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::Folder;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::train_step;
using metrics_test::validation_step;
using metrics_test::value_of;

namespace {

struct Trained {
  torch::nn::Linear net = small_net();
  StageValues values;
  std::string calls;  // stages in the order of their batches
};

/// Trains a small net on 22 points, and says in which order batches came.
Trained train(Options options,
              const std::function<void(Trainer<torch::nn::Linear>&, torch::optim::SGD&)>& prepare = {}) {
  Trained trained;
  torch::optim::SGD optimizer(trained.net->parameters(), 0.5);
  const Points points(22);
  Loader loader = loader_of(points), held_out = loader_of(points, {.shuffle = false});
  options.console = nullptr;
  Trainer trainer(trained.net, optimizer, options);
  trainer.add({.batch_ended = [&](Run& run) { trained.calls += run.stage[0]; }});
  if (prepare) prepare(trainer, optimizer);
  trained.values = trainer.fit(Stage("train", loader, train_step), Stage("validation", held_out, validation_step));
  return trained;
}

/// The same by hand, with what happens to gradients and when.
template <class AfterBackward>
torch::nn::Linear trained_by_hand(int64_t epochs, int64_t accumulate, const AfterBackward& after_backward) {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(22);
  Loader loader = loader_of(points);
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    loader.set_epoch(epoch);
    int64_t number = 0;
    for (const Batch& batch : loader) {
      if (number++ % accumulate == 0) optimizer.zero_grad();
      (torch::nn::functional::cross_entropy(net->forward(batch.data), batch.target) / static_cast<double>(accumulate))
          .backward();
      if (number % accumulate != 0 && number != loader.size()) continue;
      after_backward(net->parameters());
      optimizer.step();
    }
  }
  return net;
}

/// What a value is in each epoch.
std::function<void(Run&)> scripted(const std::shared_ptr<metrics::MeanMetric>& metric, std::vector<double> script) {
  return [metric, script = std::move(script)](Run& run) {
    if (run.stage != "validation") return;
    metric->update(script[static_cast<size_t>(run.epoch)]);
    run.log("score", metric);
  };
}

std::shared_ptr<metrics::MeanMetric> mean_with_nan() {
  return std::make_shared<metrics::MeanMetric>(
      metrics::MeanMetric({.nan_strategy = metrics::aggregation::NanStrategy::Disable}));
}

}  // namespace

TEST_CASE("trainer options: what cannot be is refused") {
  const auto refused = [](const Options& options, const char* message) {
    CHECK_THROWS_WITH_AS(train(options), doctest::Contains(message), InvalidArgument);
  };
  refused({.keep_best = 0}, "keep_best: expected at least 1, got 0");
  refused({.accumulate = 0}, "accumulate: expected at least 1, got 0");
  refused({.clip_norm = 0}, "clip_norm: expected more than 0");
  refused({.clip_value = -1}, "clip_value: expected more than 0");
  refused({.autocast = at::kLong}, "autocast: expected BFloat16 or Half, got Long");
  refused({.sanity_batches = -1}, "sanity_batches: expected at least 0, got -1");
  refused({.evaluate_every_epochs = 0}, "evaluate_every_epochs: expected at least 1, got 0");
  refused({.evaluate_every_batches = 0}, "evaluate_every_batches: expected at least 1, got 0");
  refused({.checkpoint_every_batches = 0}, "checkpoint_every_batches: expected at least 1, got 0");
  refused({.checkpoint_every_batches = 2}, "checkpoint_every_batches: needs a `folder`");
  refused({.join = metrics::training::JoinOptions{}, .accumulate = 2}, "accumulate: with `join`");
  refused({.join = metrics::training::JoinOptions{}, .evaluate_every_batches = 2},
          "evaluate_every_batches: with `join`");
  CHECK_THROWS_WITH_AS(early_stopping({}), doctest::Contains("value: expected a name"), InvalidArgument);
  CHECK_THROWS_WITH_AS(early_stopping({.value = "a/b", .patience = 0}),
                       doctest::Contains("patience: expected at least 1"), InvalidArgument);
  CHECK_THROWS_WITH_AS(early_stopping({.value = "a/b", .min_delta = -1}),
                       doctest::Contains("min_delta: expected at least 0"), InvalidArgument);
  CHECK_THROWS_WITH_AS(schedule(std::shared_ptr<torch::optim::LRScheduler>()),
                       doctest::Contains("expected a scheduler"), InvalidArgument);

  // Batches that nobody has counted.
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(4);
  std::vector<Batch> batches;
  for (const Batch& batch : loader_of(points, {}, 2)) batches.push_back(batch);
  struct Uncounted {
    std::vector<Batch>& batches;
    auto begin() { return batches.begin(); }
    auto end() { return batches.end(); }
  } uncounted{batches};
  Trainer trainer(net, optimizer, {.accumulate = 2, .console = nullptr});
  CHECK_THROWS_WITH_AS(trainer.fit(Stage("train", uncounted, train_step)),
                       doctest::Contains("does not say how many batches"), metrics::Error);
}

TEST_CASE("trainer: stages that share a metric are refused") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(8);
  Loader loader = loader_of(points), held_out = loader_of(points);
  auto accuracy = metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}));
  Trainer trainer(net, optimizer, {.console = nullptr});
  CHECK_THROWS_WITH_AS(trainer.fit(Stage("train", loader, train_step, {{"accuracy", accuracy}}),
                                   Stage("validation", held_out, validation_step, {{"a", 2 * accuracy}})),
                       doctest::Contains("stages train and validation: `accuracy` is one metric in both"),
                       metrics::Error);
}

TEST_CASE("trainer: accumulated and clipped gradients are those of a loop by hand") {
  const auto nothing = [](const std::vector<Tensor>&) {};
  // 6 batches: the last step has two of them, as the first.
  for (const int64_t accumulate : {1, 2, 4}) {
    std::vector<int64_t> steps;
    const Trained trained = train({.epochs = 2, .accumulate = accumulate}, [&](auto& trainer, auto&) {
      trainer.add({.batch_ended = [&](Run& run) {
        if (run.stepped) steps.push_back(run.step);
      }});
    });
    CHECK(at::equal(trained.net->weight, trained_by_hand(2, accumulate, nothing)->weight));
    CHECK(steps.size() == static_cast<size_t>(2 * ((6 + accumulate - 1) / accumulate)));
    CHECK(steps.back() == static_cast<int64_t>(steps.size()));
  }
  const auto by_norm = [](const std::vector<Tensor>& parameters) {
    torch::nn::utils::clip_grad_norm_(parameters, 0.1);
  };
  CHECK(at::equal(train({.clip_norm = 0.1}).net->weight, trained_by_hand(1, 1, by_norm)->weight));
  const auto by_value = [](const std::vector<Tensor>& parameters) {
    torch::nn::utils::clip_grad_value_(parameters, 0.01);
  };
  CHECK(at::equal(train({.clip_value = 0.01}).net->weight, trained_by_hand(1, 1, by_value)->weight));
  CHECK_FALSE(at::equal(train({.clip_value = 0.01}).net->weight, train({}).net->weight));
}

TEST_CASE("trainer: evaluations before the start, every so many epochs, and within one") {
  CHECK(train({.epochs = 2}).calls == "ttttttvvvvvvttttttvvvvvv");
  CHECK(train({.epochs = 3, .evaluate_every_epochs = 2}).calls == "ttttttttttttvvvvvvttttttvvvvvv");
  const Trained within = train({.evaluate_every_batches = 2});
  CHECK(within.calls == "ttvvvvvvttvvvvvvttvvvvvv");
  const Trained before = train({.sanity_batches = 2});
  CHECK(before.calls == "vvttttttvvvvvv");
  // Neither changes what is trained, and metrics begin anew after them.
  const Trained plain = train({});
  for (const Trained* other : {&within, &before}) {
    CHECK(at::equal(plain.net->weight, other->net->weight));
    REQUIRE(other->values.size() == plain.values.size());
    for (size_t i = 0; i < plain.values.size(); ++i) CHECK(at::equal(plain.values[i].second, other->values[i].second));
  }

  struct Steps : Logger {
    std::vector<int64_t> at;
    void step(const Run& run, const StageValues& values) override {
      CHECK(values.front().first == "validation/loss");
      at.push_back(run.step);
    }
  };
  const auto steps = std::make_shared<Steps>();
  train({.evaluate_every_batches = 2, .loggers = {steps}});
  CHECK(steps->at == std::vector<int64_t>{2, 4});
}

TEST_CASE("trainer: steps run under autocast, weights and gradients do not") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Points points(8);
  Loader loader = loader_of(points), held_out = loader_of(points);
  std::vector<at::ScalarType> dtypes;
  const auto noting = [&](const Tensor& scores) {
    dtypes.push_back(scores.scalar_type());
    return scores;
  };
  Trainer trainer(net, optimizer, {.autocast = at::kBFloat16, .console = nullptr});
  const auto values = trainer.fit(
      Stage("train", loader,
            [&](auto& model, const Batch& batch) -> Result {
              return {torch::nn::functional::cross_entropy(noting(model.forward(batch.data)), batch.target)};
            }),
      Stage("validation", held_out,
            [&](auto& module, const Batch& batch) -> Result {
              return {{}, {noting(module->forward(batch.data)), batch.target}};
            },
            {{"accuracy", metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}))}}));
  CHECK(dtypes.size() == 4);
  for (const at::ScalarType dtype : dtypes) CHECK((dtype == at::kBFloat16));
  CHECK((net->weight.scalar_type() == at::kFloat));
  CHECK((net->weight.grad().scalar_type() == at::kFloat));
  CHECK(value_of(values, "validation/accuracy") > 0);
  CHECK((net->forward(points.data).scalar_type() == at::kFloat));
}

TEST_CASE("trainer: schedules of LibTorch, by epoch, by step, and by a value") {
  std::vector<double> rates;
  const auto with = [&](const Options& options,
                        const std::function<metrics::trainer::Callback(torch::optim::SGD&)>& make) {
    rates.clear();
    train(options, [&](auto& trainer, torch::optim::SGD& optimizer) {
      trainer.add({.epoch_started = [&](Run&) { rates.push_back(optimizer.param_groups()[0].options().get_lr()); }});
      trainer.add(make(optimizer));
    });
    return rates;
  };
  const auto halving = [](torch::optim::SGD& optimizer) {
    return std::make_shared<torch::optim::StepLR>(optimizer, 1, 0.5);
  };
  // LibTorch's StepLR leaves the rate alone in its first step.
  CHECK(with({.epochs = 4}, [&](auto& optimizer) { return schedule(halving(optimizer)); }) ==
        std::vector<double>{0.5, 0.5, 0.25, 0.125});
  CHECK(with({.epochs = 2, .accumulate = 2}, [&](auto& optimizer) {
          return schedule(halving(optimizer), Each::Step);
        }) == std::vector<double>{0.5, 0.125});
  const auto plateau = [](torch::optim::SGD& optimizer) {
    using Scheduler = torch::optim::ReduceLROnPlateauScheduler;
    return schedule(std::make_shared<Scheduler>(optimizer, Scheduler::min, 0.1F, 0, 10.0, Scheduler::abs),
                    "validation/loss");
  };
  const auto reduced = with({.epochs = 3}, plateau);
  CHECK(reduced[1] == 0.5);
  CHECK(reduced[2] == doctest::Approx(0.05));
  CHECK_THROWS_WITH_AS(
      train({},
            [](auto& trainer, torch::optim::SGD& optimizer) {
              trainer.add(
                  schedule(std::make_shared<torch::optim::ReduceLROnPlateauScheduler>(optimizer), "validation/los"));
            }),
      doctest::Contains("schedule: `validation/los` is no value of this epoch, which has train/loss, validation/loss"),
      metrics::Error);
}

TEST_CASE("trainer: early stopping") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto epochs = [&](const metrics::trainer::EarlyStoppingOptions& options, std::vector<double> script) {
    int64_t ended = 0;
    const auto metric = mean_with_nan();
    train({.epochs = static_cast<int64_t>(script.size())}, [&](auto& trainer, auto&) {
      trainer.add({.stage_ended = scripted(metric, script)});
      trainer.add(early_stopping(options));
      trainer.add({.epoch_ended = [&](Run&) { ++ended; }});
    });
    return ended;
  };
  const std::string value = "validation/score";
  CHECK(epochs({.value = value, .patience = 2}, {3, 2, 2, 2, 1, 1}) == 4);
  CHECK(epochs({.value = value, .patience = 2}, {3, 2, 2, 1, 1, 1}) == 6);
  CHECK(epochs({.value = value, .better = Better::Higher, .patience = 1}, {1, 2, 3, 3, 9}) == 4);
  CHECK(epochs({.value = value, .patience = 1, .min_delta = 1}, {3, 1.5, 1, 0, 0}) == 3);
  CHECK(epochs({.value = value, .patience = 2}, {nan, nan, 0}) == 2);
  CHECK_THROWS_WITH_AS(epochs({.value = "validation/scor"}, {1}),
                       doctest::Contains("early_stopping: `validation/scor` is no value of this epoch"),
                       metrics::Error);
  CHECK_THROWS_WITH_AS(
      train({},
            [&](auto& trainer, auto&) {
              trainer.add({.stage_ended = [](Run& run) { run.log("own", 1.0, {.rank_zero_only = true}); }});
              trainer.add(early_stopping({.value = "train/own"}));
            }),
      doctest::Contains("early_stopping: `train/own` cannot steer a run: only rank 0 has it"), metrics::Error);
}

TEST_CASE("trainer: the best k epochs keep their weights") {
  const Folder folder;
  const std::vector<double> script{1, 5, 3, 4, 5};
  const auto metric = mean_with_nan();
  std::vector<Tensor> weights;
  train({.epochs = 5, .folder = folder.path(), .best = {{"validation/score", Better::Higher}}, .keep_best = 2},
        [&](auto& trainer, auto& optimizer) {
          trainer.add({.stage_ended = scripted(metric, script)});
          trainer.add({.epoch_ended = [&](Run&) {
            weights.push_back(optimizer.param_groups()[0].params()[0].detach().clone());
          }});
        });
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("epoch-")) files.push_back(entry.path().filename().string());
  std::sort(files.begin(), files.end());
  // Of equal ones the earlier comes first.
  CHECK(files == std::vector<std::string>{"epoch-0002.pt", "epoch-0005.pt"});
  const auto weight_in = [&](const char* name) {
    return *metrics::io::read_torch(folder.path() / name).at("weight").as<Tensor>();
  };
  CHECK(at::equal(weight_in("best.pt"), weights[1]));
  CHECK(at::equal(weight_in("epoch-0002.pt"), weights[1]));
  CHECK(at::equal(weight_in("epoch-0005.pt"), weights[4]));
  CHECK(at::equal(weight_in("last.pt"), weights[4]));
}

TEST_CASE("trainer: a time limit ends the run with the epoch") {
  int64_t ended = 0;
  const auto prepare = [&](auto& trainer, auto&) {
    trainer.add({.epoch_ended = [&](Run&) {
      ++ended;
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }});
  };
  train({.epochs = 50, .time_limit = std::chrono::milliseconds(1)}, prepare);
  CHECK(ended == 1);
  ended = 0;
  train({.epochs = 2, .time_limit = std::chrono::hours(1)}, prepare);
  CHECK(ended == 2);
}

TEST_CASE("trainer: effective batches and rates") {
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  const Trainer trainer(net, optimizer, {.accumulate = 4, .console = nullptr});
  CHECK(trainer.effective_batch_size(7) == 28);
  CHECK(trainer.scaled_rate(0.1, 14, 7) == doctest::Approx(0.2));
}

/// Ranks whose clocks, values and callbacks would have them decide differently.
WORKER(decides_together) {
  const auto world = metrics::init_process_group();
  const Points points(16);
  const auto run_epochs = [&](Options options, const std::function<void(Trainer<torch::nn::Linear>&)>& prepare) {
    torch::nn::Linear net = small_net();
    torch::optim::SGD optimizer(net->parameters(), 0.5);
    Loader loader = loader_of(points);
    options.console = nullptr;
    Trainer trainer(net, optimizer, options);
    int64_t ended = 0;
    std::string best;
    trainer.add({.epoch_ended = [&](Run& run) {
      ++ended;
      best += run.best ? '1' : '0';
    }});
    prepare(trainer);
    trainer.fit(Stage("train", loader, train_step));
    return std::to_string(ended) + " " + best;
  };
  // Rank 0's clock alone says that time is over.
  const std::chrono::duration<double> limit =
      world->rank() == 0 ? std::chrono::duration<double>(1e-9) : std::chrono::hours(1);
  expect(run_epochs({.epochs = 9, .time_limit = limit}, [](auto&) {}) == "1 0", "the run to end with rank 0's time");
  const std::chrono::duration<double> other =
      world->rank() == 1 ? std::chrono::duration<double>(1e-9) : std::chrono::hours(1);
  expect(run_epochs({.epochs = 3, .time_limit = other}, [](auto&) {}) == "3 000", "rank 1's clock not to count");
  // Which epoch is the best: ranks have been told different directions.
  const auto logs = [](auto& trainer) {
    trainer.add({.stage_ended = [](Run& run) { run.log("epoch", static_cast<double>(run.epoch)); }});
  };
  const auto better = world->rank() == 0 ? Better::Higher : Better::Lower;
  expect(run_epochs({.epochs = 3, .best = {{"train/epoch", better}}}, logs) == "3 111", "rank 0's decision");
  // When to stop: ranks have other patience.
  const std::string stopped = run_epochs({.epochs = 9}, [&](auto& trainer) {
    logs(trainer);
    trainer.add(early_stopping({.value = "train/epoch", .patience = world->rank() == 0 ? 3 : 1}));
  });
  expect(stopped == "4 0000", "rank 0's patience, not " + stopped);
}

/// Accumulated over ranks and batches as over one batch.
WORKER(accumulates_over_ranks) {
  const auto world = metrics::init_process_group();
  const Points points(24);
  torch::nn::Linear net = small_net(), by_hand = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.5), other(by_hand->parameters(), 0.5);
  Loader loader = loader_of(points, {.shuffle = false}, 24 / world->world_size() / 2);
  const auto before = world->c10d_counters();
  Trainer trainer(net, optimizer, {.accumulate = 2, .console = nullptr});
  const auto made = world->c10d_counters() - before;
  trainer.fit(Stage("train", loader, train_step));
  const auto sent = world->c10d_counters() - before - made;
  torch::nn::functional::cross_entropy(by_hand->forward(points.data), points.target).backward();
  other.step();
  expect(at::allclose(net->weight, by_hand->weight, 1e-5, 1e-6), "one step of all samples");
  expect(sent.bytes < 2 * 9 * 4 + 64, "gradients to travel once: " + std::to_string(sent.bytes) + " bytes");
}

TEST_CASE("trainer: what rank 0 decides all ranks do") {
  const auto result = run_workers("decides_together", 2);
  INFO(result.message());
  CHECK(result.ok());
  for (const int64_t world : metrics_test::world_sizes({2, 3})) {
    const auto accumulated = run_workers("accumulates_over_ranks", world);
    INFO(accumulated.message());
    CHECK(accumulated.ok());
  }
}
