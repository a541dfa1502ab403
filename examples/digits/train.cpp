#include "train.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <iomanip>

namespace digits {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

struct Net : nn::Module {
  explicit Net(int64_t num_classes) {
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

}  // namespace

Tensor train_and_score(const LabelledImages& train, const LabelledImages& test, const TrainOptions& options,
                       std::ostream& log) {
  at::set_num_threads(options.threads);
  torch::manual_seed(options.seed);
  const auto start = std::chrono::steady_clock::now();
  const int64_t num_classes = *std::max_element(train.labels.begin(), train.labels.end()) + 1;
  const auto white = static_cast<float>(*std::max_element(train.pixels.begin(), train.pixels.end()));
  const Tensor train_images = pixels(train, white);
  const Tensor train_labels = labels(train);

  Net net(num_classes);
  torch::optim::Adam optimizer(net.parameters(), torch::optim::AdamOptions(options.learning_rate));
  const int64_t steps = options.epochs * ((train.count + options.batch_size - 1) / options.batch_size);
  int64_t step = 0;
  for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    net.train();
    double loss_sum = 0;
    for (const Tensor& rows : torch::randperm(train.count).split(options.batch_size)) {
      const double remaining = 1 - static_cast<double>(step++) / static_cast<double>(steps);
      static_cast<torch::optim::AdamOptions&>(optimizer.param_groups()[0].options())
          .lr(options.learning_rate * remaining);
      optimizer.zero_grad();
      const Tensor loss = nn::functional::cross_entropy(net.forward(shifted(train_images.index_select(0, rows))),
                                                        train_labels.index_select(0, rows));
      loss.backward();
      optimizer.step();
      loss_sum += loss.item<double>() * static_cast<double>(rows.size(0));
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    log << "  epoch " << std::setw(2) << epoch << " of " << options.epochs << "   training loss " << std::fixed
        << std::setprecision(4) << loss_sum / static_cast<double>(train.count) << "   " << std::setprecision(1)
        << elapsed.count() << " s" << std::endl;
  }

  torch::NoGradGuard no_grad;
  net.eval();
  std::vector<Tensor> scores;
  for (const Tensor& batch : pixels(test, white).split(256)) scores.push_back(net.forward(batch));
  return torch::cat(scores);
}

}  // namespace digits
