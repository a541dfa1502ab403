#include "bounded_store.h"

#include "sigpipe_blocked.h"

#include <c10/util/Exception.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <utility>

namespace metrics::distributed {
namespace {

using Clock = Deadline::Clock;

// A request that c10d itself ends at the deadline says more than one that is cut.
constexpr std::chrono::milliseconds grace(300);

// For requests outside of a group's making, whose server has mostly left for good when its connection is gone.
constexpr std::chrono::milliseconds to_connect_again(1000);

/// This process' connections to servers at `port`.
std::vector<int> sockets_to(uint16_t port) {
  std::vector<int> sockets;
  if (port == 0) return sockets;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const std::string name = entry.path().filename();
    int socket = -1;
    std::from_chars(name.data(), name.data() + name.size(), socket);
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    if (socket < 0 || ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    const uint16_t at = peer.ss_family == AF_INET    ? reinterpret_cast<const sockaddr_in&>(peer).sin_port
                        : peer.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(peer).sin6_port
                                                     : uint16_t{0};
    if (ntohs(at) == port) sockets.push_back(socket);
  }
  std::sort(sockets.begin(), sockets.end());
  return sockets;
}

std::vector<int> without(const std::vector<int>& sockets, const std::vector<int>& earlier) {
  std::vector<int> result;
  std::set_difference(sockets.begin(), sockets.end(), earlier.begin(), earlier.end(), std::back_inserter(result));
  return result;
}

/// Ends what waits for an answer there: c10d reads the end of the connection.
void cut(const std::vector<int>& sockets) {
  for (const int socket : sockets) ::shutdown(socket, SHUT_RDWR);
}

class NoAnswer : public DeadlinePassed {
 public:
  explicit NoAnswer(bool connected) : connected_(connected) {}
  bool connected() const { return connected_; }

 private:
  bool connected_;
};

}  // namespace

/// The connection to a store, which all its views share.
struct BoundedStore::Link {
  Make make;
  std::string place;
  uint16_t port = 0;
  std::mutex mutex;
  c10::intrusive_ptr<c10d::Store> store;
  std::vector<int> sockets;

  c10::intrusive_ptr<c10d::Store> connected(Clock::time_point end) {
    const std::lock_guard lock(mutex);
    if (store) return store;
    const std::vector<int> earlier = sockets_to(port);
    const auto left = std::max(std::chrono::ceil<std::chrono::milliseconds>(end - grace - Clock::now()),
                               std::chrono::milliseconds(1));
    bool reached = false;
    try {
      store = apart<c10::intrusive_ptr<c10d::Store>>(
          end,
          [make = make, left] {
            const SigpipeBlocked no_sigpipe;  // in the threads that serve the store, too
            return make(left);
          },
          [&] {
            const auto opened = without(sockets_to(port), earlier);
            reached = !opened.empty();
            cut(opened);
          });
    } catch (const DeadlinePassed&) {
      throw NoAnswer(reached);
    }
    sockets = without(sockets_to(port), earlier);
    return store;
  }

