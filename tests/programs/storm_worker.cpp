// One rank of scripts/storm.py: makes groups and computes over them, and says on its output what came of each call, a line each.
// SIGUSR1 cuts all its connections off. It ends with 0 whatever the other ranks do to it, unless a call gave what it must not:
// a wrong value, a changed state, an exception that is no SyncError.
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// Large enough to travel in a collective of its own.
constexpr int64_t rows = 20000;

/// As a link that fails: what listens goes on listening.
void cut_connections(int) {
  for (int file = 3; file < 256; ++file) {
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    if (::getpeername(file, reinterpret_cast<sockaddr*>(&peer), &length) == 0) ::shutdown(file, SHUT_RDWR);
  }
}

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(1, text.data(), text.size()) < 0) ::_exit(4);
}

int64_t number_from(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) throw metrics::Error(std::string(name) + " is not set: scripts/storm.py starts this program");
  return std::stoll(text);
}

/// Says what came of `call`, and how long it took; true where it gave no error.
template <class Call>
bool reported(const std::string& what, const Call& call) {
  say("begin " + what);
  const auto start = Clock::now();
  const auto took = [&] {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
  };
  try {
    call();
    say("value " + what + " " + took());
    return true;
  } catch (const metrics::SyncError& error) {
    say("sync_error " + what + " " + took() + " " + error.what());
    return false;
  }
}

void require(bool condition, const std::string& what) {
  if (!condition) throw metrics::Error("not " + what);
}

template <class M>
auto alone(M metric) {
  auto options = metric.metric_options();
  options.sync_on_compute = false;
  metric.set_metric_options(options);
  return metric.compute();
}

class Storm {
 public:
  void run() {
    const int64_t computes = number_from("STORM_COMPUTES");
    for (int64_t round = number_from("STORM_ROUNDS"); round > 0; --round) {
      std::shared_ptr<metrics::ProcessGroup> group;
      // The group before this one lives until then: rank 0 may serve the meeting point.
      if (!reported("start", [&] { group = metrics::init_process_group({.backend = "gloo", .timeout = timeout_}); })) continue;
      std::swap(group, world_);
      group.reset();
      std::vector<int64_t> all(static_cast<std::size_t>(size_));
      std::iota(all.begin(), all.end(), 0);
      std::shared_ptr<metrics::ProcessGroup> part;
      if (!reported("new_group", [&] { part = world_->new_group(all); })) continue;
      bool well = true;
      for (int64_t i = 0; well && i < computes; ++i) well = compute(i % 2 == 0 ? world_ : part);
      if (well) return;
    }
  }

 private:
  bool compute(const std::shared_ptr<metrics::ProcessGroup>& group) {
    metrics::SumMetric sum({}, {.process_group = group});
    metrics::CatMetric cat({}, {.process_group = group});
    sum.update(static_cast<double>(rank_ + 1));
    cat.update(at::full({rows}, static_cast<double>(rank_), at::kFloat));
    const bool well = reported("compute", [&] {
      require(sum.compute().item<double>() == static_cast<double>(size_ * (size_ + 1) / 2), "the sum over ranks");
      const at::Tensor expected = at::arange(size_, at::kFloat).repeat_interleave(rows);
      require(cat.compute().equal(expected), "the rows of all ranks in rank order");
    });
    require(sum.update_count() == 1 && alone(sum).item<double>() == static_cast<double>(rank_ + 1), "the sum's state as it was");
    require(alone(cat).equal(at::full({rows}, static_cast<double>(rank_), at::kFloat)), "the rows' state as it was");
    return well;
  }

  int64_t rank_ = number_from("RANK");
  int64_t size_ = number_from("WORLD_SIZE");
  std::chrono::milliseconds timeout_{number_from("STORM_TIMEOUT_MS")};
  std::shared_ptr<metrics::ProcessGroup> world_;
};

}  // namespace

int main() {
  struct sigaction cut {};
  cut.sa_handler = cut_connections;
  cut.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &cut, nullptr);
  try {
    Storm().run();
    say("end");
    return 0;
  } catch (const std::exception& error) {
    say(std::string("wrong ") + error.what());
    return 3;
  }
}
