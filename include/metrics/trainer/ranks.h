#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace metrics::trainer {

/// Where a rank is in a run.
struct Progress {
  enum class Doing { Starting, Training, Trained, Evaluating, Callback, Ending };

  int64_t epoch = 0;
  std::string stage{};
  int64_t batch = 0;  ///< the one that is read or worked on; when `Trained`, how many there were
  Doing doing = Doing::Starting;
  const char* callback = "";
};

/// What ranks tell each other besides gradients and metrics: that one of them failed, why, and where the others were.
/// It travels through the store by which the ranks found each other, and costs nothing while nothing fails.
class METRICS_API Ranks {
 public:
  /// `group`: null where there is a single process.
  explicit Ranks(std::shared_ptr<ProcessGroup> group);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int64_t rank() const;
  int64_t world_size() const;
  const std::shared_ptr<ProcessGroup>& group() const;

  /// From here on the other ranks learn of a failure.
  void watch();
  /// To be called when all is done, on all ranks.
  void leave();
  void move_to(Progress progress);
  /// Collective: rank 0's values become all ranks'.
  void broadcast(const std::vector<at::Tensor>& tensors);
  /// Says that this rank was thrown out of its work, by a failure of its own or by the loss of another rank. Of several
  /// reports the first of all ranks counts.
  void report(const std::string& what) noexcept;
  /// After a report: throws Error, nesting the exception that is being handled, with the message of the rank that
  /// failed first.
  [[noreturn]] void fail();

 private:
  class Watch;

  std::shared_ptr<ProcessGroup> group_;
  std::shared_ptr<Watch> watch_;
};

}  // namespace metrics::trainer
