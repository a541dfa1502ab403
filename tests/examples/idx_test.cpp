#include "../../examples/digits/idx.h"

#include "contains.h"
#include <metrics/core/errors.h>

#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using metrics_test::contains;

namespace fs = std::filesystem;
using metrics::FormatError;

/// A folder of its own that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "idx-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

  fs::path write_gzip(const std::string& name, const std::string& bytes) const {
    gzFile file = gzopen((path_ / name).c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
    REQUIRE(gzclose(file) == Z_OK);
    return path_ / name;
  }

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string header(char type, std::initializer_list<uint32_t> shape) {
  std::string bytes{0, 0, type, static_cast<char>(shape.size())};
  for (const uint32_t extent : shape) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(extent >> shift & 0xff));
  }
  return bytes;
}

constexpr char kBytes = 0x08;
constexpr char kFloats = 0x0d;

/// Reads what must be refused; gives the message and checks the file and offset that come with it.
std::string refusal(const fs::path& file, int64_t rank, int64_t offset) {
  try {
    digits::read_bytes(file, rank);
  } catch (const FormatError& error) {
    CHECK(error.file() == file.string());
    CHECK(error.offset() == offset);
    CHECK(std::string(error.what()).find(file.string()) == 0);
    return error.what();
  }
  FAIL("read without complaint");
  return "";
}

}  // namespace

TEST_CASE("IDX: what is no IDX file is refused, with the file and the byte") {
  const Folder folder;
  const std::string four = header(kBytes, {2, 2}) + "abcd";

  CHECK(contains(refusal(folder.path() / "absent", 2, -1), "cannot be opened"));
  CHECK(contains(refusal(folder.path(), 2, -1), "is a folder"));
  CHECK(contains(refusal(folder.write("empty", ""), 2, 0), "ends within the magic number: 4 bytes are missing"));
  CHECK(contains(refusal(folder.write("text", "label,pixel\n"), 2, 0), "is not an IDX file"));
  CHECK(contains(refusal(folder.write("second", std::string("\0\1\x08\1", 4) + "xxxx"), 1, 0), "is not an IDX file"));
  CHECK(contains(refusal(folder.write("type", header(0x0b, {2, 2}) + "abcdefgh"), 2, 2),
                 "holds 16-bit integers, expected unsigned bytes"));
  CHECK(contains(refusal(folder.write("unknown", header(0x07, {2, 2}) + "abcd"), 2, 2), "an unknown type (7)"));
  CHECK(contains(refusal(folder.write("rank", four), 3, 3), "has 2 dimensions, expected 3"));
  CHECK(contains(refusal(folder.write("cut header", four.substr(0, 10)), 2, 10),
                 "ends within the dimensions: 2 bytes are missing"));
  CHECK(contains(refusal(folder.write("short", four.substr(0, 15)), 2, 15),
                 "its dimensions 2 x 2 need 4 bytes, it has 3"));
  CHECK(contains(refusal(folder.write("long", four + "e"), 2, 16), "goes on after the 4 bytes"));
}

TEST_CASE("IDX: dimensions that nothing can have are refused at once") {
  const Folder folder;
  CHECK(contains(refusal(folder.write("none", header(kBytes, {0, 28})), 2, 4), "empty dimension: 0 x 28"));
  CHECK(contains(refusal(folder.write("none", header(kBytes, {1, 0}) + "a"), 2, 4), "empty dimension: 1 x 0"));
  CHECK(contains(refusal(folder.write("beyond", header(kBytes, {0xffffffff, 0xffffffff, 0xffffffff}) + "abc"), 3, 4),
                 "beyond any file: 4294967295 x 4294967295 x 4294967295"));
  // These would fit a machine word, and take 16 EB if the header were believed before the content arrives.
  CHECK(contains(refusal(folder.write("lie", header(kBytes, {0x7fffffff, 0xffffffff}) + "abc"), 2, 15), "it has 3"));
  CHECK(contains(refusal(folder.write_gzip("lie.gz", header(kBytes, {0x7fffffff, 0xffffffff}) + "abc"), 2, 15),
                 "it has 3"));
}

TEST_CASE("IDX: damaged gzip files are refused") {
  const Folder folder;
  const std::string plain = header(kBytes, {300, 300}) + std::string(300 * 300, 'x');
  const std::string packed = content(folder.write_gzip("whole.gz", plain));
  REQUIRE(packed.size() > 60);
  CHECK(digits::read_bytes(folder.path() / "whole.gz", 2).values.size() == 90000);

  SUBCASE("cut within the data") {
    const auto file = folder.write("cut.gz", packed.substr(0, packed.size() / 2));
    CHECK_THROWS_WITH_AS(digits::read_bytes(file, 2), doctest::Contains("the compressed data end too early"),
                         FormatError);
  }
  SUBCASE("cut within gzip's header") {
    CHECK(contains(refusal(folder.write("cut.gz", packed.substr(0, 5)), 2, 0), "the compressed data end too early"));
  }
  SUBCASE("cut within the checksum, after the last pixel") {
    CHECK(contains(refusal(folder.write("cut.gz", packed.substr(0, packed.size() - 3)), 2, 90012),
                   "the compressed data end too early"));
  }
  SUBCASE("wrong checksum") {
    std::string wrong = packed;
    wrong[wrong.size() - 6] ^= 1;
    CHECK(contains(refusal(folder.write("sum.gz", wrong), 2, 90012), "incorrect data check"));
  }
  SUBCASE("damaged data") {
    std::string wrong = packed;
    for (size_t i = 12; i < 40; ++i) wrong[i] = static_cast<char>(0xff);
    const auto file = folder.write("damaged.gz", wrong);
    CHECK_THROWS_WITH_AS(digits::read_bytes(file, 2), doctest::Contains("the compressed data are damaged"),
                         FormatError);
  }
  SUBCASE("something else follows") {
    CHECK(contains(refusal(folder.write("tail.gz", packed + "tail"), 2, 90012), "damaged: incorrect header check"));
  }
  SUBCASE("more pixels follow, in the same or in a second gzip member") {
    CHECK(contains(refusal(folder.write_gzip("long.gz", plain + "y"), 2, 90012), "goes on after the 90000 bytes"));
    const std::string second = content(folder.write_gzip("second.gz", "y"));
    CHECK(contains(refusal(folder.write("two.gz", packed + second), 2, 90012), "goes on after the 90000 bytes"));
  }
}

