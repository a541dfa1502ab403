#include "spool.h"

#include <metrics/core/errors.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace metrics::eval {

Spool::Spool(std::string content) : content_(std::move(content)) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::string name = (folder / "metrics-eval-XXXXXX").string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    throw Error(content_ + " cannot be kept in " + folder.string() + ": " + std::strerror(errno));
  }
  ::unlink(name.c_str());
}

Spool::~Spool() {
  ::close(descriptor_);
}

void Spool::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(content_ + " cannot be kept in a temporary file: " + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::filesystem::path Spool::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_);
}

void append_all(Spool& spool, int descriptor) {
  std::vector<char> buffer(std::size_t{1} << 20);
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) return;
    spool.append({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace metrics::eval
