#include "idx.h"

#include <metrics/core/errors.h>

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <span>
#include <utility>

namespace digits {
namespace {

namespace fs = std::filesystem;
using metrics::Error;
using metrics::FormatError;

constexpr size_t kChunk = 1 << 16;

/// The bytes of a file in order, unpacked where it begins as gzip does. Offsets count unpacked bytes.
class Source {
 public:
  explicit Source(const fs::path& file) : name_(file.string()), stream_(file, std::ios::binary) {
    if (fs::is_directory(file)) fail("is a folder", -1);
    if (!stream_) fail("cannot be opened: " + std::string(std::strerror(errno)), -1);
    fill();
    packed_ = waiting_.size() >= 2 && waiting_[0] == 0x1f && waiting_[1] == 0x8b;
    // 16 asks zlib for gzip's header and checksum and for nothing else.
    if (packed_ && inflateInit2(&zlib_, 16 + MAX_WBITS) != Z_OK) fail("cannot be unpacked: out of memory", -1);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (packed_) inflateEnd(&zlib_);
  }

  /// Reads up to `out.size()` bytes: fewer only where the file ends.
  size_t read(std::span<uint8_t> out) {
    size_t done = 0;
    while (done < out.size()) {
      const size_t got = packed_ ? unpack(out.subspan(done)) : copy(out.subspan(done));
      if (got == 0) break;
      done += got;
      offset_ += static_cast<int64_t>(got);
    }
    return done;
  }

  int64_t offset() const { return offset_; }

  [[noreturn]] void fail(const std::string& what, int64_t offset) const {
    const std::string at = offset < 0 ? "" : " at byte " + std::to_string(offset);
    throw FormatError(name_ + at + ": " + what, name_, offset);
  }

 private:
  void fill() {
    buffer_.resize(kChunk);
    stream_.read(reinterpret_cast<char*>(buffer_.data()), static_cast<std::streamsize>(buffer_.size()));
    waiting_ = std::span(buffer_).first(static_cast<size_t>(stream_.gcount()));
  }

  size_t copy(std::span<uint8_t> out) {
    if (waiting_.empty()) fill();
    const size_t n = std::min(out.size(), waiting_.size());
    std::copy_n(waiting_.begin(), n, out.begin());
    waiting_ = waiting_.subspan(n);
    return n;
  }

  size_t unpack(std::span<uint8_t> out) {
    zlib_.next_out = out.data();
    zlib_.avail_out = static_cast<uInt>(std::min<size_t>(out.size(), std::numeric_limits<uInt>::max()));
    const uInt wanted = zlib_.avail_out;
    const auto reached = [&] { return offset_ + (zlib_.next_out - out.data()); };
    while (zlib_.avail_out == wanted) {
      if (waiting_.empty()) fill();
      if (member_ended_) {
        if (waiting_.empty()) return 0;
        // gzip files may follow each other in one file; anything else that follows is refused below.
        inflateReset(&zlib_);
        member_ended_ = false;
      }
      if (waiting_.empty()) fail("the compressed data end too early", reached());
      zlib_.next_in = waiting_.data();
      zlib_.avail_in = static_cast<uInt>(waiting_.size());
      const int status = inflate(&zlib_, Z_NO_FLUSH);
      waiting_ = waiting_.last(zlib_.avail_in);
      member_ended_ = status == Z_STREAM_END;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        fail(std::string("the compressed data are damaged: ") + (zlib_.msg ? zlib_.msg : "no gzip data"), reached());
      }
    }
    return wanted - zlib_.avail_out;
  }

