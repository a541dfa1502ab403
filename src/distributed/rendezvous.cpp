#include "rendezvous.h"

#include "backends.h"
#include <metrics/core/errors.h>

#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>
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

std::string waited(const Deadline& deadline) {
  return std::to_string(deadline.timeout().count()) + " ms";
}

/// Waits until the host's name has an address: where a cluster starts its machines together, the name service may learn of
/// rank 0 after the others have asked.
void await_address(const std::string& host, const std::string& who, const Deadline& deadline) {
  constexpr std::chrono::milliseconds between(250);
  std::string reason = "the name service does not answer";
  while (!deadline.passed()) {
    int error = 0;
    try {
      error = apart<int>(deadline.end(), [host] {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* addresses = nullptr;
        const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &addresses);
        if (failed == 0) ::freeaddrinfo(addresses);
        return failed;
      });
    } catch (const DeadlinePassed&) {
      break;
    }
    if (error == 0) return;
    reason = ::gai_strerror(error);
    std::this_thread::sleep_for(std::min(between, deadline.remaining()));
  }
  throw SyncError("init_process_group: " + who + " waited " + waited(deadline) + " for the host '" + host +
                  "' of rank 0 to have an address (" + reason + ")");
}

BoundedStore::Pointer connect_tcp(const Address& address, const Environment& environment, const Deadline& deadline) {
  const std::string place = address.host + ":" + std::to_string(address.port);
  const std::string who = "rank " + std::to_string(environment.rank) + " of " + std::to_string(environment.world_size);
  const bool serves = environment.rank == 0 && !environment.agent_store;
  await_address(address.host, who, deadline);
  const auto connect = [address, serves](std::chrono::milliseconds timeout) -> c10::intrusive_ptr<c10d::Store> {
    c10d::TCPStoreOptions options;
    options.port = address.port;
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = timeout;
    // A group that follows a broken one meets at the same server.
    options.multiTenant = true;
    if (serves && is_loopback(address.host))
      if (const int listener = listen_on_loopback(address.port); listener >= 0) options.masterListenFd = listener;
    return c10::make_intrusive<c10d::TCPStore>(address.host, options);
  };
  const std::string server = environment.agent_store ? "the launcher's store" : "rank 0";
  try {
    return BoundedStore::open(connect, "the store at " + place, address.port, deadline);
  } catch (const std::exception& error) {
    if (BoundedStore::was_connected(error))
      throw SyncError("init_process_group: " + who + " waited " + waited(deadline) + " for an answer of " + server +
                      " at " + place + ", which took the connection: it is stopped, or another program listens there");
    throw SyncError((serves ? "init_process_group: rank 0 cannot listen at " + place
                            : "init_process_group: " + who + " cannot reach " + server + " at " + place + " within " +
                                  waited(deadline)) +
                    " (" + first_line(error) + ")");
  }
}

