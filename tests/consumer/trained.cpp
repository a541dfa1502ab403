// A project that trains with the installed trainer.
#include <metrics/trainer/trainer.h>
#include <metrics/training/loader.h>

#include <ATen/ops/ones.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

int main() {
  using namespace metrics::training;
  const auto world = metrics::init_process_group();
  torch::nn::Linear net(2, 1);
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  Loader loader(in_memory(at::ones({8, 2})), DistributedSampler(8), {.batch_size = 2});
  metrics::trainer::Trainer trainer(net, optimizer, {.epochs = 5});
  const auto values = trainer.fit(
      metrics::trainer::Stage("train", loader, [](auto& model, const Batch& batch) -> metrics::trainer::Result {
        return {model.forward(batch.data).square().mean()};
      }));
  return values.at(0).second.item<float>() < 0.01 ? 0 : 1;
}
