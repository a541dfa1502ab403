#include <metrics/core/errors.h>
#include <metrics/trainer/ranks.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <sstream>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace metrics::trainer {
namespace {

using namespace std::chrono_literals;
using Store = c10::intrusive_ptr<c10d::Store>;

constexpr size_t broadcast_bytes = size_t{250} << 20;  // as much as Python sends at once
constexpr auto interval = 100ms;                       // between looks at the store
constexpr auto patience = 2s;                          // for a rank to say where it is

/// A rank's progress as a line of the store: what it was doing, and in words where.
struct Said {
  Progress::Doing doing = Progress::Doing::Starting;
  std::string where;

  static Said of(const Progress& progress) {
    std::ostringstream text;
    const auto epoch = [&]() -> std::ostream& { return text << "epoch " << progress.epoch + 1 << ", "; };
    switch (progress.doing) {
      case Progress::Doing::Starting:
        text << "the start" << (progress.epoch > 0 ? " of epoch " + std::to_string(progress.epoch + 1) : "");
        break;
      case Progress::Doing::Training:
      case Progress::Doing::Evaluating:
        epoch() << "batch " << progress.batch + 1 << " of " << progress.stage;
        break;
      case Progress::Doing::Trained:
        epoch() << "after " << progress.batch << " batches of " << progress.stage;
        break;
      case Progress::Doing::Callback:
        epoch() << "callback " << progress.callback;
        break;
      case Progress::Doing::Ending:
        epoch() << "its end";
        break;
    }
    return {progress.doing, text.str()};
  }
  std::string encoded() const { return std::to_string(static_cast<int>(doing)) + " " + where; }
  static Said decoded(const std::string& text) {
    return {static_cast<Progress::Doing>(std::stoi(text)), text.substr(text.find(' ') + 1)};
  }
};

/// Whether one still trains and the other has ended its training.
bool trains(Progress::Doing a, Progress::Doing b) {
  using enum Progress::Doing;
  return (a == Training && b == Trained) || (a == Trained && b == Training);
}

std::string key(const char* what, int64_t rank) {
  return std::string(what) + "/" + std::to_string(rank);
}

}  // namespace

/// A run's part of the store, and the thread that looks there whether a rank has failed.
class Ranks::Watch {
 public:
  Watch(Store store, int64_t rank, int64_t world_size)
      : store_(std::move(store)), rank_(rank), world_size_(world_size) {
    if (store_) thread_ = std::jthread([this](const std::stop_token& stop) { look(stop); });
  }

  void move_to(Progress progress) {
    const std::lock_guard lock(mutex_);
    progress_ = std::move(progress);
  }

  void report(const std::string& what) {
    {
      const std::lock_guard lock(mutex_);
      if (!own_.empty()) return;
      const std::string rank = world_size_ > 1 ? "rank " + std::to_string(rank_) + ", " : "";
      own_ = rank + Said::of(progress_).where + ": " + what;
    }
    try {
      if (store_) store_->compareSet("failed", "", std::to_string(rank_) + "\n" + own_);
    } catch (const std::exception&) {
      // The rank that served the store is gone: the others know only what they notice themselves.
    }
  }

  /// What is to be thrown.
  std::string explained() {
    std::unique_lock lock(mutex_);
    if (store_) looked_.wait_for(lock, 2 * patience, [&] { return over_; });
    return text_.empty() ? own_ : text_;
  }