TEST_CASE("IDX: plain, gzip and gzip in several members give the same array") {
  const Folder folder;
  std::string plain = header(kBytes, {3, 100, 250});
  for (int i = 0; i < 3 * 100 * 250; ++i) plain.push_back(static_cast<char>(i * 7 % 251));
  const auto expected = digits::read_bytes(folder.write("plain", plain), 3);
  CHECK(expected.shape == std::vector<int64_t>{3, 100, 250});
  CHECK(expected.values.size() == 75000);
  CHECK(expected.values[0] == 0);
  CHECK(expected.values[250] == 250 * 7 % 251);
  CHECK(expected.values[74999] == 74999 * 7 % 251);

  const auto packed = digits::read_bytes(folder.write_gzip("packed.gz", plain), 3);
  CHECK(packed.shape == expected.shape);
  CHECK(packed.values == expected.values);

  const std::string first = content(folder.write_gzip("a.gz", plain.substr(0, 1000)));
  const std::string rest = content(folder.write_gzip("b.gz", plain.substr(1000)));
  CHECK(digits::read_bytes(folder.write("members.gz", first + rest), 3).values == expected.values);
}

TEST_CASE("IDX: floats come back bit by bit, and are not taken for bytes") {
  const Folder folder;
  const digits::Array<float> scores{{2, 3}, {0.0f, -0.0f, 1.5f, -3.25e-40f, 3.0e38f, 0.1f}};
  const fs::path file = folder.path() / "scores";
  digits::write_floats(file, scores);
  CHECK(content(file).substr(0, 16) == header(kFloats, {2, 3}) + std::string(4, '\0'));
  const auto back = digits::read_floats(file, 2);
  CHECK(back.shape == scores.shape);
  REQUIRE(back.values.size() == scores.values.size());
  for (size_t i = 0; i < scores.values.size(); ++i) {
    CHECK(std::bit_cast<uint32_t>(back.values[i]) == std::bit_cast<uint32_t>(scores.values[i]));
  }
  CHECK(contains(refusal(file, 2, 2), "holds 32-bit floats, expected unsigned bytes"));
  CHECK_THROWS_AS(digits::write_floats(folder.path() / "no" / "such", scores), metrics::Error);
}

TEST_CASE("IDX: a folder of images and labels as MNIST's") {
  const Folder folder;
  const std::string images = header(kBytes, {2, 1, 3}) + "abcdef";
  CHECK_THROWS_WITH_AS(digits::read_images(folder.path(), "train"),
                       doctest::Contains("train-images-idx3-ubyte: no such file"), FormatError);
  folder.write_gzip("train-images-idx3-ubyte.gz", images);
  CHECK_THROWS_WITH_AS(digits::read_images(folder.path(), "train"),
                       doctest::Contains("train-labels-idx1-ubyte: no such file"), FormatError);
  folder.write("train-labels-idx1-ubyte", header(kBytes, {3}) + "\1\2\3");
  CHECK_THROWS_WITH_AS(digits::read_images(folder.path(), "train"),
                       doctest::Contains("has 3 labels for the 2 images of"), FormatError);
  folder.write("train-labels-idx1-ubyte", header(kBytes, {2}) + "\1\2");
  const auto set = digits::read_images(folder.path(), "train");
  CHECK(set.count == 2);
  CHECK(set.rows == 1);
  CHECK(set.columns == 3);
  CHECK(std::string(set.pixels.begin(), set.pixels.end()) == "abcdef");
  CHECK(set.labels == std::vector<uint8_t>{1, 2});
}

TEST_CASE("IDX: the digits that are shipped") {
  const fs::path data = fs::path(METRICS_SOURCE_DIR) / "examples" / "digits" / "data";
  const auto train = digits::read_images(data, "train");
  const auto test = digits::read_images(data, "t10k");
  CHECK(train.count + test.count == 1797);
  CHECK(test.count % 2 != 0);
  CHECK(test.count % 3 != 0);
  for (const auto* set : {&train, &test}) {
    CHECK(set->rows == 8);
    CHECK(set->columns == 8);
    CHECK(*std::max_element(set->pixels.begin(), set->pixels.end()) == 16);
    CHECK(*std::max_element(set->labels.begin(), set->labels.end()) == 9);
  }
}
