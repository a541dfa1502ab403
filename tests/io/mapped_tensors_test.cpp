#include "trainer/folder.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using at::Tensor;
using metrics::FormatError;
using metrics::io::map_npy;
using metrics::io::map_safetensors;
using metrics::io::read_safetensors;
using metrics::io::Safetensors;
using metrics::io::write_safetensors;
using metrics_test::Folder;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Whether two tensors' elements begin at one place.
bool same_place(const Tensor& a, const Tensor& b) {
  return a.const_data_ptr() == b.const_data_ptr();
}

/// What NumPy writes for `expression`.
std::filesystem::path saved_by_numpy(const Folder& folder, const std::string& name, const std::string& expression) {
  const std::filesystem::path file = folder.path() / name;
  const std::string command =
      std::string(METRICS_PYTHON) + " -c 'import numpy as np; np.save(\"" + file.string() + "\", " + expression + ")'";
  REQUIRE(std::system(command.c_str()) == 0);
  return file;
}

}  // namespace

TEST_CASE("mapped files: what is no such file is refused by its name") {
  const Folder folder;
  for (const char* missing : {"missing", ""}) {
    const std::filesystem::path file = folder.path() / missing;
    const auto why =
        doctest::Contains(*missing == '\0' ? "it is no regular file" : "missing cannot be read: No such file");
    CHECK_THROWS_WITH_AS(map_safetensors(file), why, FormatError);
    CHECK_THROWS_WITH_AS(map_npy(file), why, FormatError);
  }
  const std::filesystem::path file = folder.path() / "file";
  std::ofstream(file) << "";
  CHECK_THROWS_WITH_AS(map_safetensors(file), doctest::Contains(file.c_str()), FormatError);
  CHECK_THROWS_WITH_AS(map_npy(file), doctest::Contains(file.c_str()), FormatError);
  // Cut anywhere it is refused, and nothing beyond its end is looked at.
  write_safetensors(file, {{{"a", at::arange(6)}, {"b", at::ones({3})}}, {}});
  const auto size = std::filesystem::file_size(file);
  for (std::uintmax_t left = size - 1; left > 0; left -= std::min<std::uintmax_t>(left, 7)) {
    std::filesystem::resize_file(file, left);
    CHECK_THROWS_AS(map_safetensors(file), FormatError);
  }
  write_safetensors(file, {{{"answers", at::ones({3}, at::kBool)}}, {}});
  std::string bytes = bytes_of(file);
  bytes.back() = 2;
  std::ofstream(file, std::ios::binary) << bytes;
  CHECK_THROWS_WITH_AS(map_safetensors(file),
                       doctest::Contains("answers` of bools holds bytes that are neither 0 nor 1"), FormatError);

  CHECK_THROWS_WITH_AS(map_npy(saved_by_numpy(folder, "texts.npy", "np.array([\"a\", \"bc\"])")),
                       doctest::Contains("an array of numbers was expected"), FormatError);
  const auto cut = saved_by_numpy(folder, "cut.npy", "np.arange(9.)");
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) - 1);
  CHECK_THROWS_WITH_AS(map_npy(cut), doctest::Contains(cut.c_str()), FormatError);
}

TEST_CASE("mapped files: the tensors are those that reading gives, and last as long as somebody has them") {
  const Folder folder;
  const std::filesystem::path file = folder.path() / "all.safetensors";
  Safetensors content;
  content.metadata["author"] = "somebody";
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
                          at::kFloat, at::kDouble})
    content.tensors[c10::toString(type)] = at::arange(12).view({3, 4}).remainder(2).to(type);
  content.tensors["empty"] = at::empty({0, 3});
  content.tensors["one"] = at::scalar_tensor(7);
  write_safetensors(file, content);
  Safetensors mapped = map_safetensors(file);
  const Safetensors read = read_safetensors(file);
  CHECK(mapped.metadata == read.metadata);
  REQUIRE(mapped.tensors.size() == read.tensors.size());
  for (const auto& [name, tensor] : read.tensors) {
    CAPTURE(name);
    const Tensor& its = mapped.tensors.at(name);
    CHECK((its.scalar_type() == tensor.scalar_type()));
    CHECK(its.sizes() == tensor.sizes());
    CHECK(its.equal(tensor));
  }
  // A view keeps the map, and a file that takes the place of this one is another.
  const Tensor row = mapped.tensors.at("Double").select(0, 2);
  mapped = {};
  write_safetensors(file, {{{"other", at::zeros({100})}}, {}});
  CHECK(row.equal(read.tensors.at("Double").select(0, 2)));
}

TEST_CASE("mapped files: a write is this tensor's alone, and the file's bytes stay") {
  const Folder folder;
  const std::filesystem::path file = folder.path() / "data.safetensors";
  write_safetensors(file, {{{"x", at::arange(5000)}}, {}});
  const std::string before = bytes_of(file);
  const Safetensors one = map_safetensors(file), other = map_safetensors(file);
  CHECK_FALSE(same_place(one.tensors.at("x"), other.tensors.at("x")));
  one.tensors.at("x").neg_();
  CHECK(one.tensors.at("x").equal(-at::arange(5000)));
  CHECK(other.tensors.at("x").equal(at::arange(5000)));
  CHECK(bytes_of(file) == before);
}

TEST_CASE("mapped files: elements that begin at no multiple of their size are copied") {
  const Folder folder;
  const std::filesystem::path file = folder.path() / "data.safetensors";
  write_safetensors(
      file,
      {{{"a", at::ones({3}, at::kByte)}, {"b", at::arange(4)}, {"c", at::ones({5}, at::kByte)}, {"d", at::arange(4)}},
       {}});
  const Safetensors mapped = map_safetensors(file);
  const auto place = [&](const char* name) {
    return reinterpret_cast<std::uintptr_t>(mapped.tensors.at(name).const_data_ptr());
  };
  for (const char* name : {"b", "d"}) {
    CHECK(mapped.tensors.at(name).equal(at::arange(4)));
    CHECK(place(name) % sizeof(int64_t) == 0);
  }
  CHECK(place("c") == place("a") + 3 + 32);  // in the map
  CHECK(place("d") == place("c") + 5);       // 40 bytes behind "a", so as well
  CHECK(place("b") != place("a") + 3);       // not
}

TEST_CASE("mapped files: arrays that NumPy wrote") {
  const Folder folder;
  const Tensor counted = at::arange(24).view({2, 3, 4});
  CHECK(map_npy(saved_by_numpy(folder, "c.npy", "np.arange(24).reshape(2, 3, 4)")).equal(counted));
  const Tensor fortran = map_npy(saved_by_numpy(folder, "f.npy", "np.asfortranarray(np.arange(24).reshape(2, 3, 4))"));
  CHECK(fortran.equal(counted));
  CHECK(fortran.strides() == at::IntArrayRef({1, 2, 6}));
  CHECK(map_npy(saved_by_numpy(folder, "h.npy", "np.float16([1.5, -2])")).equal(at::tensor({1.5, -2.0}).to(at::kHalf)));
  CHECK(map_npy(saved_by_numpy(folder, "b.npy", "np.array([True, False])")).equal(at::tensor({1, 0}).to(at::kBool)));
  CHECK(map_npy(saved_by_numpy(folder, "one.npy", "np.float64(7)")).equal(at::scalar_tensor(7, at::kDouble)));
  CHECK(map_npy(saved_by_numpy(folder, "empty.npy", "np.zeros((0, 3), np.float32)")).sizes() ==
        at::IntArrayRef({0, 3}));
}
