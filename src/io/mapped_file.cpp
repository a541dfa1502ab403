#include "mapped_file.h"

#include <metrics/core/errors.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace metrics::io {
namespace {

[[noreturn]] void throw_unreadable(const std::string& name, const std::string& why) {
  throw FormatError(name + " cannot be read: " + why, name, -1);
}

/// A descriptor that is closed again. A map outlives it.
struct Descriptor {
  int number;
  ~Descriptor() { ::close(number); }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& file) : source_{.bytes = {}, .name = file.string()} {
  const int number = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) throw_unreadable(source_.name, std::strerror(errno));
  const Descriptor opened{number};
  struct stat info = {};
  if (::fstat(opened.number, &info) != 0) throw_unreadable(source_.name, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw_unreadable(source_.name, "it is no regular file");
  if (info.st_size == 0) return;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* const begin = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, opened.number, 0);
  if (begin == MAP_FAILED) throw_unreadable(source_.name, std::strerror(errno));
  source_.bytes = {static_cast<const char*>(begin), size};
}

MappedFile::~MappedFile() {
  if (!source_.bytes.empty()) ::munmap(const_cast<char*>(source_.bytes.data()), source_.bytes.size());
}

}  // namespace metrics::io
