// Archives of NumPy whose deflated arrays lie.

#include "eval/tensor_file.h"

#include "io/zip_bytes.h"
#include "trainer/folder.h"
#include <metrics/core/errors.h>

#include <ATen/core/Tensor.h>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

using metrics_test::deflated_file;
using metrics_test::Folder;
using metrics_test::zip_bytes;
using metrics_test::ZippedFile;

namespace {

/// A .npy file of int64 from 0 on.
std::string npy(int64_t count) {
  std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (" + std::to_string(count) + ",), }";
  header.resize(117, ' ');
  header += '\n';
  std::string file = std::string("\x93NUMPY\1\0", 8) + static_cast<char>(header.size()) + '\0' + header;
  for (int64_t i = 0; i < count; ++i) {
    char bytes[sizeof(i)];
    std::memcpy(bytes, &i, sizeof(i));
    file.append(bytes, sizeof(i));
  }
  return file;
}

std::vector<int64_t> read_archive(const std::string& archive) {
  const Folder folder;
  const auto path = folder.path() / "arrays.npz";
  std::ofstream(path, std::ios::binary) << archive;
  const auto file = metrics::eval::open_npz(path, "arrays.npz");
  const int64_t rows = file->rows("a");
  const metrics::eval::ColumnRequest request{"a", file->type("a")};
  const at::Tensor numbers = file->read({&request, 1}, 0, rows).front().toTensor();
  return {numbers.const_data_ptr<int64_t>(), numbers.const_data_ptr<int64_t>() + rows};
}

/// Why it is refused; empty where it is not.
std::string refusal_of(const std::string& archive) {
  try {
    read_archive(archive);
  } catch (const metrics::FormatError& error) {
    return error.what();
  }
  return "";
}

std::string refusal_of(const ZippedFile& file) {
  return refusal_of(zip_bytes({file}));
}

}  // namespace

TEST_CASE("eval: deflated arrays that are cut off anywhere, or changed anywhere, are refused") {
  const std::string archive = zip_bytes({deflated_file("a.npy", npy(50))});
  REQUIRE(read_archive(archive).size() == 50);
  for (std::size_t size = 0; size < archive.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal_of(archive.substr(0, size)) != "");
  }
  ZippedFile cut = deflated_file("a.npy", npy(50));
  const std::size_t size = cut.bytes.size();
  for (std::size_t left = 0; left < size; ++left) {
    CAPTURE(left);
    cut.bytes.resize(size - 1 - left);
    CHECK(refusal_of(cut) != "");
  }
  const ZippedFile whole = deflated_file("a.npy", npy(50));
  for (std::size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(i);
      CAPTURE(bit);
      ZippedFile changed = whole;
      changed.bytes[i] = static_cast<char>(changed.bytes[i] ^ 1 << bit);
      // Bits behind the end of the stream say nothing.
      if (refusal_of(changed).empty()) CHECK(read_archive(zip_bytes({changed})) == read_archive(archive));
    }
  }
}

TEST_CASE("eval: deflated arrays of other sizes or checksums than the archive says are refused") {
  const std::string full = npy(50);
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  ZippedFile file = deflated_file("a.npy", full);
  file.claimed_full_size = static_cast<uint32_t>(full.size()) - 1;
  CHECK(contains(refusal_of(file), "arrays.npz: a.npy: it inflates to more than the archive says"));
  file.claimed_full_size = static_cast<uint32_t>(full.size()) + 1;
  CHECK(contains(refusal_of(file), "it inflates to less than the archive says"));
  file.claimed_full_size = 0xfffffffeU;  // which is neither asked for as memory nor written to the disk
  CHECK(contains(refusal_of(file), "it inflates to less than the archive says"));
  file = deflated_file("a.npy", full);
  file.checksum_change = 1;
  CHECK(contains(refusal_of(file), "others than its checksum was made of"));
  file = deflated_file("a.npy", full);
  file.bytes += "more";
  CHECK(refusal_of(file).empty());  // what follows the end of the stream is not read
  file.bytes = "no stream at all";
  CHECK(contains(refusal_of(file), "its bytes cannot be inflated"));
  file.bytes.clear();
  CHECK(refusal_of(file) != "");
}

TEST_CASE("eval: a bomb is left off where it inflates beyond what the archive says") {
  // 64 MiB of zeros in 64 KiB: after the first piece of 256 KiB no more is inflated.
  ZippedFile bomb = deflated_file("a.npy", std::string(std::size_t{1} << 26, '\0'));
  REQUIRE(bomb.bytes.size() < 100000);
  bomb.claimed_full_size = 1000;
  CHECK(refusal_of(bomb).find("inflates to more") != std::string::npos);
  // One that says so is written to the temporary file, and no array then.
  bomb.claimed_full_size.reset();
  CHECK(refusal_of(bomb).find("this is no .npy file") != std::string::npos);
}
