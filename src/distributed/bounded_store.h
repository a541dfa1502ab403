#pragma once

#include "deadline.h"

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metrics::distributed {

/// A store whose every request ends: at the deadline of the work that it serves, or a second after the store's own timeout.
/// c10d's stores send a request and receive the answer without a limit, so that a rank 0 that is stopped, or a foreign program
/// at its port, would keep the others for ever.
class BoundedStore : public c10d::Store {
 public:
  using Pointer = c10::intrusive_ptr<BoundedStore>;
  using Make = std::function<c10::intrusive_ptr<c10d::Store>(std::chrono::milliseconds timeout)>;

  /// Connects to the store that `make` connects to, and again where it has stopped to answer and is asked later. `place` names
  /// it in messages, `port` is that of its server, 0 where there is none. Throws what `make` throws, and DeadlinePassed.
  static Pointer open(Make make, std::string place, uint16_t port, const Deadline& deadline);
  /// A store that is there: as it is where it is bounded.
  static Pointer around(c10::intrusive_ptr<c10d::Store> store, std::chrono::milliseconds timeout);

  /// The same store, for work that ends at `deadline`.
  Pointer until(const Deadline& deadline) const;
  /// The same store, for requests that have `timeout` each.
  Pointer with_timeout(std::chrono::milliseconds timeout) const;
  /// The same store over a connection of its own, made at its first request: for who asks while another request waits,
  /// which a connection serves first, and which would end with it.
  Pointer over_own_link() const;
  /// The part of it whose keys begin with `prefix`.
  Pointer under(const std::string& prefix) const;

  /// Once the work is done: from here on requests have `timeout` each.
  void outlast(std::chrono::milliseconds timeout);
  const std::string& place() const;

  /// Whether the server took the connection of the request that had no answer.
  static bool was_connected(const std::exception& error);

  using c10d::Store::compareSet;
  using c10d::Store::set;
  c10::intrusive_ptr<c10d::Store> clone() override;
  void set(const std::string& key, const std::vector<uint8_t>& value) override;
  std::vector<uint8_t> compareSet(const std::string& key, const std::vector<uint8_t>& expected,
                                  const std::vector<uint8_t>& desired) override;
  std::vector<uint8_t> get(const std::string& key) override;
  int64_t add(const std::string& key, int64_t value) override;
  bool deleteKey(const std::string& key) override;
  bool check(const std::vector<std::string>& keys) override;
  int64_t getNumKeys() override;
  void wait(const std::vector<std::string>& keys) override;
  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) override;
  void append(const std::string& key, const std::vector<uint8_t>& value) override;
  std::vector<std::vector<uint8_t>> multiGet(const std::vector<std::string>& keys) override;
  void multiSet(const std::vector<std::string>& keys, const std::vector<std::vector<uint8_t>>& values) override;
  bool hasExtendedApi() const override;
  void queuePush(const std::string& key, const std::vector<uint8_t>& value) override;
  std::vector<uint8_t> queuePop(const std::string& key, bool block) override;
  int64_t queueLen(const std::string& key) override;

  struct Link;
  BoundedStore(std::shared_ptr<Link> link, std::string prefix, std::optional<Deadline> deadline,
               std::chrono::milliseconds timeout);

 private:
  template <class T>
  T request(std::chrono::milliseconds patience, std::function<T(c10d::Store&)> ask) const;
  std::chrono::milliseconds patience() const;
  std::string full(const std::string& key) const { return prefix_ + key; }
  std::vector<std::string> full(const std::vector<std::string>& keys) const;

  std::shared_ptr<Link> link_;
  std::string prefix_;
  std::optional<Deadline> deadline_;
};

}  // namespace metrics::distributed
