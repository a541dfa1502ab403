#include "distributed/worker.h"
#include "folder.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/loader.h>
#include <metrics/training/sampler.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

using metrics::init_process_group;
using metrics::trainer::Callback;
using metrics::trainer::Options;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::DistributedSampler;
using metrics::training::in_memory;
using metrics::training::Loader;
using metrics_test::Folder;
using metrics_test::run_workers;

namespace {

constexpr int64_t batches = 6;

/// Batches of which nobody knows how many there are until they are over.
struct Stream {
  explicit Stream(int64_t count) : all(static_cast<size_t>(count)) {
    for (Batch& batch : all) batch = {at::ones({2, 2}), {}, at::arange(2), at::ones({2}, at::kBool)};
  }
  auto begin() const { return all.begin(); }
  auto end() const { return all.end(); }
  std::vector<Batch> all;
};

/// Trains for two epochs of six batches on each rank, with what is to go wrong.
template <class Batches>
void train(Batches& loader, const Callback& callback = {}, const Options& given = {}) {
  torch::nn::Linear net(2, 2);
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  Options options = given;
  options.epochs = 2;
  options.console = nullptr;
  Trainer trainer(net, optimizer, options);
  trainer.add(callback);
  const auto forward = [](auto& model, const Batch& batch) -> Result {
    const at::Tensor losses = model.forward(batch.data).square().mean(1);
    return {losses.mean(), {losses.detach()}};
  };
  const auto evaluation = [](auto& module, const Batch& batch) -> Result {
    return {{}, {module->forward(batch.data).square().mean(1)}};
  };
  Stream held_out(2);
  trainer.fit(Stage("train", loader, forward, {{"mean", metrics::MeanMetric()}}),
              Stage("validation", held_out, evaluation));
}

std::shared_ptr<metrics::ProcessGroup> joined() {
  return init_process_group({.timeout = std::chrono::seconds(3)});
}

int failing_rank() {
  return std::stoi(std::getenv("FAILING_RANK"));
}

/// In the middle of an epoch.
Callback in_the_middle(void (*what)()) {
  return {.batch_ended = [what](Run& run) {
    if (run.rank == failing_rank() && run.epoch == 1 && run.stage == "train" && run.batch == 2) what();
  }};
}

/// Runs the worker on so many ranks, all of which have to fail with a message that holds the texts.
void check_all_fail(const char* worker, std::vector<std::string> texts, int failing = 1, int64_t processes = 2,
                    std::map<std::string, std::string> environment = {}) {
  CAPTURE(worker);
  environment["FAILING_RANK"] = std::to_string(failing);
  const auto result = run_workers(worker, processes, environment, true);
  CHECK_FALSE(result.timed_out);
  for (const auto& process : result.processes) {
    CAPTURE(process.rank);
    CAPTURE(process.error);
    CHECK_FALSE(process.ended_by_launcher);
    if (process.signal == SIGKILL) continue;
    CHECK(process.exit_code == 1);
    for (const std::string& text : texts) CHECK(process.error.find(text) != std::string::npos);
  }
}

}  // namespace

WORKER(step_throws) {
  const auto world = joined();
  Stream loader(batches);
  train(loader, in_the_middle([] { throw std::runtime_error("the cat sat on the keyboard"); }));
}

WORKER(step_throws_in_join) {
  const auto world = joined();
  Stream loader(batches);
  train(loader, in_the_middle([] { throw std::runtime_error("the cat sat on the keyboard"); }),
        {.join = metrics::training::JoinOptions{}});
}

WORKER(is_killed) {
  const auto world = joined();
  Stream loader(batches);
  train(loader, in_the_middle([] { ::raise(SIGKILL); }));
}

WORKER(loader_throws) {
  const auto world = joined();
  const bool fails = world->rank() == failing_rank();
  auto source = in_memory(at::ones({4 * batches, 2}));
  int64_t reads = 0;
  source.read = [&, read = source.read](const std::vector<int64_t>& indices) {
    if (fails && ++reads == batches + 3) throw std::runtime_error("sector 7 of the disk");
    return read(indices);
  };
  Loader loader(source, DistributedSampler(source.size), {.batch_size = 2});
  train(loader);
}

WORKER(batches_differ) {
  const auto world = joined();
  Stream loader(world->rank() == failing_rank() ? batches - 1 : batches);
  train(loader);
}

