#include "train.h"

#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/checkpoint.h>
#include <metrics/training/loader.h>

#include <torch/torch.h>

#include <algorithm>
#include <iostream>

namespace digits {
namespace {

namespace nn = torch::nn;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::Trainer;
using metrics::training::Batch;
using metrics::training::DistributedSampler;
using metrics::training::in_memory;
using metrics::training::Loader;
using torch::Tensor;

struct NetImpl : nn::Module {
  explicit NetImpl(int64_t num_classes) {
    const auto convolution = [](int64_t in, int64_t out) {
      return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).bias(false));
    };
    // One push_back a line: the order in which arguments are evaluated, and so which layer draws first, is the
    // compiler's.
    body_->push_back(convolution(1, 32));
    body_->push_back(nn::BatchNorm2d(32));
    body_->push_back(nn::ReLU());
    body_->push_back(convolution(32, 64));
    body_->push_back(nn::BatchNorm2d(64));
    body_->push_back(nn::ReLU());
    body_->push_back(nn::MaxPool2d(2));
    // 8 x 8 images pass unchanged; those of MNIST become as small.
    body_->push_back(nn::AdaptiveAvgPool2d(4));
    body_->push_back(nn::Flatten());
    body_->push_back(nn::Dropout(0.3));
    body_->push_back(nn::Linear(64 * 4 * 4, num_classes));
    register_module("body", body_);
  }

  Tensor forward(const Tensor& images) { return body_->forward(images); }

  nn::Sequential body_;
};
TORCH_MODULE(Net);

Tensor pixels(const LabelledImages& images, float white) {
  const auto bytes = torch::from_blob(const_cast<uint8_t*>(images.pixels.data()),
                                      {images.count, 1, images.rows, images.columns}, torch::kUInt8);
  return bytes.to(torch::kFloat32) / white;
}

Tensor labels(const LabelledImages& images) {
  return torch::from_blob(const_cast<uint8_t*>(images.labels.data()), {images.count}, torch::kUInt8).to(torch::kInt64);
}

/// Moves each image by up to one pixel along each axis, filling with black.
Tensor shifted(const Tensor& images) {
  const int64_t rows = images.size(2);
  const int64_t columns = images.size(3);
  const Tensor padded = torch::constant_pad_nd(images, {1, 1, 1, 1});
  const Tensor moves = torch::randint(0, 3, {2, images.size(0), 1});
  const Tensor from_rows = (moves[0] + torch::arange(rows)).unsqueeze(2);
  const Tensor from_columns = (moves[1] + torch::arange(columns)).unsqueeze(1);
  const Tensor image = torch::arange(images.size(0)).view({-1, 1, 1});
  return padded.squeeze(1).index({image, from_rows, from_columns}).unsqueeze(1);
}

/// Rows of images with their labels, dealt to the ranks one by one: some get one more.
Loader loader_of(const Tensor& images, const Tensor& labels, const Tensor& rows, bool shuffle,
                 const TrainOptions& options) {
  return Loader(in_memory(images.index_select(0, rows), labels.index_select(0, rows)),
                DistributedSampler(rows.size(0), {.shuffle = shuffle, .seed = static_cast<int64_t>(options.seed)}),
                {.batch_size = options.batch_size});
}

/// What each rank has, such as "561+560".
std::string shares(const metrics::ProcessGroup& world, const auto& share) {
  std::string text;
  for (int64_t rank = 0; rank < world.world_size(); ++rank) text += (rank > 0 ? "+" : "") + std::to_string(share(rank));
  return text;
}

Tensor scores_of(Net& net, const Tensor& images) {
  const torch::NoGradGuard no_grad;
  net->eval();
  std::vector<Tensor> scores;
  for (const Tensor& batch : images.split(256)) scores.push_back(net->forward(batch));
  return torch::cat(scores);
}

}  // namespace

void train_and_score(const LabelledImages& train, const LabelledImages& test, const TrainOptions& options,
                     const std::filesystem::path& folder, const std::filesystem::path& scores) {
  at::set_num_threads(options.threads);
  torch::manual_seed(options.seed);
  const auto world = metrics::init_process_group({.timeout = std::chrono::minutes(1)});
  const int64_t num_classes = *std::max_element(train.labels.begin(), train.labels.end()) + 1;
  const auto white = static_cast<float>(*std::max_element(train.pixels.begin(), train.pixels.end()));
  const Tensor images = pixels(train, white), targets = labels(train);
  const Tensor kept_back = torch::arange(train.count).remainder(6) == 0;
  Loader training = loader_of(images, targets, kept_back.logical_not().nonzero().flatten(), true, options);
  Loader validation = loader_of(images, targets, kept_back.nonzero().flatten(), false, options);

  Net net(num_classes);
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(options.learning_rate));
  Trainer trainer(net, optimizer,
                  {.epochs = options.epochs,
                   .seed = options.seed,
                   .join = metrics::training::JoinOptions{},
                   .folder = folder,
                   .best = {{"validation/accuracy"}},
                   .terminal = options.terminal});
  trainer.add({.batch_started = [&](Run& run) {
    const auto steps = static_cast<double>(run.epochs * training.batches_of(0));
    const auto step = static_cast<double>(run.epoch * training.batches_of(0) + run.batch);
    for (auto& group : optimizer.param_groups()) group.options().set_lr(options.learning_rate * (1 - step / steps));
  }});
  if (world->rank() == 0) {
    const auto samples = [](const Loader& loader) {
      return [&](int64_t rank) { return loader.sampler().size_of(rank); };
    };
    std::cout << "Training on " << shares(*world, samples(training)) << " images of " << train.rows << " x "
              << train.columns << " pixels by " << world->world_size() << " ranks, in "
              << shares(*world, [&](int64_t rank) { return training.batches_of(rank); }) << " batches of "
              << options.batch_size << " (effectively " << trainer.effective_batch_size(options.batch_size)
              << "); validation on " << shares(*world, samples(validation)) << ", " << test.count << " held out"
              << std::endl;
  }

  const auto train_step = [](auto& model, const Batch& batch) -> Result {
    return {nn::functional::cross_entropy(model.forward(shifted(batch.data)), batch.target)};
  };
  const auto validation_step = [](Net& evaluated, const Batch& batch) -> Result {
    const Tensor logits = evaluated->forward(batch.data);
    const auto each = nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
    return {nn::functional::cross_entropy(logits, batch.target, each), {logits, batch.target}};
  };
  trainer.fit(Stage("train", training, train_step),
              Stage("validation", validation, validation_step,
                    {{"accuracy", metrics::MulticlassAccuracy({.num_classes = num_classes,
                                                               .average = metrics::classification::Average::Micro})},
                     {"AUROC", metrics::MulticlassAUROC({.num_classes = num_classes})}}));

  if (world->rank() > 0) return;
  metrics::training::load_state_dict(*net, metrics::io::read_torch(folder / "best.pt"));
  const Tensor of_test = scores_of(net, pixels(test, white)).contiguous();
  const auto* values = of_test.const_data_ptr<float>();
  write_floats(scores, {{of_test.size(0), of_test.size(1)}, {values, values + of_test.numel()}});
  metrics::io::write_safetensors(folder / "predictions.safetensors",
                                 {.tensors = {{"preds", of_test}, {"target", labels(test)}}, .metadata = {}});
}

}  // namespace digits
