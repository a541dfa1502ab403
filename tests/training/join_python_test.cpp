#include "branched_net.h"
#include "distributed/worker.h"
#include <metrics/distributed/process_group.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using at::Tensor;
using metrics::init_process_group;
using metrics::training::DistributedDataParallel;
using metrics::training::Divisor;
using metrics::training::Join;
using metrics_test::BranchedNet;
using metrics_test::expect;
using metrics_test::max_world_size;
using metrics_test::run_workers;
using metrics_test::started;
using nlohmann::json;

namespace {

std::string branch_of(const std::string& mode, int64_t rank, int64_t step) {
  if (mode != "unused") return "both";
  return step < 2 || rank == 0 ? "left" : "right";
}

std::vector<json> join_reference() {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/join.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

Tensor floats(const json& numbers) {
  return at::tensor(numbers.get<std::vector<float>>());
}

/// Trains as the reference did, and compares what is left of the weights.
void train(const json& inputs, const json& row, int64_t rank, bool batches_known) {
  const std::string mode = row.at("mode");
  const bool initial = row.at("divide_by_initial_world_size");
  const auto place = static_cast<std::size_t>(rank);
  const auto net = started(inputs.at("start").at(place), static_cast<double>(rank));
  DistributedDataParallel model(net, {.find_unused_parameters = mode == "unused"});
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.1).momentum(mode == "momentum" ? 0.9 : 0));
  std::size_t epoch = 0;
  for (const json& counts : row.at("counts")) {
    const int64_t batches = counts.at(place);
    Join join({model}, {.batches = batches_known ? std::optional(batches) : std::nullopt,
                        .divisor = initial ? Divisor::InitialWorldSize : Divisor::ActiveRanks});
    for (int64_t step = 0; step < batches; ++step) {
      const json& batch = inputs.at("batches").at(place).at(10 * epoch + static_cast<std::size_t>(step));
      const Tensor data = floats(batch.at(0)).reshape({3, 4}), target = floats(batch.at(1)).reshape({3, 2});
      const auto backward = [&] { at::mse_loss(model(data, branch_of(mode, rank, step)), target).backward(); };
      if (mode == "no_sync" && step % 2 == 0) {
        const auto alone = model.no_sync();
        backward();
        continue;
      }
      backward();
      optimizer.step();
      optimizer.zero_grad();
    }
    join.finish();
    ++epoch;
  }
  const auto expect_python = [&](const std::string& name, const Tensor& got) {
    const Tensor reference = floats(row.at("state").at(name));
    expect(at::allclose(got.detach().flatten(), reference, 1e-6, 1e-6),
           name + " to be Python's in " + row.at("counts").dump() + ", " + mode + (initial ? ", initial" : ", active") +
               (batches_known ? ", batches known" : ", by notices"));
  };
  for (const auto& parameter : net->named_parameters()) expect_python(parameter.key(), parameter.value());
  expect_python("seen", net->seen);
}

}  // namespace

WORKER(joins_as_python) {
  const auto group = init_process_group();
  const auto rows = join_reference();
  int64_t played = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (static_cast<int64_t>(rows[i].at("counts").at(0).size()) != group->world_size()) continue;
    train(rows[0], rows[i], group->rank(), /*batches_known=*/false);
    if (rows[i].at("mode") != "no_sync") train(rows[0], rows[i], group->rank(), /*batches_known=*/true);
    ++played;
  }
  expect(played >= 16, "cases for so many ranks");
}

TEST_CASE("join: what uneven training leaves is what Python's leaves, on two ranks") {
  CHECK(run_workers("joins_as_python", 2).ok());
}

TEST_CASE("join: what uneven training leaves is what Python's leaves, on three ranks" *
          doctest::skip(max_world_size() < 3)) {
  CHECK(run_workers("joins_as_python", 3).ok());
}
