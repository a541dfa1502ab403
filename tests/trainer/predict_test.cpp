#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::trainer::Predictions;
using metrics::trainer::Result;
using metrics::trainer::Stage;
using metrics::trainer::Trainer;
using metrics::training::Loader;
using metrics::training::Remainder;
using metrics_test::expect;
using metrics_test::Folder;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::validation_step;
using metrics_test::value_of;

TEST_CASE("predict: outputs that are no predictions of samples are refused") {
  Predictions predictions("p");
  const auto refused = [&](const Result& result, const char* message) {
    CHECK_THROWS_WITH_AS(predictions.add(result, {}, 2), doctest::Contains(message), InvalidArgument);
  };
  refused({}, "the step gave no outputs");
  refused({{}, {at::ones({3})}},
          "output `preds`: expected a tensor with a row for each of the batch's 2 samples, got one of shape [3]");
  refused({{}, {at::ones({})}}, "output `preds`");
  refused({{}, {c10::IValue(1)}}, "output `preds`");
  refused({{}, {at::ones({2}), at::ones({2}), at::ones({2})}}, "more than two outputs need names");
  refused({{}, {at::ones({2})}, {{"preds", at::ones({2})}}}, "two outputs are called `preds`");
  refused({{}, {}, {{"ids", at::ones({2})}}}, "an output cannot be called `ids`");
  predictions.add({{}, {at::ones({2})}}, {}, 2);
  refused({{}, {at::ones({2}), at::ones({2})}}, "`target` comes with some batches only");
}

TEST_CASE("predict: without ids, on one rank, samples keep their order") {
  const Folder folder;
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  struct Pair {
    Tensor data;
  };
  const std::vector<Pair> batches{{at::ones({2, 2})}, {at::zeros({1, 2})}};
  Trainer trainer(net, optimizer, {.console = nullptr});
  trainer.predict(
      Stage("predict", batches,
            [](auto& module, const Pair& batch) -> Result {
              return {{}, {}, {{"scores", module->forward(batch.data)}, {"first", batch.data.select(1, 0)}}};
            }),
      folder.path() / "p.safetensors");
  const auto read = metrics::io::read_safetensors(folder.path() / "p.safetensors").tensors;
  CHECK(read.size() == 3);
  CHECK(at::equal(read.at("first"), at::tensor({1.0F, 1.0F, 0.0F})));
  CHECK(at::equal(read.at("ids"), at::arange(3)));
  CHECK(read.at("scores").sizes() == at::IntArrayRef({3, 3}));
}

WORKER(predicts) {
  const auto world = metrics::init_process_group();
  const std::filesystem::path file = std::getenv("METRICS_TEST_FILE");
  torch::nn::Linear net = small_net();
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const Points points(11);
  const Tensor expected = net->forward(points.data).detach();
  // Shuffled and padded, uneven, and one whose other ranks have nothing.
  for (const auto& options : {metrics::training::DistributedSamplerOptions{.remainder = Remainder::Pad},
                              metrics::training::DistributedSamplerOptions{.shuffle = false}}) {
    Loader loader = loader_of(points, options);
    Trainer trainer(net, optimizer, {.console = nullptr});
    const auto values = trainer.predict(Stage("predict", loader, validation_step), file);
    expect(value_of(values, "predict/loss") > 0, "the stage's values");
    world->barrier();
    const auto read = metrics::io::read_safetensors(file).tensors;
    expect(at::equal(read.at("ids"), at::arange(11)), "each sample once, in order");
    expect(at::equal(read.at("target"), points.target), "each sample's target");
    expect(at::allclose(read.at("preds"), expected), "each sample's scores");
    world->barrier();
  }
  const Points few(1);
  Loader loader = loader_of(few, {.shuffle = false});
  Trainer trainer(net, optimizer, {.console = nullptr});
  trainer.predict(Stage("predict", loader, validation_step), file);
  world->barrier();
  expect(metrics::io::read_safetensors(file).tensors.at("preds").size(0) == 1, "the one sample");
  if (world->world_size() == 1) return;
  struct Plain {
    Tensor data, target;
  };
  const std::vector<Plain> plain{{points.data, points.target}};
  const std::string said = metrics_test::message_of<metrics::Error>([&] {
    Trainer failing(net, optimizer, {.console = nullptr});
    failing.predict(Stage("predict", plain,
                          [](auto& module, const Plain& batch) -> Result {
                            return {{}, {module->forward(batch.data), batch.target}};
                          }),
                    file);
  });
  metrics_test::expect_contains(said, "batches without ids");
}

TEST_CASE("predict: over ranks, each sample once and in order") {
  const Folder folder;
  for (const int64_t world : metrics_test::world_sizes({1, 2, 3})) {
    const auto result =
        run_workers("predicts", world, {{"METRICS_TEST_FILE", (folder.path() / "p.safetensors").string()}});
    INFO(result.message());
    CHECK(result.ok());
  }
}
