#include "backends.h"
#include "bounded_store.h"
#include "long_waits.h"
#include "process_group_impl.h"
#include "sigpipe_blocked.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/notices.h>

#include <ATen/ops/empty.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <chrono>
#include <cstring>
#include <future>
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
  // Asked after a failure only: where the store does not answer, nothing more is known of it.
  return BoundedStore::around(membership.store, membership.timeout)
      ->with_timeout(most_patience_for_word)
      ->under("failures");
}

}  // namespace

FailureBoard::FailureBoard(c10::intrusive_ptr<c10d::Store> store, int64_t rank, std::chrono::milliseconds timeout)
    : store_(std::move(store)), rank_(rank), timeout_(timeout) {}

FailureBoard::~FailureBoard() = default;

std::shared_ptr<FailureBoard> FailureBoard::of(ProcessGroup& group) {
  const Membership& membership = group.impl().membership;
  if (membership.world_size == 1 || !membership.store) return nullptr;
  return std::make_shared<FailureBoard>(failures_of(membership), membership.names(membership.rank), membership.timeout);
}

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
                  "metrics::training::Join. The group is broken: make a new one with init_process_group. (" +
                  original + ")"));
  } catch (...) {
    return error;
  }
}

struct Notices::Impl {
  int64_t rank = 0;
  int64_t world_size = 1;
  std::shared_ptr<FailureBoard> board;
  c10::intrusive_ptr<c10d::Store> store;
  // Late peers may write to their tensors for as long as there are connections.
  std::vector<std::shared_ptr<Exchange>> abandoned;
  c10::intrusive_ptr<CountingBackend> backend;
  std::optional<LongWaits> long_waits;
  int64_t begun = 0;
};

class Notices::Exchange {
 public:
  c10::intrusive_ptr<c10d::Work> work;
  at::Tensor copies;
  at::Tensor all;
};

Notices::Notices(ProcessGroup& group) : impl_(std::make_unique<Impl>()) {
  impl_->rank = group.rank();
  impl_->world_size = group.world_size();
  impl_->board = FailureBoard::of(group);
  if (!impl_->board)
    throw SyncError("a join over a process group that has been shut down; make a new one with init_process_group");
  Membership membership = group.impl().membership;
  const SigpipeBlocked no_sigpipe;
  try {
    // Asked while the connecting below waits for the others' keys.
    const auto waiting = BoundedStore::around(membership.store, membership.timeout)->over_own_link()->under("join");
    impl_->store = c10::make_intrusive<c10d::PrefixStore>("join", membership.store);
    membership.store = impl_->store;
    impl_->long_waits.emplace(waiting, membership.rank, membership.world_size, membership.names, membership.own_name());
    if (auto& transport = group.impl().transport) impl_->long_waits->set_patience(transport->long_waits().patience());
    auto connecting = std::async(std::launch::async, [membership] {
      const Deadline deadline(membership.timeout);
      auto gloo = make_gloo_backend(membership, deadline);
      wait_for_all(*gloo, deadline);
      return gloo;
    });
    impl_->long_waits->watch(
        [&](std::chrono::milliseconds time) { return connecting.wait_for(time) == std::future_status::ready; },
        [] { return std::string("the beginning of a join"); });
    impl_->backend = c10::make_intrusive<CountingBackend>(connecting.get());
  } catch (const std::exception&) {
    std::rethrow_exception(impl_->board->explained(std::current_exception(), "connecting for a join", group.timeout()));
  }
}

Notices::~Notices() = default;

std::shared_ptr<Notices> Notices::of(ProcessGroup& group) {
  auto& kept = group.impl().notices;
  if (!kept) kept = std::make_shared<Notices>(group);
  return kept;
}

std::shared_ptr<Notices::Exchange> Notices::send(const Notice& own) {
  const c10::InferenceMode no_inference(false);
  const SigpipeBlocked no_sigpipe;
  auto exchange = std::make_shared<Exchange>();
  const auto size = static_cast<int64_t>(bytes);
  exchange->all = at::empty({impl_->world_size * size}, at::kByte);
  exchange->copies = at::empty({impl_->world_size * size}, at::kByte);
  for (int64_t rank = 0; rank < impl_->world_size; ++rank)
    std::memcpy(exchange->copies.mutable_data_ptr<uint8_t>() + rank * size, own.data(), bytes);
  try {
    exchange->work = impl_->backend->allgather_directly(exchange->all, exchange->copies);
  } catch (const std::exception&) {
    std::rethrow_exception(impl_->board->explained(std::current_exception(), "a join's notice", {}));
  }
  return exchange;
}

std::vector<Notices::Notice> Notices::receive(const std::shared_ptr<Exchange>& exchange, const std::string& call) {
  const auto start = std::chrono::steady_clock::now();
  try {
    impl_->long_waits->wait(*exchange->work, [&] { return call; });
  } catch (const std::exception&) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    impl_->abandoned.push_back(exchange);
    std::rethrow_exception(impl_->board->explained(std::current_exception(), "a join's notice", waited));
  }
  std::vector<Notice> notices(static_cast<std::size_t>(impl_->world_size));
  std::memcpy(notices.data(), exchange->all.const_data_ptr(), notices.size() * bytes);
  return notices;
}

void Notices::leave_text(int64_t number, const std::string& text) {
  try {
    impl_->store->set(refusal_key(number, impl_->rank), text_bytes(text));
  } catch (const std::exception&) {
    // The others then hear that this rank refused, but not why.
  }
}

std::string Notices::text_of(int64_t number, int64_t rank) const {
  try {
    impl_->store->wait({refusal_key(number, rank)}, most_patience_for_word);
    return text_in(*impl_->store, refusal_key(number, rank));
  } catch (const std::exception&) {
    return "for a reason that could not be read";
  }
}

int64_t Notices::next_number() {
  return ++impl_->begun;
}

FailureBoard& Notices::board() const {
  return *impl_->board;
}

CommunicationCounters Notices::counters() const {
  return impl_->backend->counters();
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
