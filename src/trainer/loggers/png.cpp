#include "png.h"

#include <metrics/core/errors.h>

#include <zlib.h>

#include <string_view>
#include <vector>

namespace metrics::trainer {
namespace {

void append_big_endian(std::string& bytes, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
}

void append_chunk(std::string& file, std::string_view type, std::string_view data) {
  append_big_endian(file, static_cast<uint32_t>(data.size()));
  const size_t begin = file.size();
  file.append(type).append(data);
  const auto* checked = reinterpret_cast<const Bytef*>(file.data() + begin);
  append_big_endian(file, static_cast<uint32_t>(crc32_z(0, checked, file.size() - begin)));
}

std::string compressed(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string result(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()), 6);
  if (status != Z_OK) throw Error("a picture could not be compressed: zlib's status " + std::to_string(status));
  result.resize(size);
  return result;
}

}  // namespace

std::string png_of(const at::Tensor& pixels) {
  const auto height = static_cast<size_t>(pixels.size(0)), line = static_cast<size_t>(pixels.size(1)) * 3;
  const auto* bytes = static_cast<const char*>(pixels.const_data_ptr());
  std::string lines;
  lines.reserve(height * (line + 1));
  for (size_t y = 0; y < height; ++y) {
    lines += '\0';  // the line is not filtered
    lines.append(bytes + y * line, line);
  }
  std::string header;
  append_big_endian(header, static_cast<uint32_t>(pixels.size(1)));
  append_big_endian(header, static_cast<uint32_t>(pixels.size(0)));
  header += {8, 2, 0, 0, 0};  // bits a channel, RGB, deflate, its filters, not interlaced
  std::string file = "\x89PNG\r\n\x1a\n";
  append_chunk(file, "IHDR", header);
  append_chunk(file, "IDAT", compressed(lines));
  append_chunk(file, "IEND", {});
  return file;
}

}  // namespace metrics::trainer
