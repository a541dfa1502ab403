#include "explaining_backend.h"

#include <metrics/core/errors.h>

#include <chrono>
#include <exception>
#include <utility>

namespace metrics::training {

namespace {

using Clock = std::chrono::steady_clock;

/// What a failure is to be explained with.
struct Issued {
  std::shared_ptr<distributed::FailureBoard> board;
  std::string what;
  Clock::time_point at = Clock::now();

  std::exception_ptr explained(const std::exception_ptr& error) const {
    return board->explained(error, what, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - at));
  }
};

class ExplainingWork : public c10d::Work {
 public:
  ExplainingWork(c10::intrusive_ptr<c10d::Work> work, Issued issued)
      : work_(std::move(work)), issued_(std::move(issued)) {}

  bool isCompleted() override { return work_->isCompleted(); }
  bool isSuccess() const override { return work_->isSuccess(); }
  std::exception_ptr exception() const override { return work_->exception(); }
  std::vector<at::Tensor> result() override { return work_->result(); }
  void synchronize() override { work_->synchronize(); }
  void abort() override { work_->abort(); }
  bool wait(std::chrono::milliseconds timeout) override {
    try {
      return work_->wait(timeout);
    } catch (const std::exception&) {
      std::rethrow_exception(issued_.explained(std::current_exception()));
    }
  }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override {
    const auto future = work_->getFuture();
    return future->then(
        [issued = issued_](c10::ivalue::Future& done) -> c10::IValue {
          if (done.hasError()) std::rethrow_exception(issued.explained(done.exception_ptr()));
          return done.value();
        },
        future->elementType());
  }

 private:
  c10::intrusive_ptr<c10d::Work> work_;
  Issued issued_;
};

}  // namespace

ExplainingBackend::ExplainingBackend(c10::intrusive_ptr<c10d::Backend> backend,
                                     std::shared_ptr<distributed::FailureBoard> board)
    : c10d::Backend(backend->getRank(), backend->getSize()),
      backend_(std::move(backend)),
      board_(std::move(board)),
      name_(backend_->getBackendName()) {}

template <class Issue>
c10::intrusive_ptr<c10d::Work> ExplainingBackend::issued(const char* what, const Issue& issue) {
  if (!backend_)
    throw SyncError(std::string(what) +
                    ": the group is broken by an earlier failure of this rank; make a new one with "
                    "init_process_group");
  Issued description{board_, std::string("DistributedDataParallel's ") + what};
  try {
    return c10::make_intrusive<ExplainingWork>(issue(*backend_), description);
  } catch (const std::exception&) {
    std::rethrow_exception(description.explained(std::current_exception()));
  }
}

c10::intrusive_ptr<c10d::Work> ExplainingBackend::broadcast(std::vector<at::Tensor>& tensors,
                                                            const c10d::BroadcastOptions& options) {
  return issued("broadcast", [&](c10d::Backend& backend) { return backend.broadcast(tensors, options); });
}

c10::intrusive_ptr<c10d::Work> ExplainingBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                            const c10d::AllreduceOptions& options) {
  return issued("allreduce of gradients", [&](c10d::Backend& backend) { return backend.allreduce(tensors, options); });
}

c10::intrusive_ptr<c10d::Work> ExplainingBackend::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                                  const c10d::AllgatherOptions& options) {
  return issued("comparison of modules",
                [&](c10d::Backend& backend) { return backend._allgather_base(output, input, options); });
}

}  // namespace metrics::training
