#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include <metrics/classification/accuracy.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/trainer/callbacks/early_stopping.h>
#include <metrics/trainer/callbacks/schedule.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/nn/functional/dropout.h>
#include <torch/optim/adam.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::trainer::Each;
using metrics::trainer::early_stopping;
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
using metrics_test::Folder;
using metrics_test::loader_of;
using metrics_test::Points;
using metrics_test::run_workers;
using metrics_test::small_net;
using metrics_test::validation_step;
using metrics_test::value_of;

namespace {

struct Broken : std::exception {};

/// Options of a run that writes into a folder, if any, goes on from its checkpoint, and accumulates.
Options options_of(const std::filesystem::path& folder = {}, bool goes_on = false, int64_t accumulate = 1) {
  Options options;
  options.folder = folder;
  if (goes_on) options.resume = folder / "checkpoint.pt";
  options.accumulate = accumulate;
  return options;
}

Options with_checkpoints_within(Options options) {
  options.checkpoint_every_batches = 2;
  return options;
}

/// Where a run is broken off: after so many batches of the training in an epoch.
struct Break {
  int64_t epoch = 0, batches = 0;
};

struct Ended {
  Tensor weight;
  StageValues values;
  double rate = 0;
  int64_t steps = 0;
  std::string seen;  // the samples of the training, in order
};

/// A run with all that a checkpoint has to hold: moments of Adam, a schedule by steps, dropout, metrics and logged
/// means half-way, the best so far, the patience of early stopping. Broken off where it is said.
std::optional<Ended> run(Options options, std::optional<Break> broken = {}, int64_t samples = 22,
                         int64_t batch_size = 4) {
  Ended ended;
  torch::nn::Linear net = small_net();
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(0.05));
  const Points points(samples);
  Loader loader = loader_of(points, {}, batch_size), held_out = loader_of(points, {.shuffle = false});
  options.epochs = 3;
  options.console = nullptr;
  options.best = {{"validation/loss"}};
  auto accuracy = metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}));
  Trainer trainer(net, optimizer, options);
  trainer.add(schedule(std::make_shared<torch::optim::StepLR>(optimizer, 2, 0.9), Each::Step));
  trainer.add(early_stopping({.value = "validation/loss", .patience = 50}));
  trainer.add({.batch_ended = [&](Run& run) {
    ended.steps = run.step;
    if (broken && run.stage == "train" && run.epoch == broken->epoch && run.batch == broken->batches) throw Broken();
  }});
  const auto step = [&](auto& model, const Batch& batch, const Run& run) -> Result {
    for (int64_t i = 0; i < batch.size(); ++i)
      ended.seen += std::to_string(batch.ids[i].template item<int64_t>()) + " ";
    const Tensor scores =
        torch::nn::functional::dropout(model.forward(batch.data), torch::nn::functional::DropoutFuncOptions().p(0.3));
    const Tensor loss = torch::nn::functional::cross_entropy(scores, batch.target);
    run.log("twice", 2 * loss.detach(), {.on_step = true});
    return {loss, {scores.detach(), batch.target}};
  };
  try {
    ended.values = trainer.fit(Stage("train", loader, step, {{"accuracy", accuracy}}),
                               Stage("validation", held_out, validation_step));
  } catch (const metrics::Error&) {
    if (!broken) throw;
    return std::nullopt;
  }
  ended.weight = net->weight.detach().clone();
  ended.rate = optimizer.param_groups()[0].options().get_lr();
  return ended;
}

void check_same(const Ended& resumed, const Ended& whole) {
  CHECK(at::equal(resumed.weight, whole.weight));
  CHECK(resumed.rate == whole.rate);
  CHECK(resumed.steps == whole.steps);
  REQUIRE(resumed.values.size() == whole.values.size());
  for (size_t i = 0; i < whole.values.size(); ++i) {
    CHECK(resumed.values[i].first == whole.values[i].first);
    CHECK(at::equal(resumed.values[i].second, whole.values[i].second));
  }
  CHECK(whole.seen.ends_with(resumed.seen));
  CHECK(resumed.seen.size() < whole.seen.size());
}

}  // namespace

