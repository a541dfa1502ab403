// Catalyst's example of classification under DistributedDataParallel, step by step (docs/catalyst.md shows the two side
// by side): alone, and on several ranks with `metrics launch -n 2 -- catalyst`.
//   catalyst [--data FOLDER] [--logdir FOLDER] [--num-epochs N] [--resume]    trains; FOLDER has files named as MNIST's
//   catalyst --evaluate FILE [--data FOLDER]                                   evaluates saved weights
#include "../digits/idx.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/trainer/callbacks/classification.h>
#include <metrics/trainer/loggers/tensorboard.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/checkpoint.h>
#include <metrics/training/loader.h>

#include <torch/torch.h>

#include <CLI/CLI.hpp>

#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace {

namespace fs = std::filesystem;
namespace nn = torch::nn;
namespace trainer = metrics::trainer;
using namespace metrics::training;
using trainer::Result;
using trainer::Stage;

constexpr int64_t num_classes = 10;

struct Arguments {
  fs::path data{}, logdir{}, evaluate{};
  int64_t num_epochs = 4;
  bool resume = false;
};

/// What a batch of a dataset is: "features" and "targets".
Source dataset(const fs::path& data, const std::string& set) {
  const auto images = digits::read_images(data, set);
  const auto pixels =
      torch::tensor(at::ArrayRef<uint8_t>(images.pixels)).view({images.count, images.rows * images.columns});
  const auto features = pixels.to(torch::kFloat32) / pixels.max();
  return in_memory(features, torch::tensor(at::ArrayRef<uint8_t>(images.labels)).to(torch::kInt64));
}

/// Datasets are made in each process, and a loader deals them to the ranks: shuffled for the training, each sample
/// once.
Loader loader(const fs::path& data, const std::string& set) {
  Source source = dataset(data, set);
  const int64_t size = source.size;
  return Loader(std::move(source), DistributedSampler(size, {.shuffle = set == "train"}), {.batch_size = 32});
}

nn::Sequential model_of(int64_t features) {
  nn::Sequential model;
  model->push_back(nn::Linear(features, 64));
  model->push_back(nn::ReLU());
  model->push_back(nn::Linear(64, num_classes));
  return model;
}

/// SupervisedRunner(input_key="features", output_key="logits", target_key="targets", loss_key="loss").
const auto supervised = [](auto& model, const Batch& batch) -> Result {
  const torch::Tensor logits = model.forward(batch.data);
  return {nn::functional::cross_entropy(logits, batch.target),
          {},
          {{"logits", logits.detach()}, {"targets", batch.target}}};
};
const auto supervised_valid = [](auto& model, const Batch& batch) -> Result {
  const torch::Tensor logits = model->forward(batch.data);
  const auto each = nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
  return {
      nn::functional::cross_entropy(logits, batch.target, each), {}, {{"logits", logits}, {"targets", batch.target}}};
};

void print(const trainer::StageValues& values, int64_t rank) {
  if (rank != 0) return;
  for (const auto& [name, value] : values)
    if (value.numel() == 1) std::cout << name << " " << std::setprecision(6) << value.item<double>() << "\n";
}

void run(const Arguments& arguments) {
  const auto world = metrics::init_process_group();
  torch::manual_seed(1);
  Loader train = loader(arguments.data, "train"), valid = loader(arguments.data, "t10k");
  nn::Sequential model = model_of(valid.begin()->data.size(1));
  torch::optim::Adam optimizer(model->parameters(), torch::optim::AdamOptions(0.02));

  trainer::Options options;
  options.epochs = arguments.num_epochs;
  options.folder = arguments.logdir;
  options.best = {{"valid/loss"}};
  options.join = JoinOptions{};  // the ranks' shares differ by a sample, and by a batch
  if (arguments.resume) options.resume = arguments.logdir / "checkpoint.pt";
  if (!arguments.logdir.empty())
    options.loggers.push_back(std::make_shared<trainer::TensorBoardLogger>(arguments.logdir));
  trainer::Trainer runner(model, optimizer, options);
  runner.add(trainer::accuracy_callback({.num_classes = num_classes}));
  runner.add(trainer::precision_recall_f1_support_callback({.num_classes = num_classes}));
  runner.add(trainer::auc_callback({.num_classes = num_classes}));
  runner.add(trainer::confusion_matrix_callback({.num_classes = num_classes, .stages = {"valid"}}));

  if (!arguments.evaluate.empty()) {
    load_state_dict(*model, metrics::io::read_torch(arguments.evaluate));
    print(runner.evaluate(Stage("valid", valid, supervised_valid)), world->rank());
    return;
  }
  print(runner.fit(Stage("train", train, supervised), Stage("valid", valid, supervised_valid)), world->rank());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a classifier of digits as Catalyst's example does");
  Arguments arguments;
  app.add_option("--data", arguments.data, "Folder of IDX files named as MNIST's, plain or .gz [the digits shipped]");
  app.add_option("--logdir", arguments.logdir, "Where values, weights and checkpoints go [nowhere]");
  app.add_option("--num-epochs", arguments.num_epochs, "Epochs")->capture_default_str();
  app.add_option("--evaluate", arguments.evaluate, "Saved weights to evaluate in place of a training");
  app.add_flag("--resume", arguments.resume, "Goes on from the checkpoint in --logdir");
  CLI11_PARSE(app, argc, argv);
  try {
    if (arguments.data.empty()) arguments.data = digits::shipped_data();
    run(arguments);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "catalyst: " << error.what() << "\n";
    return 1;
  }
}
