#include "atomic_file.h"

#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

namespace metrics::io {
namespace {

/// The file that a name stands for: renaming would put a file in the place of a link.
std::filesystem::path linked_to(const std::filesystem::path& file) {
  std::error_code problem;
  if (!std::filesystem::is_symlink(file, problem)) return file;
  const std::filesystem::path target = std::filesystem::weakly_canonical(file, problem);
  return problem ? file : target;
}

/// A name that no other process or thread writes to.
std::filesystem::path temporary_for(const std::filesystem::path& file) {
  static std::atomic<int64_t> count = 0;
  std::filesystem::path name = file;
  name += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  return name;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& file) : name_(file), file_(linked_to(file)) {
  std::error_code problem;
  const auto status = std::filesystem::status(file_, problem);
  if (std::filesystem::is_directory(status)) {
    errno = EISDIR;
    fail();
  }
  written_ =
      std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) ? file_ : temporary_for(file_);
  descriptor_ = ::open(written_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (written_ != file_) ::unlink(written_.c_str());
}

void AtomicFile::fail() {
  throw Error(name_.string() + " cannot be written: " + std::strerror(errno));
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (written_ == file_) {
    // A pipe and a terminal cannot be flushed to a disk.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail();
  } else {
    if (::fsync(descriptor_) != 0) fail();
    if (::rename(written_.c_str(), file_.c_str()) != 0) fail();
  }
  ::close(descriptor_);
  descriptor_ = -1;
  // The name is flushed too, where the folder can be.
  const std::filesystem::path folder = file_.has_parent_path() ? file_.parent_path() : ".";
  if (const int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); parent >= 0) {
    ::fsync(parent);
    ::close(parent);
  }
}

void write_file(const std::filesystem::path& file, std::string_view bytes) {
  AtomicFile whole(file);
  whole.write(bytes);
  whole.commit();
}

}  // namespace metrics::io
