#include "files.h"

#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace metrics::trainer {
namespace {

[[noreturn]] void throw_unwritable(const std::filesystem::path& file) {
  throw Error(file.string() + " cannot be written: " + std::strerror(errno));
}

int opened(const std::filesystem::path& file, GrowingFile::Begin begin) {
  using enum GrowingFile::Begin;
  const int flags = begin == Empty ? O_TRUNC : begin == New ? O_EXCL : 0;
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
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

void make_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (!problem && !std::filesystem::is_directory(folder)) problem = std::make_error_code(std::errc::not_a_directory);
  if (problem) throw Error("folder " + folder.string() + " cannot be made: " + problem.message());
}

std::string content_of(const std::filesystem::path& file) {
  std::error_code problem;
  if (!std::filesystem::is_regular_file(file, problem)) return {};
  std::ifstream stream(file, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(stream), {});
  if (!stream) throw Error(file.string() + " cannot be read: " + std::strerror(errno));
  return content;
}

void keep_lines(const std::filesystem::path& file,
                const std::function<bool(std::string_view line, std::size_t number)>& keep) {
  const std::string content = content_of(file);
  std::string kept;
  std::size_t begin = 0, number = 0;
  for (std::size_t end; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1, ++number) {
    const std::string_view line(content.data() + begin, end - begin);
    if (keep(line, number)) kept.append(line).append("\n");
  }
  if (kept.size() != content.size()) io::write_file(file, kept);
}

GrowingFile::GrowingFile(std::filesystem::path file, Begin begin)
    : file_(std::move(file)), descriptor_(opened(file_, begin)) {}

GrowingFile::~GrowingFile() {
  ::close(descriptor_);
}

void GrowingFile::write(std::string_view bytes) {
  if (!wrote(descriptor_, bytes)) throw_unwritable(file_);
}

void GrowingFile::write_line(std::string line) {
  write(line += '\n');
}

}  // namespace metrics::trainer
