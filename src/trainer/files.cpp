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

/// Closes, and keeps the reason of what failed before.
void close_quietly(int descriptor) {
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
}

}  // namespace

void write_whole(const std::filesystem::path& file, std::string_view bytes) {
  std::filesystem::path temporary = file;
  temporary += ".tmp";
  const int descriptor = opened(temporary);
  const bool done = wrote(descriptor, bytes) && ::fsync(descriptor) == 0;
  close_quietly(descriptor);
  if (!done || ::rename(temporary.c_str(), file.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    errno = reason;
    throw_unwritable(file);
  }
  // The name is flushed too, where the folder can be.
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (const int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); parent >= 0) {
    ::fsync(parent);
    ::close(parent);
  }
}

LineFile::LineFile(std::filesystem::path file) : file_(std::move(file)), descriptor_(opened(file_)) {}

LineFile::~LineFile() {
  ::close(descriptor_);
}

void LineFile::write(std::string_view line) {
  if (!wrote(descriptor_, std::string(line) + "\n")) throw_unwritable(file_);
}

}  // namespace metrics::trainer
