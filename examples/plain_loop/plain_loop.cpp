// Metrics in a plain LibTorch loop: alone, and on several ranks with `metrics launch -n 2 -- plain_loop`.
#include <metrics/metrics.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/loader.h>

#include <torch/torch.h>

using namespace metrics::training;

/// Trains `net` by `forward`, which is the net itself or its averaging over ranks, and evaluates each sample once.
template <class Forward>
void train(torch::nn::Linear net, Forward forward, Loader loader, Loader held_out) {
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  metrics::MulticlassAccuracy accuracy({.num_classes = 2});
  metrics::MeanMetric loss;
  for (int epoch = 0; epoch < 8; ++epoch) {
    loader.set_epoch(epoch);
    loss.reset();
    for (const Batch& batch : loader) {
      optimizer.zero_grad();
      const auto cost = torch::nn::functional::cross_entropy(forward(batch.data), batch.target);
      cost.backward();
      optimizer.step();
      loss.update(cost.detach(), batch.size());
    }
  }
  const torch::NoGradGuard no_grad;
  for (const Batch& batch : held_out) accuracy.update(net->forward(batch.data), batch.target, batch.rows());
  metrics::synchronize(accuracy, loss);  // one collective for both
  std::cout << "loss " << loss.compute().item<float>() << ", accuracy " << accuracy.compute().item<float>() << "\n";
}

int main() {
  const auto world = metrics::init_process_group();
  const auto x = torch::sin(torch::arange(202.0)).view({101, 2}), y = (x.sum(1) > 0).to(torch::kLong);
  const Loader loader(in_memory(x, y), DistributedSampler(101, {.remainder = Remainder::Drop}), {.batch_size = 10});
  const Loader held_out(in_memory(x, y), DistributedSampler(101, {.shuffle = false}), {.batch_size = 10});
  torch::manual_seed(1);
  torch::nn::Linear net(2, 2);
  if (world->world_size() == 1) return train(net, net, loader, held_out), 0;
  train(net, DistributedDataParallel(net), loader, held_out);
}
