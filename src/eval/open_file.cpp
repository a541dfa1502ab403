#include "open_file.h"

#include "delimited_file.h"
#include "io/mapped_file.h"
#include "json_lines.h"
#include "tensor_file.h"
#include <metrics/core/errors.h>

#include <glob.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace metrics::eval {
namespace {

using Open = std::unique_ptr<ColumnFile> (*)(const std::filesystem::path&, const std::string&);

std::unique_ptr<ColumnFile> open_csv(const std::filesystem::path& file, const std::string& shown) {
  return open_delimited(file, shown, ',');
}
std::unique_ptr<ColumnFile> open_tsv(const std::filesystem::path& file, const std::string& shown) {
  return open_delimited(file, shown, '\t');
}

constexpr std::array<std::pair<std::string_view, Open>, 10> by_ending = {{{".npy", open_npy},
                                                                          {".npz", open_npz},
                                                                          {".safetensors", open_tensors},
                                                                          {".pt", open_tensors},
                                                                          {".pth", open_tensors},
                                                                          {".bin", open_tensors},
                                                                          {".csv", open_csv},
                                                                          {".tsv", open_tsv},
                                                                          {".jsonl", open_json_lines},
                                                                          {".ndjson", open_json_lines}}};

Open by_content(const io::Source& source) {
  const std::string_view bytes = source.bytes;
  const std::string_view beginning = bytes.substr(0, std::size_t{1} << 16);
  if (bytes.starts_with("\x93NUMPY")) return open_npy;
  if (bytes.starts_with("PK\x03\x04")) {
    // The archives of torch.save have a pickle near their beginning, those of NumPy have none.
    return beginning.find("/data.pkl") != std::string_view::npos ? open_tensors : open_npz;
  }
  constexpr std::size_t length = 8;  // of the size that begins a safetensors file
  if (bytes.size() > length && bytes[length] == '{' && bytes[length - 1] == '\0') return open_tensors;
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && bytes[first] == '{') return open_json_lines;
  const std::string_view line = beginning.substr(0, beginning.find('\n'));
  return line.find('\t') != std::string_view::npos ? open_tsv : open_csv;
}

}  // namespace

std::unique_ptr<ColumnFile> open_column_file(const std::filesystem::path& file, const std::string& shown) {
  const std::string ending = std::filesystem::path(shown).extension().string();
  const auto known =
      std::find_if(by_ending.begin(), by_ending.end(), [&](const auto& each) { return each.first == ending; });
  const Open open = known != by_ending.end() ? known->second : by_content(io::MappedFile(file).source());
  return open(file, shown);
}

std::vector<std::string> matching_files(const std::string& pattern) {
  if (std::filesystem::exists(pattern)) return {pattern};
  ::glob_t found = {};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> files;
  if (status == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (files.empty()) {
    const bool is_pattern = pattern.find_first_of("*?[") != std::string::npos;
    throw Error(is_pattern ? "no file matches " + pattern : pattern + " cannot be read: there is no such file");
  }
  return files;
}

}  // namespace metrics::eval
