// Trains embeddings of handwritten digits that lie somewhere on a larger canvas, so that digits of one class are found
// by a search for the nearest: alone, and on several ranks with `metrics launch -n 2 -- metric_learning`.

#include "../digits/idx.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/balance_sampler.h>
#include <metrics/training/batch_shards.h>
#include <metrics/training/embedder.h>
#include <metrics/training/embedding_dataset.h>
#include <metrics/training/gather.h>
#include <metrics/training/loader.h>
#include <metrics/training/triplet_loss.h>

#include <torch/torch.h>

#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
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

/// The images that the repository ships, found from the program upwards.
fs::path shipped_data() {
  for (fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();; folder = folder.parent_path()) {
    const fs::path data = folder / "examples" / "digits" / "data";
    if (fs::exists(data)) return data;
    if (folder == folder.parent_path()) throw metrics::Error("the digits are not above this program: say their folder");
  }
}

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

/// The mean average precision at 5 of a search among all other samples.
double map_at_5(const Tensor& embeddings, const Tensor& labels) {
  constexpr int64_t k = 5;
  const Tensor distances = torch::cdist(embeddings, embeddings).fill_diagonal_(1e9);
  const Tensor nearest = std::get<1>(distances.topk(k, 1, /*largest=*/false));
  const Tensor hits =
      (labels.index_select(0, nearest.flatten()).view({-1, k}) == labels.unsqueeze(1)).to(torch::kDouble);
  const Tensor precisions = hits.cumsum(1) / torch::arange(1, k + 1);
  return ((precisions * hits).sum(1) / hits.sum(1).clamp_min(1)).mean().item<double>();
}

/// What this rank's samples become, gathered from all ranks: each sample comes once.
double evaluated(Extractor& extractor, const Loader& loader) {
  const torch::NoGradGuard no_grad;
  extractor.eval();
  std::vector<Tensor> embeddings, labels;
  for (const Batch& batch : loader) {
    embeddings.push_back(extractor.forward(batch.data));
    labels.push_back(batch.target);
  }
  extractor.train();
  const auto all = gather_rows({torch::cat(embeddings), torch::cat(labels)});
  return map_at_5(all.tensors[0], all.tensors[1]);
}

void run(const fs::path& data) {
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
  const Tensor each = torch::ones({val.labels.size(0)}, torch::kBool);  // is searched for, and among the others
  const Loader val_loader(query_gallery(labelled(val.images, val.labels), {.is_query = each, .is_gallery = each}),
                          DistributedSampler(val.labels.size(0), {.shuffle = false}), {.batch_size = 64});
  const auto print = [&](const std::string& when, double map) {
    if (world->rank() == 0) std::cout << when << ": map@5 " << std::fixed << std::setprecision(3) << map << std::endl;
  };
  const metrics::trainer::Callback metric_callback{
      .run_started = [&](Run&) { print("before training", evaluated(*extractor, val_loader)); },
      .run_ended =
          [&](Run& ended) {
            const auto loss = std::to_string(ended.values.back().second.item<float>());
            print("after training, at a loss of " + loss, evaluated(*extractor, val_loader));
          },
  };
  print("raw pixels", map_at_5(val.images.flatten(1), val.labels));

  // run
  Trainer trainer(extractor, optimizer, {.epochs = kEpochs, .seed = 1, .console = nullptr});
  trainer.add(metric_callback);
  trainer.fit(Stage("train", train_loader, [&](auto& model, const Batch& batch) -> Result {
    return {criterion(model.forward(moved(batch.data)), batch.target)};
  }));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? fs::path(argv[1]) : shipped_data());
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "metric_learning: " << error.what() << "\n";
    return 1;
  }
}
