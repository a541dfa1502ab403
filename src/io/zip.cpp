#include "zip.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>

namespace metrics::io {
namespace {

// APPNOTE.TXT, the description of the format by PKWARE, names these records and their fields.
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDirectoryHeader = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kZip64End = 0x06064b50;
constexpr uint32_t kZip64Locator = 0x07064b50;

constexpr uint64_t kLocalHeaderSize = 30;
constexpr uint64_t kDirectoryHeaderSize = 46;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kZip64EndSize = 56;
constexpr uint64_t kZip64LocatorSize = 20;

/// Where the directory lies, and how many entries it claims.
struct DirectoryExtent {
  uint64_t begin;
  uint64_t size;
  uint64_t entries;
};

/// The last record of an archive: a comment of up to 65,535 bytes may follow it, and nothing else.
uint64_t find_end(const Source& source) {
  if (source.size() < kEndSize) source.refuse(0, "the file is too short for a zip archive");
  const uint64_t last = source.size() - kEndSize;
  for (uint64_t comment = 0; comment <= std::min<uint64_t>(last, 0xffff); ++comment) {
    const uint64_t at = last - comment;
    if (source.number<uint32_t>(at) == kEnd && source.number<uint16_t>(at + 20) == comment) return at;
  }
  source.refuse(0, "this is no zip archive, or its end is missing");
}

DirectoryExtent directory_of(const Source& source) {
  const uint64_t end = find_end(source);
  if (source.number<uint16_t>(end + 4) != 0 || source.number<uint16_t>(end + 6) != 0) {
    source.refuse(end, "the archive is split over several disks");
  }
  DirectoryExtent extent = {source.number<uint32_t>(end + 16), source.number<uint32_t>(end + 12),
                            source.number<uint16_t>(end + 10)};
  uint64_t records_end = end;
  if (end >= kZip64LocatorSize && source.number<uint32_t>(end - kZip64LocatorSize) == kZip64Locator) {
    const uint64_t locator = end - kZip64LocatorSize;
    const auto at = source.number<uint64_t>(locator + 8);
    if (!source.holds(at, kZip64EndSize) || at > locator - kZip64EndSize || source.number<uint32_t>(at) != kZip64End) {
      source.refuse(locator, "the ZIP64 record is not where it should be");
    }
    extent = {source.number<uint64_t>(at + 48), source.number<uint64_t>(at + 40), source.number<uint64_t>(at + 32)};
    records_end = at;
  }
  if (extent.begin > records_end || extent.size > records_end - extent.begin ||
      extent.entries > extent.size / kDirectoryHeaderSize) {
    source.refuse(end, "the directory lies outside of the file, or claims more entries than fit into it");
  }
  return extent;
}

/// A field of 64 bits that stands in the place of one of 32 that is full.
class Zip64Fields {
 public:
  Zip64Fields(const Source& source, uint64_t extra, uint64_t size) : source_(source), at_(extra), end_(extra) {
    for (uint64_t at = extra; at + 4 <= extra + size;) {
      const auto field = source.number<uint16_t>(at);
      const uint64_t length = source.number<uint16_t>(at + 2);
      if (length > extra + size - at - 4) source.refuse(at, "an extra field is longer than its entry says");
      if (field == 1) {
        at_ = at + 4;
        end_ = at_ + length;
        return;
      }
      at += 4 + length;
    }
  }

  uint64_t value(uint32_t narrow) {
    if (narrow != 0xffffffff) return narrow;
    if (end_ - at_ < 8) source_.refuse(at_, "a ZIP64 field is missing");
    at_ += 8;
    return source_.number<uint64_t>(at_ - 8);
  }

