#include "process_group_impl.h"
#include "rendezvous.h"
#include "sigpipe_blocked.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/notices.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/rank_names.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace metrics {
namespace {

using distributed::BoundedStore;
using distributed::CountingBackend;
using distributed::Deadline;
using distributed::Meeting;
using distributed::Membership;
using distributed::RankNames;
using distributed::SigpipeBlocked;
using distributed::Transport;
using BackendType = c10d::ProcessGroup::BackendType;

std::string chosen_backend(const std::string& name) {
  if (name == "auto") return distributed::nccl_is_available() ? "nccl" : "gloo";
  if (name == "gloo" || name == "nccl") return name;
  throw InvalidArgument("init_process_group: backend is '" + name + "', expected 'auto', 'gloo' or 'nccl'");
}

std::string connected_key(int64_t member) {
  return "connected/" + std::to_string(member);
}

Membership under(const Membership& membership, const std::string& prefix) {
  Membership result = membership;
  result.store = c10::make_intrusive<c10d::PrefixStore>(prefix, membership.store);
  return result;
}

/// Connections for the metrics: Gloo for what is on the CPU, and beside it NCCL where the group has it.
void connect_metrics(ProcessGroup::Impl& impl, const Deadline& deadline) {
  auto host = distributed::make_gloo_backend(under(impl.membership, "metrics/gloo"), deadline);
  c10::intrusive_ptr<c10d::Backend> device;
  if (impl.backend == "nccl")
    device = distributed::make_nccl_backend(under(impl.membership, "metrics/nccl"), impl.local_rank);
  impl.membership.store->set(connected_key(impl.membership.rank), "1");
  // Nobody needs the store any more once this is over, so rank 0, who may serve it, is free to leave.
  distributed::wait_for_all(*host, deadline);
  impl.transport.emplace(std::move(host), std::move(device), impl.membership.timeout, impl.membership.own_name(),
                         impl.membership.names,
                         BoundedStore::around(impl.membership.store, impl.membership.timeout)->under("metrics"));
}

void make_c10d_group(ProcessGroup::Impl& impl, const Deadline& deadline) {
  const auto& membership = impl.membership;
  impl.c10d = c10::make_intrusive<c10d::ProcessGroup>(
      under(membership, "c10d").store, static_cast<int>(membership.rank), static_cast<int>(membership.world_size));
  auto gloo =
      c10::make_intrusive<CountingBackend>(distributed::make_gloo_backend(under(membership, "c10d/gloo"), deadline));
  impl.c10d_counting = gloo;
  impl.c10d->setBackend(c10::DeviceType::CPU, BackendType::GLOO, gloo);
  impl.c10d->setDefaultBackend(BackendType::GLOO);
  if (impl.backend != "nccl") return;
  auto nccl = c10::make_intrusive<CountingBackend>(
      distributed::make_nccl_backend(under(membership, "c10d/nccl"), impl.local_rank));
  impl.c10d_counting = nccl;
  impl.c10d->setBackend(c10::DeviceType::CUDA, BackendType::NCCL, nccl);
  impl.c10d->setDefaultBackend(BackendType::NCCL);
}

void connect_all(ProcessGroup::Impl& impl, const Deadline& deadline) {
  make_c10d_group(impl, deadline);
  connect_metrics(impl, deadline);
}

/// What is known of the others after a failure to connect: those who have not connected either.
std::vector<int64_t> unconnected(const Membership& membership, BoundedStore& store) {
  std::vector<int64_t> ranks;
  for (int64_t member = 0; member < membership.world_size; ++member)
    if (member != membership.rank && !store.check({connected_key(member)}))
      ranks.push_back(membership.names(member));
  return ranks;
}

[[noreturn]] void throw_unconnected(const Membership& membership, const BoundedStore::Pointer& store,
                                    const Deadline& deadline, const std::string& reason) {
  constexpr std::chrono::milliseconds to_ask(200);
  std::vector<int64_t> ranks;
  std::string others;
  try {
    ranks = unconnected(membership, *store->until(Deadline(to_ask)));
    if (!ranks.empty()) others = ": rank " + distributed::listed(ranks, ", ") + " had come, but not connected";
  } catch (const std::exception&) {
    others = ": " + store->place() + " does not answer any more";
  }
  const std::string time = deadline.passed() ? " within " + std::to_string(deadline.timeout().count()) + " ms" : "";
  throw SyncError(membership.own_name() + " could not connect to the other ranks" + time + others + " (" + reason + ")",
                  "", "", ranks);
}

/// Connects a group whose members have met, on a thread of its own, since Gloo waits for one member after the other and some
/// of it without a limit; whatever c10d throws there becomes a SyncError. A thread that does not end keeps the group.
template <class Connect>
std::unique_ptr<ProcessGroup::Impl> connected(std::unique_ptr<ProcessGroup::Impl> impl, const Meeting& meeting,
                                              const Deadline& deadline, const Connect& connect) {
  constexpr std::chrono::milliseconds gloo_ends_itself(150);
  const Membership membership = impl->membership;
  const auto store = meeting.store->until(deadline);
  impl->membership.store = store;
  impl->membership.one_host = meeting.one_host;
  const auto owned = std::make_shared<std::unique_ptr<ProcessGroup::Impl>>(std::move(impl));
  try {
    distributed::apart<void>(deadline.end() + gloo_ends_itself, [owned, connect, deadline] {
      const SigpipeBlocked no_sigpipe;  // in Gloo's threads, too, which begin here
      try {
        connect(**owned, deadline);
      } catch (...) {
        owned->reset();
        throw;
      }
    });
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw_unconnected(membership, meeting.store, deadline, distributed::first_line(error));
  }
  store->outlast(membership.timeout);
  return std::move(*owned);
}

/// Refuses what only a member can do.
void require_member(const ProcessGroup::Impl& impl, const char* what) {
  if (!impl.outside.empty()) throw InvalidArgument(std::string(what) + ": " + impl.outside);
}

void check_timeout(std::chrono::milliseconds timeout) {
  if (timeout.count() <= 0)
    throw InvalidArgument("timeout is " + std::to_string(timeout.count()) + " ms, expected more than 0");
}

}  // namespace

