#include "inflate.h"

#include "spool.h"
#include <metrics/core/errors.h>

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace metrics::eval {
namespace {

/// zlib's state, which has to be given back.
struct Inflating {
  z_stream stream{};
  Inflating() {
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("zlib cannot begin");
  }
  ~Inflating() { ::inflateEnd(&stream); }
  Inflating(const Inflating&) = delete;
  Inflating& operator=(const Inflating&) = delete;
};

}  // namespace

std::unique_ptr<const io::MappedFile> inflated(const io::Source& archive, const io::ZipEntry& entry,
                                               const std::string& shown) {
  const auto refuse = [&](const std::string& why) { archive.refuse(entry.begin, shown + ": " + why); };
  Spool spool(shown);
  Inflating inflating;
  z_stream& stream = inflating.stream;
  std::string_view left = archive.text(entry.begin, entry.size);
  std::vector<unsigned char> buffer(std::size_t{1} << 18);
  uint64_t size = 0;
  uLong checksum = ::crc32(0, nullptr, 0);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::size_t next = std::min<std::size_t>(left.size(), std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left.data()));  // zlib's older face; it only reads
      stream.avail_in = static_cast<uInt>(next);
      left.remove_prefix(next);
    }
    stream.next_out = buffer.data();
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) refuse("its bytes cannot be inflated");
    const std::size_t count = buffer.size() - stream.avail_out;
    // A file that grows beyond what it says is not waited for.
    size += count;
    if (size > entry.full_size) refuse("it inflates to more than the archive says");
    checksum = ::crc32(checksum, buffer.data(), static_cast<uInt>(count));
    spool.append({reinterpret_cast<const char*>(buffer.data()), count});
  }
  if (size != entry.full_size) refuse("it inflates to less than the archive says");
  if (checksum != entry.checksum) refuse("its bytes are others than its checksum was made of");
  return std::make_unique<const io::MappedFile>(spool.path());
}

}  // namespace metrics::eval