BoundedStore::Pointer open_file(const std::string& path, const Environment& environment, const Deadline& deadline) {
  const std::string who = "rank " + std::to_string(environment.rank) + " of " + std::to_string(environment.world_size);
  // The store's constructor would try to open the file for five minutes, whatever the time-out.
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw SyncError("init_process_group: cannot use the file " + path + ": there is no folder " + folder.string());
  const auto open = [path, members = static_cast<int>(environment.world_size)](
                        std::chrono::milliseconds timeout) -> c10::intrusive_ptr<c10d::Store> {
    auto store = c10::make_intrusive<c10d::FileStore>(path, members);
    store->setTimeout(timeout);
    return store;
  };
  try {
    return BoundedStore::open(open, "the file " + path, 0, deadline);
  } catch (const DeadlinePassed&) {
    throw SyncError("init_process_group: " + who + " waited " + waited(deadline) + " for the file " + path +
                    ", which it cannot open or which another process keeps locked");
  } catch (const std::exception& error) {
    throw SyncError("init_process_group: cannot use the file " + path + " (" + first_line(error) + ")");
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
  return std::string("host:") + name;
}

// How long a member that waits for one key at the store does not look at the others.
constexpr std::chrono::milliseconds between_looks(500);

/// Tells this call from every other one, of other processes and of this one.
std::string call_token() {
  static std::atomic<uint64_t> calls = 0;
  std::random_device random;
  std::ostringstream token;
  token << std::hex << random() << random() << "-" << ::getpid() << "-" << ++calls;
  return token.str();
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<int64_t> numbers_in(const std::string& list) {
  std::vector<int64_t> numbers;
  std::istringstream stream(list);
  for (std::string number; std::getline(stream, number, ',');) numbers.push_back(std::stoll(number));
  return numbers;
}

/// One call of `meet`. The store holds the number of attempts, and of each attempt: that it is open, what each member has
/// said ("token host"), and how it went: "all" with what the members said, or "closed" with who gave up and whom it missed.
class Attempts {
 public:
  Attempts(const BoundedStore::Pointer& store, const std::string& name, const Membership& membership,
           const Deadline& deadline)
      : place_(store->under("metrics/" + name)),
        membership_(membership),
        deadline_(deadline),
        in_time_(place_->until(deadline)),
        own_word_(call_token() + " " + host_identity()) {}

  Meeting run() {
    try {
      return met_at(membership_.rank == 0 ? lead() : follow());
    } catch (const SyncError&) {
      throw;
    } catch (const DeadlinePassed&) {
      throw SyncError(membership_.own_name() + " waited " + waited(deadline_) + " for an answer of " + place_->place() +
                      ", where the process group meets: the process that serves it is stopped or cut off");
    } catch (const std::exception& error) {
      if (missed_.empty())
        throw SyncError(membership_.own_name() + " lost " + place_->place() +
                        ", where the process group meets: has rank 0 died? (" + first_line(error) + ")");
      throw_absent(missed_, deadline_.waited(), given_up_ + " and has left");
    }
  }

 private:
  using Members = std::vector<int64_t>;

  static std::string key_of(int64_t attempt, const std::string& what) { return std::to_string(attempt) + "/" + what; }
  static std::string member_key(int64_t attempt, int64_t member) {
    return key_of(attempt, "member/" + std::to_string(member));
  }
  static std::string heard_key(int64_t attempt, int64_t member) {
    return key_of(attempt, "heard/" + std::to_string(member));
  }

  /// The store; after the deadline for a moment more, in which a member says that it gives up.
  BoundedStore& store() {
    constexpr std::chrono::milliseconds to_say_so(500);
    if (!deadline_.passed()) return *in_time_;
    if (!afterwards_) afterwards_ = place_->until(Deadline(to_say_so));
    return *afterwards_;
  }

  /// Member 0: opens an attempt, and another when a member has given this one up.
  int64_t lead() {
    while (true) {
      const int64_t attempt = store().add("attempts", 1);
      store().set(member_key(attempt, 0), own_word_);
      store().set(key_of(attempt, "open"), "1");
      std::vector<std::string> keys;
      for (int64_t member = 1; member < membership_.world_size; ++member) keys.push_back(member_key(attempt, member));
      bool all = false;
      while (!all && outcome(attempt).empty() && !deadline_.passed()) all = wait_a_look(keys);
      if (all && counts(decide(attempt, "all " + words(attempt)))) return attempt;
      for (int64_t member = 0; member < membership_.world_size; ++member)
        if (has_come(attempt, member)) came_.insert(member);
      if (deadline_.passed()) give_up_leading(attempt);
    }
  }

  [[noreturn]] void give_up_leading(int64_t attempt) {
    Members never;
    Members now;
    std::vector<std::string> heard;
    for (int64_t member = 0; member < membership_.world_size; ++member) {
      const bool here = has_come(attempt, member);
      if (!came_.contains(member)) never.push_back(member);
      if (!here) now.push_back(member);
      if (here && member != 0) heard.push_back(heard_key(attempt, member));
    }
    const Members& missing = never.empty() ? now : never;
    decide(attempt, closing(missing));
    try {
      // This member may serve the store: it stays until the others have heard.
      if (!heard.empty()) store().wait(heard);
    } catch (const std::exception&) {
      // They find out by the store's end.
    }
    throw_absent(missing, deadline_.timeout(), never.empty() ? "it had come before and given up" : "");
  }

  /// The others: come to the newest attempt and wait how it goes, until one is valid.
  int64_t follow() {
    int64_t joined = 0;
    while (!deadline_.passed()) {
      const int64_t newest = store().add("attempts", 0);
      if (joined != 0 && joined != newest) {
        // Member 0 is another process, or in another call: what it left is closed, so that it never becomes valid.
        if (counts(decide(joined, closing({0})))) return joined;
        joined = 0;
      }
      if (joined == 0) {
        if (newest == 0 || !outcome(newest).empty()) {
          wait_a_look({key_of(newest + 1, "open")});
          continue;
        }
        joined = newest;
        store().set(member_key(joined, membership_.rank), own_word_);
      }
      if (!wait_a_look({key_of(joined, "outcome")})) continue;
      const std::string how = outcome(joined);
      if (counts(how)) return joined;
      hear(joined, how);
      joined = 0;
    }
    return give_up_following(joined);
  }

  int64_t give_up_following(int64_t joined) {
    Members missing = missed_;
    if (joined != 0) {
      missing.clear();
      for (int64_t member = 0; member < membership_.world_size; ++member)
        if (!has_come(joined, member)) missing.push_back(member);
      if (counts(decide(joined, closing(missing.empty() ? Members{0} : missing)))) return joined;
      if (missing.empty())
        throw SyncError(membership_.own_name() + " waited " + waited(deadline_) + " for rank " +
                            std::to_string(membership_.names(0)) +
                            " to begin with the process group, to which all have come",
                        "", "", {membership_.names(0)});
    }
    throw_absent(missing.empty() ? Members{0} : missing, deadline_.timeout(), given_up_);
  }

  bool wait_a_look(const std::vector<std::string>& keys) {
    try {
      store().wait(keys, between_looks);
      return true;
    } catch (const DeadlinePassed&) {
      throw;
    } catch (const c10::DistNetworkError&) {
      throw;
    } catch (const std::exception&) {
      // They are not there yet, unless the store is gone: then this throws, too.
      return store().check(keys);
    }
  }

  bool has_come(int64_t attempt, int64_t member) { return store().check({member_key(attempt, member)}); }

  /// What all members said, in rank order.
  std::string words(int64_t attempt) {
    std::string all;
    for (int64_t member = 0; member < membership_.world_size; ++member)
      all += (member == 0 ? "" : " ") + store().get_to_str(member_key(attempt, member));
    return all;
  }

  /// How an attempt went; empty as long as it is not decided.
  std::string outcome(int64_t attempt) {
    const std::string key = key_of(attempt, "outcome");
    return store().check({key}) ? store().get_to_str(key) : "";
  }

  /// Decides an attempt unless it was decided; returns how it was.
  std::string decide(int64_t attempt, const std::string& how) {
    return store().compareSet(key_of(attempt, "outcome"), "", how);
  }

  std::string closing(const Members& missing) const {
    return "closed " + std::to_string(membership_.rank) + " " + listed(missing);
  }

  /// Whether an attempt that went like this has this very call among its members.
  bool counts(const std::string& how) {
    words_ = words_of(how);
    const std::size_t own = 1 + static_cast<std::size_t>(membership_.rank) * 2;
    return own < words_.size() && words_[0] == "all" && words_[own] == words_of(own_word_)[0];
  }

  /// Keeps who gave up an attempt to which this call had come, and whom that one missed.
  void hear(int64_t attempt, const std::string& how) {
    const std::vector<std::string> parts = words_of(how);
    if (parts.size() != 3 || parts[0] != "closed") return;
    const int64_t by = std::stoll(parts[1]);
    missed_ = numbers_in(parts[2]);
    given_up_ = "rank " + std::to_string(membership_.names(by)) + " gave up before";
    if (by == 0) store().set(heard_key(attempt, membership_.rank), "1");
  }

  [[noreturn]] void throw_absent(const Members& absent, std::chrono::milliseconds time, const std::string& more) const {
    Members ranks;
    for (const int64_t member : absent) ranks.push_back(membership_.names(member));
    throw SyncError(membership_.own_name() + " waited " + std::to_string(time.count()) + " ms for rank " +
                        listed(ranks, ", ") + " to come to the process group" + (more.empty() ? "" : "; " + more),
                    "", "", ranks);
  }

  Meeting met_at(int64_t attempt) const {
    Meeting meeting{place_->under(std::to_string(attempt))->with_timeout(membership_.timeout)};
    const auto host = [&](int64_t member) { return words_[2 + static_cast<std::size_t>(member) * 2]; };
    meeting.local_world_size = 0;
    for (int64_t member = 0; member < membership_.world_size; ++member) {
      if (host(member) != host(membership_.rank)) continue;
      if (member < membership_.rank) ++meeting.local_rank;
      ++meeting.local_world_size;
    }
    meeting.one_host = meeting.local_world_size == membership_.world_size;
    return meeting;
  }

  BoundedStore::Pointer place_;
  const Membership& membership_;
  Deadline deadline_;
  BoundedStore::Pointer in_time_;
  BoundedStore::Pointer afterwards_;
  std::string own_word_;
  std::vector<std::string> words_;  ///< Of the attempt that is valid.
  std::set<int64_t> came_;
  Members missed_;
  std::string given_up_;
};

}  // namespace

std::string Membership::own_name() const {
  const std::string name = names.text(rank);
  const std::vector<int64_t>& all = names.world_ranks();
  return name + (all.empty() ? " of " + std::to_string(world_size) : " (of the group of ranks " + listed(all) + ")");
}

std::string listed(const std::vector<int64_t>& ranks, const char* separator) {
  std::string list;
  for (const int64_t rank : ranks) list += (list.empty() ? "" : separator) + std::to_string(rank);
  return list;
}

Rendezvous rendezvous(const ProcessGroupOptions& options, const Deadline& deadline) {
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
  if (env) address = {environment.master_address, environment.master_port};
  result.store = file ? open_file(options.init_method.substr(file_scheme.size()), environment, deadline)
                      : connect_tcp(address, environment, deadline);
  // torchrun's store outlives the workers that it restarts, some of which had come further than others.
  if (environment.restart_count > 0)
    result.store = result.store->under("restart/" + std::to_string(environment.restart_count));
  return result;
}

Meeting meet(const BoundedStore::Pointer& store, const std::string& name, const Membership& membership,
             const Deadline& deadline) {
  return Attempts(store, name, membership, deadline).run();
}

}  // namespace metrics::distributed
