#include "backends.h"

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <cstdlib>
#include <sstream>
#include <string>

namespace metrics::distributed {

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const Membership& membership, const Deadline& deadline) {
  using Gloo = c10d::ProcessGroupGloo;
  auto options = Gloo::Options::create(deadline.remaining());
  const char* interfaces = std::getenv("GLOO_SOCKET_IFNAME");
  if (interfaces != nullptr && *interfaces != '\0') {
    std::istringstream names(interfaces);
    for (std::string name; std::getline(names, name, ',');)
      options->devices.push_back(Gloo::createDeviceForInterface(name));
  } else if (membership.one_host) {
    options->devices.push_back(Gloo::createDeviceForHostname("127.0.0.1"));
  } else {
    options->devices.push_back(Gloo::createDefaultDevice());
  }
  // Metrics send one collective at a time, a Reducer a few.
  options->threads = static_cast<int>(options->devices.size()) * 2;
  auto backend = c10::make_intrusive<Gloo>(membership.store, static_cast<int>(membership.rank),
                                           static_cast<int>(membership.world_size), std::move(options));
  backend->setTimeout(membership.timeout);
  return backend;
}

void wait_for_all(c10d::Backend& backend, const Deadline& deadline) {
  c10d::BarrierOptions options;
  options.timeout = deadline.remaining();
  backend.barrier(options)->wait();
}

}  // namespace metrics::distributed
