// One rank of the training that bench/training/run.py compares: ours. Prints a JSON line for each way, on rank 0.
//   training MODEL ROUNDS IMAGES LABELS     (raw float32 [N, 64] and int64 [N])

#include <metrics/distributed/process_group.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>
#include <metrics/training/loader.h>

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace nn = torch::nn;
using namespace metrics::training;
using Clock = std::chrono::steady_clock;

constexpr int64_t batch_size = 32;

/// The nets of theirs.py.
nn::Sequential net_of(const std::string& model) {
  nn::Sequential net;
  if (model == "small") {
    net->push_back(nn::Unflatten(nn::UnflattenOptions(1, {1, 8, 8})));
    net->push_back(nn::Conv2d(nn::Conv2dOptions(1, 32, 3).padding(1)));
    net->push_back(nn::ReLU());
    net->push_back(nn::Conv2d(nn::Conv2dOptions(32, 64, 3).padding(1)));
    net->push_back(nn::ReLU());
    net->push_back(nn::MaxPool2d(2));
    net->push_back(nn::Flatten());
    net->push_back(nn::Linear(64 * 4 * 4, 10));
  } else {
    net->push_back(nn::Linear(64, 2240));
    net->push_back(nn::ReLU());
    net->push_back(nn::Linear(2240, 2240));
    net->push_back(nn::ReLU());
    net->push_back(nn::Linear(2240, 2240));
    net->push_back(nn::ReLU());
    net->push_back(nn::Linear(2240, 10));
  }
  return net;
}

template <class T>
torch::Tensor read(const char* path, torch::Dtype dtype) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  return torch::from_blob(const_cast<char*>(bytes.data()), {static_cast<int64_t>(bytes.size() / sizeof(T))}, dtype)
      .clone();
}

/// The loader's batches, without saying how many there are.
struct Unknown {
  auto begin() { return loader.begin(); }
  auto end() { return loader.end(); }
  void set_epoch(int64_t epoch) { loader.set_epoch(epoch); }
  Loader& loader;
};

struct Epochs {
  std::vector<double> seconds;
  metrics::CommunicationCounters gradients, join;  // of the last
};

template <class Batches>
Epochs by_hand(const metrics::ProcessGroup& world, const std::string& model, int64_t rounds, Batches& loader,
               const std::optional<JoinOptions>& options) {
  torch::manual_seed(1);
  nn::Sequential net = net_of(model);
  torch::optim::SGD optimizer(net->parameters(), 0.01);
  DistributedDataParallel ddp(net);
  Epochs epochs;
  for (int64_t epoch = 0; epoch <= rounds; ++epoch) {
    loader.set_epoch(epoch);
    const auto before = world.c10d_counters();
    const auto start = Clock::now();
    std::optional<Join> join;
    if (options) join.emplace(std::vector<JoinableRef>{ddp}, *options);
    for (const Batch& batch : loader) {
      optimizer.zero_grad();
      nn::functional::cross_entropy(ddp(batch.data), batch.target).backward();
      optimizer.step();
    }
    if (join) join->finish();
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    if (epoch > 0) epochs.seconds.push_back(elapsed.count());  // the first one warms up
    epochs.gradients = world.c10d_counters() - before;
    if (join) epochs.join = join->counters();
  }
  return epochs;
}

Epochs by_trainer(const std::string& model, int64_t rounds, Loader& loader) {
  torch::manual_seed(1);
  nn::Sequential net = net_of(model);
  torch::optim::SGD optimizer(net->parameters(), 0.01);
  metrics::trainer::Trainer trainer(net, optimizer, {.epochs = rounds + 1, .console = nullptr});
  Epochs epochs;
  Clock::time_point start;
  trainer.add({.epoch_started = [&](metrics::trainer::Run&) { start = Clock::now(); },
               .epoch_ended = [&](metrics::trainer::Run& run) {
                 const std::chrono::duration<double> elapsed = Clock::now() - start;
                 if (run.epoch > 0) epochs.seconds.push_back(elapsed.count());
               }});
  const auto step = [](auto& ddp, const Batch& batch) -> metrics::trainer::Result {
    return {nn::functional::cross_entropy(ddp.forward(batch.data), batch.target)};
  };
  trainer.fit(metrics::trainer::Stage("train", loader, step));
  return epochs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: training MODEL ROUNDS IMAGES LABELS\n";
    return 2;
  }
  at::set_num_threads(1);
  const std::string model = argv[1];
  const int64_t rounds = std::stoll(argv[2]);
  const auto world = metrics::init_process_group();
  const auto images = read<float>(argv[3], torch::kFloat).view({-1, 64});
  const auto labels = read<int64_t>(argv[4], torch::kLong);
  Loader loader(in_memory(images, labels), DistributedSampler(images.size(0), {.remainder = Remainder::Pad}),
                {.batch_size = batch_size});
  Unknown unknown{loader};

  const auto report = [&](const char* way, const Epochs& epochs) {
    if (world->rank() > 0) return;
    std::cout << nlohmann::json({{"way", way},
                                 {"steps", loader.size()},
                                 {"seconds", epochs.seconds},
                                 {"collectives", epochs.gradients.collectives},
                                 {"bytes", epochs.gradients.bytes},
                                 {"join_collectives", epochs.join.collectives},
                                 {"join_bytes", epochs.join.bytes}})
                     .dump()
              << std::endl;
  };
  report("plain", by_hand(*world, model, rounds, loader, std::nullopt));
  report("join", by_hand(*world, model, rounds, loader, JoinOptions{.batches = loader.size()}));
  report("join, unknown", by_hand(*world, model, rounds, unknown, JoinOptions{}));
  report("trainer", by_trainer(model, rounds, loader));
}
