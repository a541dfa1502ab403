#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace metrics_test {

/// A file to be put into an archive, and in what its headers shall lie.
struct ZippedFile {
  std::string name;
  std::string bytes;
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t checksum_change = 0;
  uint32_t header_change = 0;
  std::optional<uint32_t> claimed_size = {};
  std::optional<std::string> full_bytes = {};  // where `bytes` are these, deflated
  std::optional<uint32_t> claimed_full_size = {};
  std::optional<std::string> local_name = {};
};

/// Bytes deflated as archives have them, without zlib's own header.
inline std::string deflated(const std::string& bytes) {
  z_stream stream{};
  ::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string to(::deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib's older face; it only reads
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  ::deflate(&stream, Z_FINISH);
  to.resize(stream.total_out);
  ::deflateEnd(&stream);
  return to;
}
inline ZippedFile deflated_file(const std::string& name, const std::string& bytes) {
  return {.name = name, .bytes = deflated(bytes), .method = 8, .full_bytes = bytes};
}

/// An archive of these files, as the format describes it without ZIP64.
inline std::string zip_bytes(const std::vector<ZippedFile>& files) {
  std::string archive, directory;
  const auto two = [](uint32_t number) {
    return std::string{static_cast<char>(number), static_cast<char>(number >> 8U)};
  };
  const auto four = [&](uint32_t number) { return two(number & 0xffffU) + two(number >> 16U); };
  for (const ZippedFile& file : files) {
    const auto size = static_cast<uint32_t>(file.bytes.size());
    const std::string& full = file.full_bytes ? *file.full_bytes : file.bytes;
    const auto full_size = static_cast<uint32_t>(full.size());
    const auto* bytes = reinterpret_cast<const Bytef*>(full.data());
    const uint32_t checksum = static_cast<uint32_t>(::crc32(0, bytes, full_size)) + file.checksum_change;
    const std::string middle = two(file.flags) + two(file.method) + four(0) + four(checksum) +
                               four(file.claimed_size.value_or(size)) +
                               four(file.claimed_full_size.value_or(file.claimed_size.value_or(full_size)));
    const std::string& local_name = file.local_name ? *file.local_name : file.name;
    directory += "PK\1\2" + two(20) + two(20) + middle + two(static_cast<uint32_t>(file.name.size())) +
                 std::string(12, '\0') + four(static_cast<uint32_t>(archive.size()) + file.header_change) + file.name;
    archive +=
        "PK\3\4" + two(20) + middle + two(static_cast<uint32_t>(local_name.size())) + two(0) + local_name + file.bytes;
  }
  const auto count = static_cast<uint32_t>(files.size());
  return archive + directory + "PK\5\6" + four(0) + two(count) + two(count) +
         four(static_cast<uint32_t>(directory.size())) + four(static_cast<uint32_t>(archive.size())) + two(0);
}

/// A file of torch.save with that pickle, but for its protocol.
inline std::string pickle_file(const std::string& pickle) {
  return zip_bytes({{"archive/data.pkl", "\x80\x02" + pickle}});
}

}  // namespace metrics_test
