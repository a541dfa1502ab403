// A metric in a training loop of one process: the shortest there is.
#include <metrics/metrics.h>

#include <torch/torch.h>

int main() {
  const auto x = torch::randn({1000, 2}), y = (x.sum(1) > 0).to(torch::kLong);
  torch::nn::Linear net(2, 2);
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  metrics::MulticlassAccuracy accuracy({.num_classes = 2});
  for (int epoch = 0; epoch < 50; ++epoch, optimizer.step()) {
    optimizer.zero_grad();
    const auto scores = net->forward(x);
    torch::nn::functional::cross_entropy(scores, y).backward();
    accuracy.reset();
    accuracy.update(scores.detach(), y);
  }
  std::cout << "accuracy " << accuracy.compute().item<float>() << "\n";
}
