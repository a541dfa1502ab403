// What libFuzzer gives to the readers of files, which know nothing of LibTorch. The first byte says which one; of the rest a pickle is made
// for the reader of pickles, because an archive's checksums would let no change pass.

#include "io/pickle.h"
#include "io/safetensors.h"
#include "io/tensors_in_file.h"
#include "io/torch_file.h"
#include "io/zip.h"

#include <metrics/core/errors.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace metrics::io;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Source source = {{reinterpret_cast<const char*>(data) + 1, size - 1}, "fuzzed"};
  try {
    switch (data[0] % 5) {
      case 0:
        read_pickle(source, 0, source.size(), Unknown::Keep);
        break;
      case 1:
        read_pickle(source, 0, source.size(), Unknown::Refuse);
        break;
      case 2:
        read_zip_directory(source);
        break;
      case 3:
        tensors_in(source);
        break;
      default:
        read_safetensors_header(source);
    }
  } catch (const metrics::FormatError& error) {
    if (error.offset() < 0 || error.offset() > static_cast<int64_t>(source.size())) __builtin_trap();
  }
  return 0;
}
