#include "files.h"

#include <metrics/core/errors.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace metrics::trainer {
namespace {

[[noreturn]] void throw_unwritable(const std::filesystem::path& file) {
  throw Error(file.string() + " cannot be written: " + std::strerror(errno));
}

int opened(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) throw_unwritable(file);
  return descriptor;
}

bool wrote(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

LineFile::LineFile(std::filesystem::path file) : file_(std::move(file)), descriptor_(opened(file_)) {}

LineFile::~LineFile() {
  ::close(descriptor_);
}

void LineFile::write(std::string_view line) {
  if (!wrote(descriptor_, std::string(line) + "\n")) throw_unwritable(file_);
}

}  // namespace metrics::trainer