  std::string name_;
  std::ifstream stream_;
  std::vector<uint8_t> buffer_;
  std::span<uint8_t> waiting_;
  z_stream zlib_{};
  bool packed_ = false;
  bool member_ended_ = false;
  int64_t offset_ = 0;
};

enum class ElementType : uint8_t { UnsignedByte = 0x08, Float = 0x0d };

std::string described(uint8_t type) {
  switch (type) {
    case 0x08:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "16-bit integers";
    case 0x0c:
      return "32-bit integers";
    case 0x0d:
      return "32-bit floats";
    case 0x0e:
      return "64-bit floats";
    default:
      return "an unknown type (" + std::to_string(type) + ")";
  }
}

std::string described(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

uint32_t from_big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

void read_exactly(Source& source, std::span<uint8_t> out, const std::string& what) {
  const size_t got = source.read(out);
  if (got < out.size()) {
    source.fail("ends within " + what + ": " + std::to_string(out.size() - got) + " bytes are missing",
                source.offset());
  }
}

std::vector<int64_t> read_header(Source& source, ElementType type, int64_t rank) {
  uint8_t magic[4];
  read_exactly(source, magic, "the magic number");
  if (magic[0] != 0 || magic[1] != 0) source.fail("is not an IDX file: it does not begin with two zero bytes", 0);
  const auto expected = static_cast<uint8_t>(type);
  if (magic[2] != expected) source.fail("holds " + described(magic[2]) + ", expected " + described(expected), 2);
  if (magic[3] != rank) {
    source.fail("has " + std::to_string(magic[3]) + " dimensions, expected " + std::to_string(rank), 3);
  }
  std::vector<int64_t> shape;
  for (int64_t i = 0; i < rank; ++i) {
    uint8_t extent[4];
    read_exactly(source, extent, "the dimensions");
    shape.push_back(from_big_endian(extent));
  }
  return shape;
}

/// Bytes that the shape asks for; fails where they could not be the size of anything.
int64_t checked_size(const Source& source, const std::vector<int64_t>& shape, int64_t element_size) {
  int64_t size = element_size;
  for (const int64_t extent : shape) {
    if (extent == 0) source.fail("has an empty dimension: " + described(shape), 4);
    if (size > std::numeric_limits<int64_t>::max() / extent) {
      source.fail("has dimensions beyond any file: " + described(shape), 4);
    }
    size *= extent;
  }
  return size;
}

/// Reads `size` bytes, taking memory only as they arrive: the header may lie.
std::vector<uint8_t> read_content(Source& source, const std::vector<int64_t>& shape, int64_t size) {
  std::vector<uint8_t> content;
  while (static_cast<int64_t>(content.size()) < size) {
    const size_t had = content.size();
    content.resize(had + static_cast<size_t>(std::min<int64_t>(size - static_cast<int64_t>(had), kChunk)));
    const size_t got = source.read(std::span(content).subspan(had));
    if (had + got < content.size()) {
      source.fail("ends too early: its dimensions " + described(shape) + " need " + std::to_string(size) +
                      " bytes, it has " + std::to_string(had + got),
                  source.offset());
    }
  }
  const int64_t end = source.offset();
  uint8_t extra[1];
  if (source.read(extra) > 0) {
    source.fail(
        "goes on after the " + std::to_string(size) + " bytes that its dimensions " + described(shape) + " need", end);
  }
  return content;
}

Array<uint8_t> read_array(const fs::path& file, ElementType type, int64_t element_size, int64_t rank) {
  Source source(file);
  Array<uint8_t> array;
  array.shape = read_header(source, type, rank);
  array.values = read_content(source, array.shape, checked_size(source, array.shape, element_size));
  return array;
}

fs::path plain_or_packed(const fs::path& file) {
  const fs::path packed = file.string() + ".gz";
  if (fs::exists(file)) return file;
  if (fs::exists(packed)) return packed;
  throw FormatError(file.string() + ": no such file, nor with .gz", file.string(), -1);
}

void append_big_endian(std::string& bytes, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

Array<uint8_t> read_bytes(const fs::path& file, int64_t rank) {
  return read_array(file, ElementType::UnsignedByte, 1, rank);
}

Array<float> read_floats(const fs::path& file, int64_t rank) {
  const Array<uint8_t> raw = read_array(file, ElementType::Float, 4, rank);
  Array<float> array{raw.shape, std::vector<float>(raw.values.size() / 4)};
  for (size_t i = 0; i < array.values.size(); ++i) {
    array.values[i] = std::bit_cast<float>(from_big_endian(raw.values.data() + 4 * i));
  }
  return array;
}

void write_floats(const fs::path& file, const Array<float>& array) {
  std::string bytes{0, 0, static_cast<char>(ElementType::Float), static_cast<char>(array.shape.size())};
  for (const int64_t extent : array.shape) append_big_endian(bytes, static_cast<uint32_t>(extent));
  for (const float value : array.values) append_big_endian(bytes, std::bit_cast<uint32_t>(value));
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) throw Error(file.string() + " could not be written: " + std::strerror(errno));
}

LabelledImages read_images(const fs::path& folder, const std::string& set) {
  const fs::path images_file = plain_or_packed(folder / (set + "-images-idx3-ubyte"));
  const fs::path labels_file = plain_or_packed(folder / (set + "-labels-idx1-ubyte"));
  Array<uint8_t> images = read_bytes(images_file, 3);
  Array<uint8_t> labels = read_bytes(labels_file, 1);
  if (images.shape[0] != labels.shape[0]) {
    throw FormatError(labels_file.string() + " has " + std::to_string(labels.shape[0]) + " labels for the " +
                          std::to_string(images.shape[0]) + " images of " + images_file.string(),
                      labels_file.string(), 4);
  }
  return {images.shape[0], images.shape[1], images.shape[2], std::move(images.values), std::move(labels.values)};
}

fs::path shipped_data() {
  for (fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();; folder = folder.parent_path()) {
    const fs::path data = folder / "examples" / "digits" / "data";
    if (fs::exists(data)) return data;
    if (folder == folder.parent_path())
      throw Error("the digits that this program ships are not above it: say their folder (--data)");
  }
}

}  // namespace digits