  /// Lets go of a connection that gives no answers; the next request makes another where that can be.
  void lose(const c10::intrusive_ptr<c10d::Store>& silent) {
    const std::lock_guard lock(mutex);
    if (!make || port == 0 || store != silent) return;
    cut(sockets);
    store.reset();
    sockets.clear();
  }
};

BoundedStore::BoundedStore(std::shared_ptr<Link> link, std::string prefix, std::optional<Deadline> deadline,
                           std::chrono::milliseconds timeout)
    : c10d::Store(timeout), link_(std::move(link)), prefix_(std::move(prefix)), deadline_(std::move(deadline)) {}

BoundedStore::Pointer BoundedStore::open(Make make, std::string place, uint16_t port, const Deadline& deadline) {
  auto link = std::make_shared<Link>();
  link->make = std::move(make);
  link->place = std::move(place);
  link->port = port;
  link->connected(deadline.end() + grace);
  return c10::make_intrusive<BoundedStore>(std::move(link), "", deadline, deadline.timeout());
}

BoundedStore::Pointer BoundedStore::around(c10::intrusive_ptr<c10d::Store> store, std::chrono::milliseconds timeout) {
  if (auto* bounded = dynamic_cast<BoundedStore*>(store.get())) return Pointer::reclaim_copy(bounded);
  auto link = std::make_shared<Link>();
  link->store = std::move(store);
  link->place = "the group's store";
  return c10::make_intrusive<BoundedStore>(std::move(link), "", std::nullopt, timeout);
}

BoundedStore::Pointer BoundedStore::until(const Deadline& deadline) const {
  return c10::make_intrusive<BoundedStore>(link_, prefix_, deadline, deadline.timeout());
}

BoundedStore::Pointer BoundedStore::with_timeout(std::chrono::milliseconds timeout) const {
  return c10::make_intrusive<BoundedStore>(link_, prefix_, std::nullopt, timeout);
}

BoundedStore::Pointer BoundedStore::over_own_link() const {
  auto link = link_;
  if (link_->make && link_->port != 0) {
    link = std::make_shared<Link>();
    link->make = link_->make;
    link->place = link_->place;
    link->port = link_->port;
  }
  return c10::make_intrusive<BoundedStore>(std::move(link), prefix_, deadline_, timeout_);
}

BoundedStore::Pointer BoundedStore::under(const std::string& prefix) const {
  return c10::make_intrusive<BoundedStore>(link_, prefix_ + prefix + "/", deadline_, timeout_);
}

void BoundedStore::outlast(std::chrono::milliseconds timeout) {
  deadline_.reset();
  timeout_ = timeout;
}

const std::string& BoundedStore::place() const {
  return link_->place;
}

bool BoundedStore::was_connected(const std::exception& error) {
  const auto* silent = dynamic_cast<const NoAnswer*>(&error);
  return silent != nullptr && silent->connected();
}

std::chrono::milliseconds BoundedStore::patience() const {
  return deadline_ ? deadline_->remaining() : timeout_;
}

template <class T>
T BoundedStore::request(std::chrono::milliseconds patience, std::function<T(c10d::Store&)> ask) const {
  const auto end = deadline_ ? deadline_->end() + grace : Deadline(patience).end() + std::chrono::seconds(1);
  const auto store = link_->connected(deadline_ ? end : std::min(end, Clock::now() + to_connect_again));
  try {
    return apart<T>(
        end,
        [store, ask = std::move(ask)] {
          const SigpipeBlocked no_sigpipe;
          return ask(*store);
        },
        [&] { link_->lose(store); });
  } catch (const DeadlinePassed&) {
    throw NoAnswer(true);
  } catch (const c10::DistNetworkError&) {
    // A link that was cut: who asks again gets another.
    link_->lose(store);
    throw;
  }
}

std::vector<std::string> BoundedStore::full(const std::vector<std::string>& keys) const {
  std::vector<std::string> result;
  for (const std::string& key : keys) result.push_back(full(key));
  return result;
}

c10::intrusive_ptr<c10d::Store> BoundedStore::clone() {
  return c10::make_intrusive<BoundedStore>(link_, prefix_, deadline_, timeout_);
}

void BoundedStore::set(const std::string& key, const std::vector<uint8_t>& value) {
  request<void>(patience(), [key = full(key), value](c10d::Store& store) { store.set(key, value); });
}

std::vector<uint8_t> BoundedStore::compareSet(const std::string& key, const std::vector<uint8_t>& expected,
                                              const std::vector<uint8_t>& desired) {
  return request<std::vector<uint8_t>>(patience(), [key = full(key), expected, desired](c10d::Store& store) {
    return store.compareSet(key, expected, desired);
  });
}

std::vector<uint8_t> BoundedStore::get(const std::string& key) {
  return request<std::vector<uint8_t>>(patience(), [key = full(key), timeout = patience()](c10d::Store& store) {
    store.wait({key}, timeout);
    return store.get(key);
  });
}

int64_t BoundedStore::add(const std::string& key, int64_t value) {
  return request<int64_t>(patience(), [key = full(key), value](c10d::Store& store) { return store.add(key, value); });
}

bool BoundedStore::deleteKey(const std::string& key) {
  return request<bool>(patience(), [key = full(key)](c10d::Store& store) { return store.deleteKey(key); });
}

bool BoundedStore::check(const std::vector<std::string>& keys) {
  return request<bool>(patience(), [keys = full(keys)](c10d::Store& store) { return store.check(keys); });
}

int64_t BoundedStore::getNumKeys() {
  return request<int64_t>(patience(), [](c10d::Store& store) { return store.getNumKeys(); });
}

void BoundedStore::wait(const std::vector<std::string>& keys) {
  wait(keys, patience());
}

void BoundedStore::wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) {
  const auto time = deadline_ ? std::min(timeout, deadline_->remaining()) : timeout;
  request<void>(time, [keys = full(keys), time](c10d::Store& store) { store.wait(keys, time); });
}

void BoundedStore::append(const std::string& key, const std::vector<uint8_t>& value) {
  request<void>(patience(), [key = full(key), value](c10d::Store& store) { store.append(key, value); });
}

std::vector<std::vector<uint8_t>> BoundedStore::multiGet(const std::vector<std::string>& keys) {
  return request<std::vector<std::vector<uint8_t>>>(
      patience(), [keys = full(keys), timeout = patience()](c10d::Store& store) {
        store.wait(keys, timeout);
        return store.multiGet(keys);
      });
}

void BoundedStore::multiSet(const std::vector<std::string>& keys, const std::vector<std::vector<uint8_t>>& values) {
  request<void>(patience(), [keys = full(keys), values](c10d::Store& store) { store.multiSet(keys, values); });
}

bool BoundedStore::hasExtendedApi() const {
  return request<bool>(patience(), [](c10d::Store& store) { return store.hasExtendedApi(); });
}

void BoundedStore::queuePush(const std::string& key, const std::vector<uint8_t>& value) {
  request<void>(patience(), [key = full(key), value](c10d::Store& store) { store.queuePush(key, value); });
}

std::vector<uint8_t> BoundedStore::queuePop(const std::string& key, bool block) {
  return request<std::vector<uint8_t>>(
      patience(), [key = full(key), block](c10d::Store& store) { return store.queuePop(key, block); });
}

int64_t BoundedStore::queueLen(const std::string& key) {
  return request<int64_t>(patience(), [key = full(key)](c10d::Store& store) { return store.queueLen(key); });
}

}  // namespace metrics::distributed