 private:
  void look(const std::stop_token& stop) {
    std::string text;
    try {
      while (!store_->check({"failed"})) {
        std::unique_lock lock(mutex_);
        if (stopped_.wait_for(lock, stop, interval, [] { return false; }); stop.stop_requested()) return;
      }
      text = what_happened();
    } catch (const std::exception&) {
      // As above.
    }
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      text_ = std::move(text);
    }
    looked_.notify_all();
  }

  /// The same text on all ranks: which rank failed first, and where those were that were doing something else.
  std::string what_happened() {
    const std::string failed = store_->get_to_str("failed");
    const int64_t first = std::stoll(failed);
    std::string text = failed.substr(failed.find('\n') + 1);
    {
      const std::lock_guard lock(mutex_);
      store_->set(key("progress", rank_), Said::of(progress_).encoded());
    }
    const auto said = all_said();
    const auto at = said[static_cast<size_t>(first)].value_or(Said()).doing;
    bool calls = at == Progress::Doing::Callback, trained = false;
    for (int64_t other = 0; other < world_size_; ++other) {
      const auto& its = said[static_cast<size_t>(other)];
      const std::string name = "; rank " + std::to_string(other);
      if (!its) {
        text += name + " does not answer";
      } else if (its->doing != at && (calls || its->doing == Progress::Doing::Callback || trains(at, its->doing))) {
        text += name + " was at " + its->where;
        calls = calls || its->doing == Progress::Doing::Callback;
        trained = true;
      }
    }
    if (trained) {
      text += calls ? " (a callback that talks to other ranks has to do so on all of them)"
                    : " (ranks whose loaders give different numbers of batches need the option `join`)";
    }
    depart(said);
    return text;
  }

  std::vector<std::optional<Said>> all_said() {
    std::vector<std::optional<Said>> said(static_cast<size_t>(world_size_));
    const auto until = std::chrono::steady_clock::now() + patience;
    bool all = false;
    while (!all) {
      const bool last = std::chrono::steady_clock::now() >= until;
      all = true;
      for (int64_t rank = 0; rank < world_size_; ++rank) {
        auto& its = said[static_cast<size_t>(rank)];
        if (!its && store_->check({key("progress", rank)}))
          its = Said::decoded(store_->get_to_str(key("progress", rank)));
        all = all && its;
      }
      if (last) break;
      if (!all) std::this_thread::sleep_for(interval / 4);
    }
    return said;
  }

  /// Keeps rank 0, who may serve the store, until the others have read.
  void depart(const std::vector<std::optional<Said>>& said) {
    store_->set(key("departed", rank_), "1");
    std::vector<std::string> keys;
    for (int64_t rank = 0; rank < world_size_; ++rank)
      if (said[static_cast<size_t>(rank)]) keys.push_back(key("departed", rank));
    if (rank_ != 0) return;
    const auto until = std::chrono::steady_clock::now() + patience / 2;
    while (!store_->check(keys) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(interval / 4);
  }

  Store store_;
  const int64_t rank_;
  const int64_t world_size_;
  std::mutex mutex_;
  std::condition_variable looked_;
  std::condition_variable_any stopped_;
  Progress progress_;
  bool over_ = false;
  std::string own_;      // what this rank reported
  std::string text_;     // what all ranks say
  std::jthread thread_;  // last: it uses what stands above, and ends first
};

Ranks::Ranks(std::shared_ptr<ProcessGroup> group)
    : group_(std::move(group)), watch_(std::make_shared<Watch>(Store(), rank(), world_size())) {}

Ranks::~Ranks() = default;

int64_t Ranks::rank() const {
  return group_ ? group_->rank() : 0;
}

int64_t Ranks::world_size() const {
  return group_ ? group_->world_size() : 1;
}

const std::shared_ptr<ProcessGroup>& Ranks::group() const {
  return group_;
}

void Ranks::watch() {
  if (world_size() == 1) return;
  static std::atomic<int64_t> runs = 0;  // of this process, and alike on all ranks
  const std::string run = "metrics_trainer/" + std::to_string(runs++);
  Store store = group_->c10d()->getStore();
  if (store) store = c10::make_intrusive<c10d::PrefixStore>(run, store);
  watch_ = std::make_shared<Watch>(store, rank(), world_size());
}

void Ranks::leave() {
  watch_ = std::make_shared<Watch>(Store(), rank(), world_size());
  // The rank that serves the store leaves after all have stopped reading it.
  if (world_size() > 1) group_->barrier();
}

void Ranks::move_to(Progress progress) {
  watch_->move_to(std::move(progress));
}

void Ranks::broadcast(const std::vector<at::Tensor>& tensors) {
  if (world_size() > 1 && !tensors.empty()) c10d::broadcast_coalesced(group_->c10d(), tensors, broadcast_bytes);
}

void Ranks::report(const std::string& what) noexcept {
  watch_->report(what);
}

void Ranks::fail() {
  std::throw_with_nested(Error(watch_->explained()));
}

}  // namespace metrics::trainer
