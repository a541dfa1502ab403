#include "rendezvous.h"

#include "backends.h"
#include <metrics/core/errors.h>

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

namespace metrics::distributed {
namespace {

constexpr std::string_view tcp_scheme = "tcp://";
constexpr std::string_view file_scheme = "file://";

struct Address {
  std::string host;
  uint16_t port = 0;
};

[[noreturn]] void throw_bad_init_method(const std::string& method) {
  throw InvalidArgument("init_process_group: init_method is '" + method +
                        "', expected env://, tcp://host:port or file:///path");
}

Address parse_tcp(const std::string& method) {
  const std::string_view rest = std::string_view(method).substr(tcp_scheme.size());
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw_bad_init_method(method);
  Address address{std::string(rest.substr(0, colon)), 0};
  if (address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  const auto [end, error] = std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), address.port);
  if (error != std::errc() || end != rest.data() + rest.size() || address.port == 0) throw_bad_init_method(method);
  return address;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.starts_with("127.");
}

/// A socket for the store's server that other machines cannot reach; -1 where the port is taken, perhaps by an earlier
/// group's server in this process, which then serves this group too.
int listen_on_loopback(uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 && ::listen(listener, 1024) == 0)
    return listener;
  ::close(listener);
  return -1;
}

c10::intrusive_ptr<c10d::Store> connect_tcp(const Address& address, const Environment& environment,
                                            std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = address.port;
  options.isServer = environment.rank == 0 && !environment.agent_store;
  options.waitWorkers = false;
  options.timeout = timeout;
  // A group that follows a broken one meets at the same server.
  options.multiTenant = true;
  if (options.isServer && is_loopback(address.host))
    if (const int listener = listen_on_loopback(address.port); listener >= 0) options.masterListenFd = listener;
  try {
    return c10::make_intrusive<c10d::TCPStore>(address.host, options);
  } catch (const std::exception& error) {
    const std::string place = address.host + ":" + std::to_string(address.port);
    throw SyncError((options.isServer
                         ? "init_process_group: rank 0 cannot listen at " + place
                         : "init_process_group: rank " + std::to_string(environment.rank) + " cannot reach rank 0 at " +
                               place + " within " + std::to_string(timeout.count()) + " ms") +
                    " (" + first_line(error) + ")");
  }
}

/// Equal for processes that reach each other over loopback: the same boot of the same kernel, the same network.
std::string host_identity() {
  std::string identity;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> identity;
  std::error_code ignored;
  identity += std::filesystem::read_symlink("/proc/self/ns/net", ignored).string();
  if (!identity.empty()) return identity;
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

std::string member_key(int64_t rank) {
  return "member/" + std::to_string(rank);
}

/// Keeps rank 0, who may serve the store, until those who came have seen who did not.
void await_departures(c10d::Store& store, int64_t rank, const std::vector<int64_t>& present) {
  constexpr std::chrono::milliseconds patience(1000);
  const auto key = [](int64_t member) { return "departed/" + std::to_string(member); };
  try {
    store.set(key(rank), "1");
    std::vector<std::string> keys;
    for (const int64_t member : present) keys.push_back(key(member));
    if (rank == 0) store.wait(keys, patience);
  } catch (const std::exception&) {
    // They find out by the store's end.
  }
}

}  // namespace

Rendezvous rendezvous(const ProcessGroupOptions& options) {
  const bool env = options.init_method == "env://";
  const bool tcp = options.init_method.starts_with(tcp_scheme);
  const bool file = options.init_method.starts_with(file_scheme) && options.init_method.size() > file_scheme.size();
  if (!env && !tcp && !file) throw_bad_init_method(options.init_method);

  Rendezvous result;
  Address address = tcp ? parse_tcp(options.init_method) : Address{};
  result.environment = read_environment(environment_variables(), {.rank = options.rank,
                                                                  .world_size = options.world_size,
                                                                  .local_rank = options.local_rank,
                                                                  .local_world_size = options.local_world_size,
                                                                  .needs_master = env});
  auto& environment = result.environment;
  if (environment.world_size == 1) return result;
  if (!env) environment.agent_store = false;

  if (file) {
    const std::string path = options.init_method.substr(file_scheme.size());
    // The store's constructor would try to open the file for five minutes, whatever the time-out.
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
      throw SyncError("init_process_group: cannot use the file " + path + ": there is no folder " + folder.string());
    try {
      result.store = c10::make_intrusive<c10d::FileStore>(path, static_cast<int>(environment.world_size));
      result.store->setTimeout(options.timeout);
    } catch (const std::exception& error) {
      throw SyncError("init_process_group: cannot use the file " + path + " (" + error.what() + ")");
    }
  } else {
    if (env) address = {environment.master_address, environment.master_port};
    result.store = connect_tcp(address, environment, options.timeout);
  }
  // torchrun's store outlives the workers that it restarts, some of which had come further than others.
  if (environment.restart_count > 0)
    result.store =
        c10::make_intrusive<c10d::PrefixStore>("restart/" + std::to_string(environment.restart_count), result.store);
  result.store = fresh_store(result.store, "group", environment.rank);
  return result;
}

Meeting meet(c10d::Store& store, int64_t rank, int64_t world_size, std::chrono::milliseconds timeout) {
  const std::string own = host_identity();
  std::vector<std::string> keys;
  for (int64_t member = 0; member < world_size; ++member) keys.push_back(member_key(member));
  std::vector<std::string> hosts;
  try {
    store.set(member_key(rank), own);
    try {
      store.wait(keys, timeout);
    } catch (const std::exception&) {
      std::vector<int64_t> absent;
      std::vector<int64_t> present;
      std::string names;
      for (int64_t member = 0; member < world_size; ++member) {
        const bool came = store.check({keys[static_cast<size_t>(member)]});
        (came ? present : absent).push_back(member);
        if (came) continue;
        names += (names.empty() ? "" : ", ") + std::to_string(member);
      }
      await_departures(store, rank, present);
      throw SyncError("rank " + std::to_string(rank) + " of " + std::to_string(world_size) + " waited " +
                          std::to_string(timeout.count()) + " ms for rank " + names + " to come to the process group",
                      "", "", std::move(absent));
    }
    for (const auto& key : keys) hosts.push_back(store.get_to_str(key));
  } catch (const SyncError&) {
    throw;
  } catch (const std::exception& error) {
    throw SyncError("rank " + std::to_string(rank) + " of " + std::to_string(world_size) +
                    " lost the store at which the process group meets: has rank 0 died? (" + first_line(error) + ")");
  }
  const auto end_before = hosts.begin() + static_cast<std::ptrdiff_t>(rank);
  Meeting meeting;
  meeting.local_rank = std::count(hosts.begin(), end_before, own);
  meeting.local_world_size = std::count(hosts.begin(), hosts.end(), own);
  meeting.one_host = meeting.local_world_size == world_size;
  return meeting;
}

c10::intrusive_ptr<c10d::Store> fresh_store(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name,
                                            int64_t rank) {
  try {
    const int64_t number = store->add("metrics/" + name + "/count/" + std::to_string(rank), 1);
    return c10::make_intrusive<c10d::PrefixStore>("metrics/" + name + "/" + std::to_string(number), store);
  } catch (const std::exception& error) {
    throw SyncError("rank " + std::to_string(rank) +
                    " lost the store at which the process group meets: has rank 0 died? (" + first_line(error) + ")");
  }
}

}  // namespace metrics::distributed