TEST_CASE("resume: what cannot be is refused, and nothing has changed") {
  const Folder folder;
  run(with_checkpoints_within(options_of(folder.path())), Break{1, 5});
  const auto file = folder.path() / "checkpoint.pt";
  const auto refused = [&](Options options, const std::filesystem::path& from, const char* message, auto&& change) {
    torch::nn::Linear net = small_net();
    torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(0.05));
    const Points points(22);
    Loader loader = loader_of(points), held_out = loader_of(points, {.shuffle = false});
    options.resume = from;
    options.console = nullptr;
    Trainer trainer(net, optimizer, options);
    change(trainer, optimizer);
    CHECK_THROWS_WITH_AS(trainer.fit(Stage("train", loader, metrics_test::train_step)), doctest::Contains(message),
                         metrics::Error);
    INFO(std::string(message));
    CHECK(at::equal(net->weight, small_net()->weight));
  };
  const auto nothing = [](auto&, auto&) {};
  refused({}, folder.path() / "none.pt", "none.pt cannot be read", nothing);
  refused({}, file, "it has the states of 3 callbacks, the trainer has 0", nothing);
  refused({.join = metrics::training::JoinOptions{}}, file, "where ranks that `join` cannot go on", nothing);
  const auto cut = folder.path() / "cut.pt";
  std::filesystem::copy_file(file, cut);
  std::filesystem::resize_file(cut, std::filesystem::file_size(file) / 2);
  refused({}, cut, "cut.pt", nothing);
  const auto changed = [&](const char* key, metrics::io::Object value) {
    metrics::io::Object all = metrics::io::read_torch(file);
    all.set(key, std::move(value));
    all.set("callbacks", metrics::io::Object::List{});
    metrics::io::write_torch(folder.path() / "changed.pt", all);
    return folder.path() / "changed.pt";
  };
  refused({}, changed("version", int64_t{9}), "expected version 1, got 9", nothing);
  refused({}, changed("world_size", int64_t{3}),
          "written within an epoch by 3 ranks, and 1 would have other batches behind them", nothing);
  refused({}, changed("epoch", "one"), "`epoch`: expected an integer", nothing);
  refused({}, changed("draws", at::zeros({1, 3})), "`draws`", nothing);
  refused({}, changed("model", metrics::io::Object::Dict{}), "weight", nothing);
  refused({}, changed("optimizer", metrics::io::Object::Dict{}), "", nothing);

  // An optimizer whose states LibTorch does not give.
  torch::nn::Linear net = small_net();
  torch::optim::RMSprop optimizer(net->parameters());
  const Points points(8);
  Loader loader = loader_of(points);
  Trainer trainer(net, optimizer, {.folder = folder.path(), .console = nullptr});
  CHECK_THROWS_WITH_AS(trainer.fit(Stage("train", loader, metrics_test::train_step)), doctest::Contains("checkpoints"),
                       metrics::Error);
  Trainer without(net, optimizer, {.folder = folder.path(), .checkpoints = false, .console = nullptr});
  CHECK_NOTHROW(without.fit(Stage("train", loader, metrics_test::train_step)));
}

TEST_CASE("resume: a run that was broken off goes on to the same numbers") {
  at::set_num_threads(1);
  for (const int64_t accumulate : {1, 2}) {
    const Ended whole = *run(options_of({}, false, accumulate));
    for (const Break broken : {Break{1, 0}, Break{1, 3}, Break{2, 5}, Break{0, 2}}) {
      const Folder folder;
      REQUIRE_FALSE(run(with_checkpoints_within(options_of(folder.path(), false, accumulate)), broken));
      check_same(*run(options_of(folder.path(), true, accumulate)), whole);
    }
  }
}

TEST_CASE("resume: the best so far and its file stay") {
  const Folder folder;
  const auto two_best = [](Options options) {
    options.keep_best = 2;
    return options;
  };
  REQUIRE_FALSE(run(two_best(options_of(folder.path())), Break{2, 1}));
  const auto best = *metrics::io::read_torch(folder.path() / "best.pt").at("weight").as<Tensor>();
  const auto checkpoint = metrics::io::read_torch(folder.path() / "checkpoint.pt");
  CHECK(*checkpoint.at("epoch").as<int64_t>() == 2);
  CHECK(checkpoint.at("kept").as<metrics::io::Object::List>()->size() == 2);
  CHECK(checkpoint.at("best").as<double>() != nullptr);
  CHECK(at::equal(*checkpoint.at("model").at("weight").as<Tensor>(), best));
  run(two_best(options_of(folder.path(), true)));
  const Folder whole;
  run(two_best(options_of(whole.path())));
  for (const char* file : {"best.pt", "last.pt"})
    CHECK(at::equal(*metrics::io::read_torch(folder.path() / file).at("weight").as<Tensor>(),
                    *metrics::io::read_torch(whole.path() / file).at("weight").as<Tensor>()));
  // The table has each epoch once.
  CHECK(metrics_test::lines_of(folder.path() / "values.csv").size() == 4);
}