ProcessGroup::ProcessGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ProcessGroup::~ProcessGroup() {
  try {
    shutdown();
  } catch (...) {
    // Closing a connection whose other end is gone has nothing to report.
  }
}

bool ProcessGroup::is_member() const {
  return impl_->outside.empty();
}

int64_t ProcessGroup::rank() const {
  require_member(*impl_, "rank");
  return impl_->membership.rank;
}

int64_t ProcessGroup::world_size() const {
  require_member(*impl_, "world_size");
  return impl_->membership.world_size;
}

int64_t ProcessGroup::local_rank() const {
  return impl_->local_rank;
}

int64_t ProcessGroup::local_world_size() const {
  return impl_->local_world_size;
}

const std::string& ProcessGroup::backend() const {
  return impl_->backend;
}

std::chrono::milliseconds ProcessGroup::timeout() const {
  return impl_->membership.timeout;
}

bool ProcessGroup::broken() const {
  return impl_->transport && impl_->transport->broken();
}

CommunicationCounters ProcessGroup::counters() const {
  return impl_->transport ? impl_->transport->counters() : CommunicationCounters{};
}

CommunicationCounters ProcessGroup::c10d_counters() const {
  return impl_->c10d_counting ? impl_->c10d_counting->counters() : impl_->c10d_counters;
}

void ProcessGroup::barrier() {
  require_member(*impl_, "barrier");
  if (impl_->transport) impl_->transport->barrier();
}

void ProcessGroup::use_from_this_thread() {
  require_member(*impl_, "use_from_this_thread");
  const std::unique_lock lock(impl_->synchronising, std::try_to_lock);
  if (!lock)
    throw SyncError("use_from_this_thread on " + impl_->membership.own_name() +
                    ": another thread of this rank is synchronising over this group");
  impl_->thread = std::this_thread::get_id();
}

c10::intrusive_ptr<c10d::ProcessGroup> ProcessGroup::c10d() const {
  require_member(*impl_, "c10d");
  if (!impl_->c10d && !impl_->closed && world_size() == 1) {
    impl_->membership.store = c10::make_intrusive<c10d::HashStore>();
    impl_->membership.one_host = true;
    const SigpipeBlocked no_sigpipe;
    make_c10d_group(*impl_, Deadline(timeout()));
  }
  return impl_->c10d;
}

void ProcessGroup::shutdown() {
  if (impl_->closed) return;
  impl_->closed = true;
  if (impl_->transport) impl_->transport->close();
  impl_->notices.reset();
  impl_->c10d_counters = c10d_counters();
  impl_->c10d_counting.reset();
  impl_->c10d.reset();
  impl_->membership.store.reset();
}