WORKER(known_batches_differ) {
  const auto world = joined();
  Loader loader(in_memory(at::ones({9, 2})), DistributedSampler(9), {.batch_size = 4});
  train(loader);
}

WORKER(cannot_write) {
  const auto world = joined();
  Stream loader(batches);
  train(loader, {}, {.folder = std::getenv("FOLDER")});
}

WORKER(callback_throws_at_the_end) {
  const auto world = joined();
  Stream loader(batches);
  train(loader, {.run_ended = [](Run& run) {
          if (run.rank == failing_rank()) throw std::runtime_error("no cake");
        }});
}

WORKER(callback_computes_alone) {
  const auto world = joined();
  Stream loader(batches);
  metrics::MeanMetric mean;
  mean.update(1);
  train(loader, {.epoch_ended = [&](Run& run) {
          if (run.rank == failing_rank()) mean.compute();
        }});
}

WORKER(callback_computes_alone_amid_batches) {
  const auto world = joined();
  Stream loader(batches);
  metrics::MeanMetric mean;
  mean.update(1);
  train(loader, {.batch_ended = [&](Run& run) {
          if (run.rank == failing_rank()) mean.compute();
        }});
}

TEST_CASE("trainer faults: what a step throws ends all ranks with its message") {
  for (const char* worker : {"step_throws", "step_throws_in_join"}) {
    for (const int failing : {0, 1}) {
      check_all_fail(
          worker,
          {"rank " + std::to_string(failing) + ", epoch 2, callback batch_ended", "the cat sat on the keyboard"},
          failing);
    }
  }
}

TEST_CASE("trainer faults: of three ranks, too") {
  check_all_fail("step_throws", {"rank 1, epoch 2", "the cat sat on the keyboard"}, 1, 3);
}

TEST_CASE("trainer faults: a rank that is killed in the middle of an epoch") {
  check_all_fail("is_killed", {"epoch 2, batch 4 of train: ", "; rank 1 does not answer"});
  check_all_fail("is_killed", {"epoch 2, batch 4 of train: "}, 0);
}

TEST_CASE("trainer faults: a rank whose loader throws") {
  check_all_fail("loader_throws", {"rank 1, epoch 2, batch 3 of train: sector 7 of the disk"});
}

TEST_CASE("trainer faults: different numbers of batches without join") {
  check_all_fail("batches_differ", {"after 5 batches of train", "different numbers of batches need the option `join`"});
  check_all_fail("known_batches_differ",
                 {"stage train: rank 0 has 2 batches, rank 1 has 1: different numbers need the option `join`"});
}

TEST_CASE("trainer faults: a folder that cannot be written") {
  const Folder folder;
  std::ofstream(folder.path() / "file") << "a regular file";
  check_all_fail("cannot_write", {"rank 0, the start", "cannot be made: Not a directory"}, 0, 2,
                 {{"FOLDER", folder.path() / "file" / "below"}});
  check_all_fail("cannot_write", {"rank 0, the start", "/dev/full cannot be made: Not a directory"}, 0, 2,
                 {{"FOLDER", "/dev/full"}});

  // Each file in its turn is on a device that is full.
  for (const std::string name : {"values.csv", "values.jsonl", "last.pt"}) {
    const std::filesystem::path out = folder.path() / name;
    std::filesystem::create_directory(out);
    std::filesystem::create_symlink("/dev/full", out / name);
    check_all_fail("cannot_write",
                   {"rank 0, epoch 1, its end: " + out.string(), "cannot be written: No space left on device"}, 0, 2,
                   {{"FOLDER", out}});
    CHECK_FALSE(std::filesystem::is_regular_file(out / "last.pt"));
  }
}

TEST_CASE("trainer faults: callbacks end all ranks, and none hangs") {
  for (const int failing : {0, 1}) {
    check_all_fail("callback_throws_at_the_end", {"callback run_ended: no cake"}, failing);
    check_all_fail(
        "callback_computes_alone",
        {"epoch 1, ", "callback epoch_ended", "a callback that talks to other ranks has to do so on all of them"},
        failing);
    check_all_fail("callback_computes_alone_amid_batches",
                   {"callback batch_ended", "a callback that talks to other ranks has to do so on all of them"},
                   failing);
  }
}