TEST_CASE("resume: files of values go on as if nothing had been") {
  at::set_num_threads(1);
  const Folder whole, broken;
  run(options_of(whole.path()));
  REQUIRE_FALSE(run(with_checkpoints_within(options_of(broken.path())), Break{1, 3}));
  run(options_of(broken.path(), true));
  CHECK(metrics_test::lines_of(broken.path() / "steps.csv") == metrics_test::lines_of(whole.path() / "steps.csv"));
  const auto without_seconds = [](const std::filesystem::path& table) {
    auto lines = metrics_test::lines_of(table);
    for (std::string& line : lines) line.resize(line.rfind(','));
    return lines;
  };
  CHECK(without_seconds(broken.path() / "values.csv") == without_seconds(whole.path() / "values.csv"));
}

TEST_CASE("resume: a checkpoint opens in Python, with the defaults of torch.load") {
  const Folder folder;
  run(options_of(folder.path()));
  const std::string script =
      "import sys, torch; c = torch.load(sys.argv[1]); net = torch.nn.Linear(2, 3); net.load_state_dict(c['model']); "
      "optimizer = torch.optim.Adam(net.parameters()); optimizer.load_state_dict(c['optimizer']); "
      "assert c['epoch'] == 3 and c['batch'] == 0 and c['step'] == 18 and c['world_size'] == 1, c";
  const std::string command =
      std::string(METRICS_PYTHON) + " -c \"" + script + "\" " + (folder.path() / "checkpoint.pt").string();
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("resume: a run that time has ended within an epoch goes on") {
  at::set_num_threads(1);
  const Ended whole = *run(options_of());
  const Folder folder;
  Options limited = with_checkpoints_within(options_of(folder.path()));
  limited.time_limit = std::chrono::nanoseconds(1);
  CHECK(run(limited)->steps == 2);
  check_same(*run(options_of(folder.path(), true)), whole);
}

/// Goes on from the file that METRICS_TEST_CHECKPOINT names, or is broken off.
WORKER(resumes) {
  const auto world = metrics::init_process_group();
  at::set_num_threads(1);
  const std::filesystem::path folder = std::getenv("METRICS_TEST_FOLDER");
  const std::string what = std::getenv("METRICS_TEST_WHAT");
  if (what == "break within") {
    expect(!run(with_checkpoints_within(options_of(folder)), Break{1, 3}, 48, 4), "a run that is broken off");
    return;
  }
  if (what == "break") {
    expect(!run(options_of(folder), Break{1, 1}, 48, 4), "a run that is broken off");
    return;
  }
  if (what == "refuse") {
    const std::string said =
        metrics_test::message_of<metrics::Error>([&] { run(options_of(folder, true), {}, 48, 4); });
    metrics_test::expect_contains(said, "would have other batches behind them");
    return;
  }
  const Ended resumed = *run(options_of(folder, true), {}, 48, 4);
  if (what == "go on elsewhere") {
    expect(value_of(resumed.values, "validation/loss") > 0, "a value");
    return;
  }
  const Ended whole = *run(options_of(), {}, 48, 4);
  expect(at::allclose(resumed.weight, whole.weight, 0, 1e-6), "the same weights");
  for (size_t i = 0; i < whole.values.size(); ++i)
    expect(at::allclose(resumed.values[i].second, whole.values[i].second, 1e-5, 1e-6),
           "the same " + whole.values[i].first);
}

TEST_CASE("resume: on several ranks, and at an epoch's end on another number of them") {
  const auto ranks = [](const Folder& folder, const char* what, int64_t world) {
    const auto result =
        run_workers("resumes", world, {{"METRICS_TEST_FOLDER", folder.path().string()}, {"METRICS_TEST_WHAT", what}});
    INFO(what << ": " << result.message());
    CHECK(result.ok());
  };
  const Folder within, between;
  ranks(within, "break within", 2);
  ranks(within, "refuse", 1);
  ranks(within, "go on", 2);
  ranks(between, "break", 2);
  std::filesystem::copy_file(between.path() / "checkpoint.pt", between.path() / "kept.pt");
  for (const int64_t world : metrics_test::world_sizes({1, 3})) {
    std::filesystem::copy_file(between.path() / "kept.pt", between.path() / "checkpoint.pt",
                               std::filesystem::copy_options::overwrite_existing);
    ranks(between, "go on elsewhere", world);
  }
}
