#include "trainer/folder.h"
#include "worker.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/checkpoint.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace {

using at::Tensor;
using metrics::BinaryAUROC;
using metrics::MulticlassAccuracy;
using metrics_test::expect;
using metrics_test::run_workers;
using metrics_test::world_sizes;

constexpr int64_t samples = 60;

/// The rows of a rank of some: every so manieth, from its own on.
Tensor rows(int64_t begin, int64_t end, int64_t rank, int64_t ranks) {
  return at::arange(begin + rank, end, ranks);
}

struct Data {
  Tensor scores, target, classes, labels;

  Data() : scores(at::arange(samples).mul(37).remainder(101).to(at::kDouble).div(101)),
           target(at::arange(samples).mul(13).remainder(7).lt(3).to(at::kLong)),
           classes(at::arange(samples).mul(29).remainder(3)),
           labels(at::arange(samples).mul(31).remainder(5).remainder(3)) {}
};

struct Metrics {
  BinaryAUROC area;
  MulticlassAccuracy accuracy{{.num_classes = 3}};

  void update(const Tensor& rows) {
    const Data data;
    area.update(data.scores.index_select(0, rows), data.target.index_select(0, rows));
    accuracy.update(data.classes.index_select(0, rows), data.labels.index_select(0, rows));
  }
  void save(const std::filesystem::path& file) const {
    metrics::StateDict dict;
    BinaryAUROC first = area;
    MulticlassAccuracy second = accuracy;
    first.persistent(true);
    second.persistent(true);
    first.save_state_dict(dict, "area.");
    second.save_state_dict(dict, "accuracy.");
    metrics::io::write_state_dict(file, dict);
  }
  void load(const std::filesystem::path& file) {
    metrics::io::load(area, file, {.prefix = "area."});
    metrics::io::load(accuracy, file, {.prefix = "accuracy."});
  }
};

std::filesystem::path folder() {
  return std::getenv("FOLDER");
}

/// The first half of the samples on as many ranks as there are, merged into one file, and each rank's own.
WORKER(save_half) {
  const auto group = metrics::init_process_group();
  const auto& world = *group;
  Metrics held;
  held.update(rows(0, samples / 2, world.rank(), world.world_size()));
  held.save(folder() / ("rank" + std::to_string(world.rank()) + ".pt"));
  const metrics::SyncScope area(held.area), accuracy(held.accuracy);
  if (world.rank() == 0) held.save(folder() / "merged.pt");
}

/// Goes on with the second half on another number of ranks.
WORKER(load_half) {
  const auto group = metrics::init_process_group();
  const auto& world = *group;
  Metrics whole;
  whole.update(rows(0, samples, 0, 1));
  whole.area.set_metric_options({.sync_on_compute = false});
  whole.accuracy.set_metric_options({.sync_on_compute = false});
  for (const bool merged : {true, false}) {
    Metrics held;
    if (merged) {
      if (world.rank() == 0) held.load(folder() / "merged.pt");
    } else {
      // Files of more or fewer ranks than there are now: each is taken by one rank, which merges what it takes.
      for (int64_t i = world.rank(); std::filesystem::exists(folder() / ("rank" + std::to_string(i) + ".pt")); i += world.world_size()) {
        Metrics one;
        one.load(folder() / ("rank" + std::to_string(i) + ".pt"));
        held.area.merge(one.area);
        held.accuracy.merge(one.accuracy);
      }
    }
    held.update(rows(samples / 2, samples, world.rank(), world.world_size()));
    expect(at::equal(held.area.compute(), whole.area.compute()), "the area of one process");
    expect(at::equal(held.accuracy.compute(), whole.accuracy.compute()), "the accuracy of one process");
  }
}

/// Writes one of two contents again and again, until it is killed.
WORKER(write_until_killed) {
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::microseconds(std::atoi(std::getenv("KILL_AFTER"))));
    metrics_test::die();
  }).detach();
  for (int64_t i = 0;; ++i) metrics::io::write_torch(folder() / "states.pt", at::full({200000}, i % 2));
}

}  // namespace

TEST_CASE("files: states that ranks have saved count once on any other number of ranks") {
  for (const int64_t before : world_sizes({1, 2, 3})) {
    const metrics_test::Folder folder;
    const std::map<std::string, std::string> environment = {{"FOLDER", folder.path().string()}};
    metrics_test::check_survived(run_workers("save_half", before, environment));
    for (const int64_t after : world_sizes({1, 2, 3})) {
      if (after != before) metrics_test::check_survived(run_workers("load_half", after, environment));
    }
  }
}

TEST_CASE("files: a write that is killed at any moment leaves the old file or the new one") {
  const metrics_test::Folder folder;
  const auto file = folder.path() / "states.pt";
  metrics::io::write_torch(file, at::zeros({200000}, at::kLong));
  for (const int microseconds : {200, 1700, 5100, 9300, 21100}) {
    const std::map<std::string, std::string> environment = {{"FOLDER", folder.path().string()},
                                                            {"KILL_AFTER", std::to_string(microseconds)}};
    metrics_test::check_survived(run_workers("write_until_killed", 1, environment), {0});
    const Tensor read = *metrics::io::read_torch(file).as<Tensor>();
    CHECK(read.eq(read[0]).all().item<bool>());
  }
}
