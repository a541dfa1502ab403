// What libFuzzer gives to the readers of tables, from bytes to tensors and texts. The first byte says which one; the
// last of them is given what is inflated alone, because an archive's checksums would let no change pass.

#include "eval/delimited_file.h"
#include "eval/inflate.h"
#include "eval/json_lines.h"
#include "eval/tensor_file.h"
#include <metrics/core/errors.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace metrics::eval;

namespace {

/// A file in memory, written anew for each input.
class FileInMemory {
 public:
  FileInMemory() : descriptor_(::memfd_create("fuzzed", MFD_CLOEXEC)) {}

  std::filesystem::path with(std::string_view bytes) const {
    const bool written = ::ftruncate(descriptor_, 0) == 0 &&
                         ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    if (!written) __builtin_trap();
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

template <class Call>
void or_error(const Call& call) {
  try {
    call();
  } catch (const metrics::Error&) {
  }
}

int64_t rows_in(const c10::IValue& column) {
  return column.isTensor() ? column.toTensor().size(0) : static_cast<int64_t>(column.toListRef().size());
}

/// Reads the beginning and the end of each column, as what it is and as what else may be asked for.
void read_all(ColumnFile& file) {
  constexpr int64_t most = 8;
  const std::array<ColumnType, 4> other_types{{{.holds = ColumnType::Holds::Texts},
                                               {.holds = ColumnType::Holds::Values},
                                               {.dtype = at::kLong},
                                               {.dtype = at::kDouble, .row_shape = {2}}}};
  for (const std::string& name : file.columns()) {
    int64_t rows = 0;
    std::vector<ColumnType> types(other_types.begin(), other_types.end());
    or_error([&] {
      rows = file.rows(name);
      types.push_back(file.type(name));
    });
    for (const ColumnType& type : types) {
      for (const int64_t first : {int64_t{0}, std::max<int64_t>(0, rows - most)}) {
        or_error([&] {
          const int64_t count = std::min(most, rows - first);
          const ColumnRequest request{name, type};
          const std::vector<c10::IValue> read = file.read({&request, 1}, first, count);
          if (read.size() != 1 || rows_in(read.front()) != count) __builtin_trap();
        });
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const FileInMemory file;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  or_error([&] {
    switch (data[0] % 6) {
      case 0:
        return read_all(*open_delimited(file.with(bytes), "fuzzed.csv", ','));
      case 1:
        return read_all(*open_delimited(file.with(bytes), "fuzzed.tsv", '\t'));
      case 2:
        return read_all(*open_json_lines(file.with(bytes), "fuzzed.jsonl"));
      case 3:
        return read_all(*open_npy(file.with(bytes), "fuzzed.npy"));
      case 4:
        return read_all(*open_npz(file.with(bytes), "fuzzed.npz"));
      default: {
        const metrics::io::Source source{bytes, "fuzzed.npz"};
        const auto claimed = source.number<uint32_t>(0);
        inflated(source,
                 {.name = "fuzzed.npy",
                  .method = metrics::io::ZipEntry::Method::Deflated,
                  .checksum = source.number<uint32_t>(4),
                  .header = 0,
                  .begin = 8,
                  .size = bytes.size() - 8,
                  .full_size = claimed % (1U << 20)},
                 "fuzzed.npy");
      }
    }
  });
  return 0;
}
