// One rank of a value over many rows, by ranges of them and gathered: prints a JSON line for each on rank 0.
//   scale binary|collection|multiclass|spearman|retrieval ROWS ROUNDS
// ROWS are those of all ranks together, of 100 classes where there are classes, a hundredth of them queries.

#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/ranged_rows.h>
#include <metrics/regression/spearman.h>
#include <metrics/retrieval/average_precision.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

/// The most memory that the process has held since `forget_peak`, and what it holds, in MB.
double in_status(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
  }
  return 0;
}
void forget_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::unique_ptr<metrics::Metric> metric_of(const std::string& kind) {
  if (kind == "binary") return std::make_unique<metrics::BinaryAUROC>();
  if (kind == "multiclass") {
    return std::make_unique<metrics::MulticlassAUROC>(metrics::MulticlassAUROC::Options{.num_classes = 100});
  }
  if (kind == "spearman") return std::make_unique<metrics::SpearmanCorrCoef>();
  if (kind == "retrieval") return std::make_unique<metrics::RetrievalMAP>();
  return std::make_unique<metrics::MetricCollection>(
      metrics::MetricCollection({{"area", metrics::BinaryAUROC()}, {"precision", metrics::BinaryAveragePrecision()}}));
}

metrics::Args drawn(const std::string& kind, int64_t rows, int64_t of_all) {
  if (kind == "multiclass") return {at::randn({rows, 100}), at::randint(100, {rows}, at::kLong)};
  const at::Tensor scores = at::rand({rows}), target = at::randint(2, {rows}, at::kLong);
  if (kind == "spearman") return {scores, scores + at::rand({rows})};
  if (kind == "retrieval") return {scores, target, at::randint(of_all / 100 + 1, {rows}, at::kLong)};
  return {scores, target};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "scale: binary|collection|multiclass|spearman|retrieval ROWS ROUNDS\n";
    return 2;
  }
  const std::string kind = argv[1];
  const int64_t rows = std::stoll(argv[2]);
  const int rounds = std::stoi(argv[3]);
  const auto world = metrics::init_process_group({.backend = "gloo"});
  at::set_num_threads(1);
  at::manual_seed(static_cast<uint64_t>(world->rank()));
  const int64_t own = (world->rank() + 1) * rows / world->world_size() - world->rank() * rows / world->world_size();
  const std::unique_ptr<metrics::Metric> metric = metric_of(kind);
  metric->update(drawn(kind, own, rows));
  metrics::Metric* const one = metric.get();
  for (const bool by_ranges : {true, false}) {
    metrics::set_ranged_bytes(by_ranges ? 0 : std::numeric_limits<int64_t>::max());
    std::vector<double> seconds;
    double memory = 0;
    metrics::CommunicationCounters sent;
    for (int round = 0; round < rounds; ++round) {
      // A row more, so that no value is kept.
      one->update(drawn(kind, 1, rows));
      world->barrier();
      forget_peak();
      const double before = in_status("VmRSS");
      const auto counters = world->counters();
      const auto start = Clock::now();
      one->compute();
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      sent = world->counters() - counters;
      memory = std::max(memory, in_status("VmHWM") - before);
    }
    if (world->rank() > 0) continue;
    std::cout << nlohmann::json{{"kind", kind},
                                {"ranks", world->world_size()},
                                {"way", by_ranges ? "by ranges" : "gathered"},
                                {"seconds", *std::min_element(seconds.begin(), seconds.end())},
                                {"megabytes", memory},
                                {"collectives", sent.collectives},
                                {"sent_megabytes", static_cast<double>(sent.bytes) / 1048576}}
                     .dump()
              << std::endl;
  }
}
