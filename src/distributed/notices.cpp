#include "notices.h"

#include "backends.h"
#include "sigpipe_blocked.h"
#include "process_group_impl.h"
#include "rendezvous.h"
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <chrono>
#include <cstring>
#include <utility>

namespace metrics::distributed {

namespace {

constexpr auto most_patience_for_word = std::chrono::milliseconds(500);

std::string failure_key(int64_t number) {
  return "failure/" + std::to_string(number);
}

std::string refusal_key(int64_t number, int64_t rank) {
  return "refusal/" + std::to_string(number) + "/" + std::to_string(rank);
}

std::string text_in(c10d::Store& store, const std::string& key) {
  const std::vector<uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

std::vector<uint8_t> text_bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

c10::intrusive_ptr<c10d::Store> failures_of(const Membership& membership) {
  // Who asks has failed already: a store that does not answer has nothing to explain.
  return BoundedStore::around(membership.store, membership.timeout)
      ->with_timeout(most_patience_for_word)
      ->under("failures");
}

}  // namespace

FailureBoard::FailureBoard(c10::intrusive_ptr<c10d::Store> store, int64_t rank, std::chrono::milliseconds timeout)
    : store_(std::move(store)), rank_(rank), timeout_(timeout) {}

void FailureBoard::write(const std::string& reason) noexcept {
  try {
    const int64_t number = store_->add("failures", 1);
    store_->set(failure_key(number), text_bytes("rank " + std::to_string(rank_) + " failed: " + reason));
  } catch (...) {
    // The others see a closed connection.
  }
}

std::optional<std::string> FailureBoard::read() const noexcept {
  try {
    // Between a rank's number and its text lies one request.
    if (store_->add("failures", 0) == 0) return std::nullopt;
    store_->wait({failure_key(1)}, most_patience_for_word);
    return text_in(*store_, failure_key(1));
  } catch (...) {
    return std::nullopt;
  }
}

std::exception_ptr FailureBoard::explained(const std::exception_ptr& error, const std::string& what,
                                           std::chrono::milliseconds waited) const noexcept {
  try {
    const std::optional<std::string> word = read();
    if (word)
      return std::make_exception_ptr(SyncError(*word + " (" + what + " on rank " + std::to_string(rank_) + ")"));
    std::string original;
    try {
      std::rethrow_exception(error);
    } catch (const SyncError&) {
      return error;
    } catch (const std::exception& exception) {
      original = first_line(exception);
    } catch (...) {
    }
    const std::string where = what + " on rank " + std::to_string(rank_);
    const std::string cause = waited >= timeout_ * 9 / 10
                                  ? where + " waited " + std::to_string(timeout_.count()) + " ms for the other ranks"
                                  : where + " failed: another rank has died, left, or given up waiting";
    return std::make_exception_ptr(
        SyncError(cause +
                  ". Ranks that make different numbers of steps, as with different numbers of batches, need a "
                  "metrics::distributed::Join. The group is broken: make a new one with init_process_group. (" +
                  original + ")"));
  } catch (...) {
    return error;
  }
}

Notices::Notices(ProcessGroup& group)
    : rank_(group.rank()),
      world_size_(group.world_size()),
      board_(failures_of(group.impl().membership), group.impl().membership.names(group.rank()), group.timeout()) {
  Membership membership = group.impl().membership;
  const SigpipeBlocked no_sigpipe;
  try {
    store_ = c10::make_intrusive<c10d::PrefixStore>("join", membership.store);
    membership.store = store_;
    const Deadline deadline(membership.timeout);
    auto gloo = make_gloo_backend(membership, deadline);
    wait_for_all(*gloo, deadline);
    backend_ = c10::make_intrusive<CountingBackend>(std::move(gloo));
  } catch (const std::exception&) {
    std::rethrow_exception(board_.explained(std::current_exception(), "connecting for a join", group.timeout()));
  }
}

std::shared_ptr<Notices> Notices::of(ProcessGroup& group) {
  auto& kept = group.impl().notices;
  if (!kept) kept = std::make_shared<Notices>(group);
  return kept;
}

Notices::Exchange Notices::send(const Notice& own) {
  const c10::InferenceMode no_inference(false);
  const SigpipeBlocked no_sigpipe;
  Exchange exchange;
  const auto size = static_cast<int64_t>(sizeof(Notice));
  exchange.all = at::empty({world_size_ * size}, at::kByte);
  exchange.copies = at::empty({world_size_ * size}, at::kByte);
  for (int64_t rank = 0; rank < world_size_; ++rank)
    std::memcpy(exchange.copies.mutable_data_ptr<uint8_t>() + rank * size, &own, sizeof(Notice));
  try {
    exchange.work = backend_->allgather_directly(exchange.all, exchange.copies);
  } catch (const std::exception&) {
    std::rethrow_exception(board_.explained(std::current_exception(), "a join's notice", {}));
  }
  return exchange;
}

std::vector<Notice> Notices::receive(Exchange& exchange) {
  const auto start = std::chrono::steady_clock::now();
  try {
    exchange.work->wait();
  } catch (const std::exception&) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    abandoned_.push_back(std::move(exchange));
    std::rethrow_exception(board_.explained(std::current_exception(), "a join's notice", waited));
  }
  std::vector<Notice> notices(static_cast<std::size_t>(world_size_));
  std::memcpy(notices.data(), exchange.all.const_data_ptr(), notices.size() * sizeof(Notice));
  for (const Notice& notice : notices)
    if (notice.magic != Notice::expected_magic)
      throw SyncError("a join received what is no notice: do the ranks run the same version?");
  return notices;
}

void Notices::leave_text(int64_t number, const std::string& text) {
  try {
    store_->set(refusal_key(number, rank_), text_bytes(text));
  } catch (const std::exception&) {
    // The others then hear that this rank refused, but not why.
  }
}

std::string Notices::text_of(int64_t number, int64_t rank) const {
  try {
    store_->wait({refusal_key(number, rank)}, most_patience_for_word);
    return text_in(*store_, refusal_key(number, rank));
  } catch (const std::exception&) {
    return "for a reason that could not be read";
  }
}

std::shared_ptr<FailureBoard> failure_board_of(ProcessGroup& group) {
  const Membership& membership = group.impl().membership;
  if (membership.world_size == 1 || !membership.store) return nullptr;
  return std::make_shared<FailureBoard>(failures_of(membership), membership.names(membership.rank),
                                        membership.timeout);
}

void abandon(ProcessGroup& group, const std::string& reason) noexcept {
  try {
    ProcessGroup::Impl& impl = group.impl();
    if (impl.transport) impl.transport->abandon(reason);
    impl.notices.reset();
    if (!impl.c10d_counting) return;
    impl.c10d_counters = impl.c10d_counting->counters();
    impl.c10d_counting.reset();
    impl.c10d.reset();
  } catch (...) {
    // What is closed already needs no closing.
  }
}

}  // namespace metrics::distributed
