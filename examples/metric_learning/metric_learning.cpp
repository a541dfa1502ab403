// Trains embeddings of handwritten digits that lie somewhere on a larger canvas, so that digits of one class are found
// by a search for the nearest: alone, and on several ranks with `metrics launch -n 2 -- metric_learning`.
//   metric_learning [--save FILE]      trains, and saves the embeddings of the digits that it evaluates
//   metric_learning --evaluate FILE    evaluates saved ones

#include "../digits/idx.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/retrieval/embedding_metrics.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/balance_sampler.h>
#include <metrics/training/batch_shards.h>
#include <metrics/training/embedder.h>
#include <metrics/training/embedding_dataset.h>
#include <metrics/training/loader.h>
#include <metrics/training/triplet_loss.h>

#include <torch/torch.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace nn = torch::nn;
using namespace metrics::training;
using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::Trainer;
using torch::Tensor;

constexpr int64_t kMost = 2;  // pixels by which an image is moved along each axis
constexpr int64_t kEpochs = 150;

struct Samples {
  Tensor images;  // [N, 1, rows, columns]
  Tensor labels;  // [N]
};

Samples samples_of(const digits::LabelledImages& read) {
  const auto tensor = [](const std::vector<uint8_t>& bytes, at::IntArrayRef sizes) {
    return torch::from_blob(const_cast<uint8_t*>(bytes.data()), sizes, torch::kUInt8);
  };
  return {tensor(read.pixels, {read.count, 1, read.rows, read.columns}).to(torch::kFloat32) / 16,
          tensor(read.labels, {read.count}).to(torch::kInt64)};
}

/// Puts each image somewhere on a canvas that is larger on all sides.
Tensor moved(const Tensor& images) {
  const int64_t rows = images.size(2) + 2 * kMost, columns = images.size(3) + 2 * kMost;
  const Tensor padded = torch::constant_pad_nd(images, {2 * kMost, 2 * kMost, 2 * kMost, 2 * kMost});
  const Tensor moves = torch::randint(0, 2 * kMost + 1, {2, images.size(0), 1});
  const Tensor from_rows = (moves[0] + torch::arange(rows)).unsqueeze(2);
  const Tensor from_columns = (moves[1] + torch::arange(columns)).unsqueeze(1);
  const Tensor image = torch::arange(images.size(0)).view({-1, 1, 1});
  return padded.squeeze(1).index({image, from_rows, from_columns}).unsqueeze(1);
}

nn::Sequential backbone() {
  const auto convolution = [](int64_t in, int64_t out) { return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1)); };
  nn::Sequential layers;
  layers->push_back(convolution(1, 16));
  layers->push_back(nn::ReLU());
  layers->push_back(convolution(16, 32));
  layers->push_back(nn::ReLU());
  layers->push_back(nn::MaxPool2d(2));
  layers->push_back(convolution(32, 32));
  layers->push_back(nn::ReLU());
  layers->push_back(nn::AdaptiveAvgPool2d(3));
  layers->push_back(nn::Flatten());
  layers->push_back(nn::Linear(32 * 3 * 3, 16));
  return layers;
}

using Extractor = Embedder<nn::Sequential>;

/// How well samples are found by embeddings, which `embed` makes of a batch: over all ranks, each sample once.
double map_at_5(const Loader& loader, const std::function<Tensor(const Tensor&)>& embed) {
  const torch::NoGradGuard no_grad;
  metrics::EmbeddingMetrics found({.map_top_k = {5}, .num_samples = loader.sampler().dataset_size()});
  for (const Batch& batch : loader) {
    found.update(embed(batch.data), batch.target, batch.columns.at("is_query"), batch.columns.at("is_gallery"),
                 std::nullopt, std::nullopt, batch.rows());
  }
  return found.compute().at("OVERALL/map/5").item<double>();
}

/// Digits that are searched for among each other.
Loader to_evaluate(const Tensor& data, const Tensor& labels) {
  const Tensor each = torch::ones({labels.size(0)}, torch::kBool);
  return Loader(query_gallery(labelled(data, labels), {.is_query = each, .is_gallery = each}),
                DistributedSampler(labels.size(0), {.shuffle = false}), {.batch_size = 64});
}

void print(const std::string& when, double map) {
  if (metrics::default_process_group()->rank() > 0) return;
  std::cout << when << ": map@5 " << std::fixed << std::setprecision(3) << map << std::endl;
}

void evaluate(const fs::path& saved) {
  const auto world = metrics::init_process_group();
  std::vector<Tensor> read;
  torch::load(read, saved.string());
  const double map = map_at_5(to_evaluate(read.at(0), read.at(1)), [](const Tensor& embeddings) { return embeddings; });
  print("saved", map);
  if (world->rank() == 0) std::cout << "in full: " << std::hexfloat << map << std::endl;
}

void train(const std::optional<fs::path>& save) {
  const fs::path data = digits::shipped_data();
  at::set_num_threads(1);
  torch::manual_seed(1);
  const auto world = metrics::init_process_group();
  const Samples train = samples_of(digits::read_images(data, "train"));
  Samples val = samples_of(digits::read_images(data, "t10k"));
  val.images = moved(val.images);

  // model
  const auto extractor = std::make_shared<Extractor>(backbone(), EmbedderOptions{.normalisation = Normalisation::L2});

  // train
  torch::optim::Adam optimizer(extractor->parameters(), torch::optim::AdamOptions(3e-3));
  TripletLossWithMiner criterion({.margin = 0.5}, AllTripletsMiner());
  const BalanceSampler batch_sampler(train.labels, {.n_labels = 5, .n_instances = 8, .seed = 1});
  Loader train_loader(labelled(train.images, train.labels), BatchShards(batch_sampler));

  // val
  const Loader val_loader = to_evaluate(val.images, val.labels);
  const auto embed = [&](const Tensor& images) { return extractor->forward(images); };
  const auto evaluated = [&](const auto& what) {
    extractor->eval();
    const auto result = what();
    extractor->train();
    return result;
  };
  const auto map = [&] { return map_at_5(val_loader, embed); };
  const metrics::trainer::Callback metric_callback{
      .run_started = [&](Run&) { print("before training", evaluated(map)); },
      .run_ended =
          [&](Run& ended) {
            const auto loss = std::to_string(ended.values.back().second.item<float>());
            print("after training, at a loss of " + loss, evaluated(map));
          },
  };
  print("raw pixels", map_at_5(val_loader, [](const Tensor& images) { return images.flatten(1); }));

  // run
  Trainer trainer(extractor, optimizer, {.epochs = kEpochs, .seed = 1, .console = nullptr});
  trainer.add(metric_callback);
  trainer.fit(Stage("train", train_loader, [&](auto& model, const Batch& batch) -> Result {
    return {criterion(model.forward(moved(batch.data)), batch.target)};
  }));
  if (save && world->rank() == 0) {
    const torch::NoGradGuard no_grad;
    torch::save(std::vector<Tensor>{evaluated([&] { return embed(val.images); }), val.labels}, save->string());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 2 && arguments[0] == "--evaluate") {
      evaluate(arguments[1]);
    } else if (arguments.empty() || (arguments.size() == 2 && arguments[0] == "--save")) {
      train(arguments.empty() ? std::nullopt : std::optional<fs::path>(arguments[1]));
    } else {
      throw metrics::Error("usage: metric_learning [--save FILE | --evaluate FILE]");
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "metric_learning: " << error.what() << "\n";
    return 1;
  }
}