 private:
  const Source& source_;
  uint64_t at_;
  uint64_t end_;
};

void require_harmless(const Source& source, uint64_t at, std::string_view name) {
  const auto refuse = [&](const std::string& why) { source.refuse(at, "the entry " + printable(name) + " " + why); };
  if (name.empty() || !is_utf8(name) || name.find('\0') != std::string_view::npos) refuse("has no usable name");
  if (name.front() == '/' || name.find('\\') != std::string_view::npos) refuse("is no path within the archive");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") refuse("leads out of the archive");
    begin = end + 1;
  }
}

ZipEntry::Method method_of(const Source& source, uint64_t at, std::string_view name, uint16_t number) {
  if (number == 0) return ZipEntry::Method::Stored;
  if (number == 8) return ZipEntry::Method::Deflated;
  source.refuse(at, "the entry " + printable(name) + " is compressed by method " + std::to_string(number) +
                        ", which is neither stored nor deflated");
}

/// The entry whose directory header stands at `at`.
ZipEntry read_entry(const Source& source, uint64_t at, uint64_t directory) {
  if (source.number<uint32_t>(at) != kDirectoryHeader) source.refuse(at, "an entry of the directory should begin here");
  const auto flags = source.number<uint16_t>(at + 8);
  const auto method = source.number<uint16_t>(at + 10);
  const uint64_t name_size = source.number<uint16_t>(at + 28);
  const std::string_view name = source.text(at + kDirectoryHeaderSize, name_size);
  require_harmless(source, at, name);
  const auto refuse = [&](uint64_t where, const std::string& why) {
    source.refuse(where, "the entry " + printable(name) + " " + why);
  };
  if ((flags & 1U) != 0 || (flags & 0x40U) != 0) refuse(at, "is encrypted");

  Zip64Fields wide(source, at + kDirectoryHeaderSize + name_size, source.number<uint16_t>(at + 30));
  ZipEntry entry = {.name = name,
                    .method = method_of(source, at, name, method),
                    .checksum = source.number<uint32_t>(at + 16),
                    .header = 0,
                    .begin = 0,
                    .size = 0,
                    .full_size = wide.value(source.number<uint32_t>(at + 24))};
  entry.size = wide.value(source.number<uint32_t>(at + 20));
  entry.header = wide.value(source.number<uint32_t>(at + 42));

  if (!source.holds(entry.header, kLocalHeaderSize) || source.number<uint32_t>(entry.header) != kLocalHeader) {
    refuse(at, "has no header where the directory says");
  }
  const uint64_t local_name_size = source.number<uint16_t>(entry.header + 26);
  entry.begin = entry.header + kLocalHeaderSize + local_name_size + source.number<uint16_t>(entry.header + 28);
  if (entry.begin > directory || entry.size > directory - entry.begin) refuse(at, "reaches beyond the entries");
  if (source.text(entry.header + kLocalHeaderSize, local_name_size) != name ||
      source.number<uint16_t>(entry.header + 8) != method) {
    refuse(entry.header, "says something else in its own header than in the directory");
  }
  if (entry.method == ZipEntry::Method::Stored && entry.full_size != entry.size) {
    refuse(at, "is stored, and has two sizes");
  }
  return entry;
}

void require_apart(const Source& source, const std::vector<ZipEntry>& entries) {
  std::unordered_set<std::string_view> names;
  std::vector<const ZipEntry*> by_place;
  for (const ZipEntry& entry : entries) {
    if (!names.insert(entry.name).second)
      source.refuse(entry.header, "the entry " + printable(entry.name) + " occurs twice");
    by_place.push_back(&entry);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->header < b->header; });
  for (std::size_t i = 1; i < by_place.size(); ++i) {
    const ZipEntry& before = *by_place[i - 1];
    if (by_place[i]->header >= before.begin + before.size) continue;
    source.refuse(by_place[i]->header,
                  "the entries " + printable(before.name) + " and " + printable(by_place[i]->name) + " overlap");
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const Source& source) {
  const DirectoryExtent directory = directory_of(source);
  const uint64_t end = directory.begin + directory.size;
  std::vector<ZipEntry> entries;
  uint64_t at = directory.begin;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (end - at < kDirectoryHeaderSize) source.refuse(at, "the directory ends before its last entry");
    const uint64_t more = uint64_t{source.number<uint16_t>(at + 28)} + source.number<uint16_t>(at + 30) +
                          source.number<uint16_t>(at + 32);
    if (more > end - at - kDirectoryHeaderSize) source.refuse(at, "an entry of the directory reaches beyond its end");
    entries.push_back(read_entry(source, at, directory.begin));
    at += kDirectoryHeaderSize + more;
  }
  if (at != end) source.refuse(at, "the directory holds more than its entries");
  require_apart(source, entries);
  return entries;
}

bool has_checksums(const std::vector<ZipEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const ZipEntry& entry) { return entry.checksum != 0; });
}

void require_checksum(const Source& source, const ZipEntry& entry) {
  const std::string_view bytes = source.text(entry.begin, entry.size);
  const uLong found = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (found != entry.checksum) {
    source.refuse(entry.begin, "the entry " + printable(entry.name) + " has other bytes than its checksum was made of");
  }
}

}  // namespace metrics::io
