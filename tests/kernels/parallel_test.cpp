#include "kernels/parallel.h"

#include <ATen/ops/ones.h>

#include <doctest/doctest.h>
#include <link.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

/// Sets LibTorch's number of threads for as long as it lives.
class Threads {
 public:
  explicit Threads(int count) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_ = at::get_num_threads();
};

}  // namespace

TEST_CASE("kernels: an error in one part of a parallel loop reaches the caller, and the next loop is a whole one") {
  const Threads four(4);
  CHECK_THROWS_WITH_AS(metrics::kernels::parallel_for(4000, 1,
                                                      [](int64_t begin, int64_t) {
                                                        if (begin > 0) throw std::runtime_error("in a part");
                                                      }),
                       "in a part", std::runtime_error);
  std::vector<int> seen(4000, 0);
  metrics::kernels::parallel_for(4000, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
  });
  CHECK(seen == std::vector<int>(4000, 1));
}

TEST_CASE("kernels: a parallel loop runs in as many threads as LibTorch has, and none within another") {
  const Threads three(3);
  std::mutex adding;
  std::set<std::thread::id> threads;
  std::set<int> numbers;
  std::vector<std::pair<int64_t, int64_t>> parts;
  bool within = true;
  metrics::kernels::parallel_for(10, 2, [&](int64_t begin, int64_t end) {
    int calls = 0;
    metrics::kernels::parallel_for(1000, 1, [&](int64_t, int64_t) { ++calls; });
    const std::lock_guard lock(adding);
    threads.insert(std::this_thread::get_id());
    numbers.insert(at::get_thread_num());
    parts.emplace_back(begin, end);
    within = within && at::in_parallel_region() && calls == 1;
  });
  CHECK(threads.size() == 3);
  CHECK(numbers == std::set{0, 1, 2});
  CHECK(within);
  CHECK_FALSE(at::in_parallel_region());
  int64_t covered = 0;
  for (const auto& [begin, end] : parts) covered += end - begin;
  CHECK(covered == 10);

  // Not more parts than are worth it.
  parts.clear();
  metrics::kernels::parallel_for(10, 5, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(adding);
    parts.emplace_back(begin, end);
  });
  CHECK(parts.size() == 2);
  // Nor any of nothing.
  metrics::kernels::parallel_for(0, 5, [&](int64_t, int64_t) { parts.clear(); });
  CHECK(parts.size() == 2);
}

TEST_CASE("kernels: there is one OpenMP runtime in the process, LibTorch's") {
  // Two would start threads of their own each, and wait for one another's without end.
  at::ones({1 << 20}).sum();
  std::vector<std::string> runtimes;
  dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* found) {
        const std::string path = library->dlpi_name;
        const std::string name = path.substr(path.rfind('/') + 1);
        for (const char* runtime : {"libgomp", "libomp", "libiomp"}) {
          if (name.starts_with(runtime)) static_cast<std::vector<std::string>*>(found)->push_back(path);
        }
        return 0;
      },
      &runtimes);
  CAPTURE(runtimes.size());
  REQUIRE_FALSE(runtimes.empty());
  CAPTURE(runtimes.back());
  CHECK(runtimes.size() == 1);
}
