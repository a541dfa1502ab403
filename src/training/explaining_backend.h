#pragma once

#include <metrics/distributed/notices.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <memory>
#include <string>
#include <vector>

namespace metrics::training {

/// Stands before another backend, for what a Reducer needs of it, so that a failure says more than Gloo does: what a
/// rank that failed has left as a message, or what the usual cause is. It comes as a SyncError, out of a backward too.
class ExplainingBackend : public c10d::Backend {
 public:
  ExplainingBackend(c10::intrusive_ptr<c10d::Backend> backend, std::shared_ptr<distributed::FailureBoard> board);

  const std::string getBackendName() const override { return name_; }
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override;
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override;
  c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& output, at::Tensor& input,
                                                 const c10d::AllgatherOptions& options) override;

  /// Lets go of the connections; later calls throw SyncError.
  void close() { backend_.reset(); }
  bool closed() const { return !backend_; }

 private:
  template <class Issue>
  c10::intrusive_ptr<c10d::Work> issued(const char* what, const Issue& issue);

  c10::intrusive_ptr<c10d::Backend> backend_;
  std::shared_ptr<distributed::FailureBoard> board_;
  std::string name_;
};

}  // namespace metrics::training
