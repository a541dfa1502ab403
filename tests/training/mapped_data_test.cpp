#include "distributed/worker.h"
#include "trainer/folder.h"
#include <metrics/distributed/process_group.h>
#include <metrics/io/files.h>
#include <metrics/training/loader.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

using at::Tensor;
using metrics_test::expect;
using metrics_test::Folder;

namespace {

/// What this process has of the memory that is a map of `file`, in KiB by the names of /proc/self/smaps.
std::map<std::string, int64_t> memory_of(const std::filesystem::path& file) {
  std::map<std::string, int64_t> sums;
  std::ifstream maps("/proc/self/smaps");
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (!name.ends_with(':')) {
      ours = line.ends_with(" " + file.string());
    } else if (int64_t kib = 0; ours && words >> kib) {
      sums[name.substr(0, name.size() - 1)] += kib;
    }
  }
  return sums;
}

/// What this process has for itself of all its memory, in KiB.
int64_t private_memory() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  int64_t sum = 0;
  for (std::string line; std::getline(rollup, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t kib = 0;
    if (words >> name >> kib && name.starts_with("Private_")) sum += kib;
  }
  return sum;
}

}  // namespace

// docs/lightning_notes.md has what this prints of two ranks with MIB=256. Data of one file, a whole epoch of it read by
// each rank: mapped, the ranks have its pages together; read, each has its own.
WORKER(maps_data) {
  const auto world = metrics::init_process_group({.timeout = metrics_test::long_timeout});
  const std::filesystem::path file = std::getenv("FILE");
  const char* mib = std::getenv("MIB");
  const int64_t kib = 1024 * (mib == nullptr ? 32 : std::stoll(mib)), samples = kib;
  if (world->rank() == 0) {
    const Tensor data = at::ones({samples, 256});
    metrics::io::write_safetensors(file, {{{"data", data}, {"target", at::arange(samples)}}, {}});
  }
  world->barrier();
  const auto epoch = [&](const metrics::io::Safetensors& content) {
    metrics::training::Loader loader(
        metrics::training::in_memory(content.tensors.at("data"), content.tensors.at("target")),
        metrics::training::DistributedSampler(samples, {.num_replicas = 1, .rank = 0}), {.batch_size = 256});
    Tensor sum = at::zeros({}, at::kDouble), targets = at::zeros({}, at::kLong);
    for (const auto& batch : loader) {
      sum += batch.data.sum(at::kDouble);
      targets += batch.target.sum();
    }
    expect(sum.item<double>() == static_cast<double>(256 * samples), "all data");
    expect(targets.item<int64_t>() == samples * (samples - 1) / 2, "all targets");
  };
  const int64_t before = private_memory();
  const auto mapped = metrics::io::map_safetensors(file);
  epoch(mapped);
  world->barrier();  // all have looked at all of it
  const int64_t of_mapped = private_memory() - before;
  auto memory = memory_of(file);
  world->barrier();
  const auto read = metrics::io::read_safetensors(file);
  epoch(read);
  const int64_t of_read = private_memory() - before - of_mapped;
  std::cout << "of " << kib << " KiB: resident " << memory["Rss"] << ", private "
            << memory["Private_Clean"] + memory["Private_Dirty"] << ", proportional " << memory["Pss"]
            << "; private memory grew by " << of_mapped << " mapped, by " << of_read << " read\n";
  expect(memory["Rss"] >= kib / 2, "all of it in memory");
  expect(memory["Private_Clean"] + memory["Private_Dirty"] <= kib / 16, "pages that all ranks have together");
  expect(of_read >= kib / 2, "a copy of its own where it is read");
  world->barrier();
}

TEST_CASE("data that are mapped are in memory once for all ranks of a machine") {
  const Folder folder;
  for (const int64_t ranks : metrics_test::world_sizes({2, 3})) {
    const auto result = metrics_test::run_workers("maps_data", ranks, {{"FILE", folder.path() / "data.safetensors"}});
    metrics_test::check_survived(result);
  }
}
