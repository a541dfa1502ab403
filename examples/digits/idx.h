#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace digits {

/// What an IDX file holds: numbers of one type in rows, the last dimension changing fastest.
template <class T>
struct Array {
  std::vector<int64_t> shape;
  std::vector<T> values;
};

/// Grey images and the class of each.
struct LabelledImages {
  int64_t count = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<uint8_t> pixels;  ///< count * rows * columns
  std::vector<uint8_t> labels;  ///< count
};

/// Reads an IDX file of unsigned bytes or of 32-bit floats, plain or compressed by gzip.
///
/// `rank`: the number of dimensions that the file must have. Throws `metrics::FormatError`, naming the file and the
/// byte, for whatever is not such a file from its first byte to its last.
Array<uint8_t> read_bytes(const std::filesystem::path& file, int64_t rank);
Array<float> read_floats(const std::filesystem::path& file, int64_t rank);

/// Writes an IDX file of 32-bit floats. Throws `metrics::Error` when it cannot.
void write_floats(const std::filesystem::path& file, const Array<float>& array);

/// Reads `<set>-images-idx3-ubyte` and `<set>-labels-idx1-ubyte` of a folder, each with or without `.gz`: the names of
/// MNIST's and Fashion-MNIST's files, whose sets are called `train` and `t10k`.
LabelledImages read_images(const std::filesystem::path& folder, const std::string& set);

/// The folder of the images that the repository ships, found from the program upwards. Throws `metrics::Error` where
/// they are not above it.
std::filesystem::path shipped_data();

}  // namespace digits