std::shared_ptr<ProcessGroup> ProcessGroup::new_group(const std::vector<int64_t>& ranks) {
  require_member(*impl_, "new_group");
  if (impl_->transport) impl_->transport->check_usable();
  std::vector<int64_t> members;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] < 0 || ranks[i] >= world_size() || (i > 0 && ranks[i] <= ranks[i - 1]))
      throw InvalidArgument("new_group: ranks[" + std::to_string(i) + "] is " + std::to_string(ranks[i]) +
                            ", expected ascending ranks below " + std::to_string(world_size()));
    members.push_back(impl_->membership.names(ranks[i]));
  }
  if (ranks.empty()) throw InvalidArgument("new_group: ranks is empty, expected at least one");
  const auto own = std::find(ranks.begin(), ranks.end(), rank());
  auto impl = std::make_unique<Impl>();
  impl->local_rank = impl_->local_rank;
  impl->local_world_size = impl_->local_world_size;
  impl->membership.timeout = impl_->membership.timeout;
  if (own == ranks.end()) {
    impl->outside = impl_->membership.own_name() + " is not in this group, which was made of ranks " +
                    distributed::listed(members) + "; only they can use it (is_member() tells them)";
    return std::make_shared<ProcessGroup>(std::move(impl));
  }
  if (ranks.size() > 1) {
    const Deadline deadline(timeout());
    auto& membership = impl->membership;
    membership.rank = own - ranks.begin();
    membership.world_size = static_cast<int64_t>(ranks.size());
    membership.names = RankNames(members);
    impl->backend = impl_->backend;
    const SigpipeBlocked no_sigpipe;
    const auto store = BoundedStore::around(impl_->membership.store, timeout());
    const Meeting meeting = distributed::meet(store, "subgroup/" + distributed::listed(ranks), membership, deadline);
    impl = connected(std::move(impl), meeting, deadline, connect_all);
  }
  return std::make_shared<ProcessGroup>(std::move(impl));
}

std::shared_ptr<ProcessGroup> init_process_group(const ProcessGroupOptions& options) {
  check_timeout(options.timeout);
  const Deadline deadline(options.timeout);
  const std::string backend = chosen_backend(options.backend);
  const SigpipeBlocked no_sigpipe;  // in the threads that serve the store, too
  const auto [environment, store] = distributed::rendezvous(options, deadline);

  auto impl = std::make_unique<ProcessGroup::Impl>();
  auto& membership = impl->membership;
  membership.rank = environment.rank;
  membership.world_size = environment.world_size;
  membership.timeout = options.timeout;
  impl->local_rank = environment.local_rank.value_or(0);
  impl->local_world_size = environment.local_world_size.value_or(1);
  if (membership.world_size > 1) {
    impl->backend = backend;
    const std::string name = "group/" + std::to_string(membership.world_size);
    const Meeting meeting = distributed::meet(store, name, membership, deadline);
    impl->local_rank = environment.local_rank.value_or(meeting.local_rank);
    impl->local_world_size = environment.local_world_size.value_or(meeting.local_world_size);
    impl = connected(std::move(impl), meeting, deadline, connect_all);
  }
  auto group = std::make_shared<ProcessGroup>(std::move(impl));
  set_default_synchroniser(group);
  return group;
}

std::shared_ptr<ProcessGroup> wrap_process_group(c10::intrusive_ptr<c10d::ProcessGroup> group,
                                                 std::chrono::milliseconds timeout) {
  check_timeout(timeout);
  if (!group) throw InvalidArgument("wrap_process_group: the group is null");
  const Deadline deadline(timeout);
  auto impl = std::make_unique<ProcessGroup::Impl>();
  auto& membership = impl->membership;
  membership.rank = group->getRank();
  membership.world_size = group->getSize();
  membership.timeout = timeout;
  impl->backend = group->getBackendName();
  if (membership.world_size > 1) {
    const SigpipeBlocked no_sigpipe;
    if (!group->getStore())
      throw InvalidArgument("wrap_process_group: the group has no store over which metrics could make connections");
    const auto store = BoundedStore::around(group->getStore(), timeout);
    const Meeting meeting = distributed::meet(store, "wrapped", membership, deadline);
    impl->local_rank = meeting.local_rank;
    impl->local_world_size = meeting.local_world_size;
    impl = connected(std::move(impl), meeting, deadline, connect_metrics);
  }
  impl->c10d = std::move(group);
  return std::make_shared<ProcessGroup>(std::move(impl));
}

distributed::RankNames distributed::rank_names_of(ProcessGroup& group) {
  return group.impl().membership.names;
}

std::shared_ptr<ProcessGroup> default_process_group() {
  return std::dynamic_pointer_cast<ProcessGroup>(default_synchroniser());
}

}  // namespace metrics
