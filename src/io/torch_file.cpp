#include "torch_file.h"

#include <string>

namespace metrics::io {
namespace {

// The pickled magic number of torch.save before PyTorch 1.6.
constexpr std::string_view kOldFormat = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19";

}  // namespace

bool begins_like_zip(std::string_view bytes) {
  return bytes.starts_with("PK\x03\x04");
}

bool begins_like_old_format(std::string_view bytes) {
  return bytes.starts_with(kOldFormat);
}

TorchFile::TorchFile(const Source& source, Unknown unknown) : source_(source) {
  if (begins_like_old_format(source.bytes)) {
    source.refuse(0, "torch.save wrote it in the format before PyTorch 1.6; load it in Python and save it again");
  }
  if (!begins_like_zip(source.bytes))
    source.refuse(0, "this is no file of torch.save, which begins with the letters PK");
  entries_ = read_zip_directory(source_);
  has_checksums_ = has_checksums(entries_);
  const auto refuse = [&](const ZipEntry& entry, const std::string& why) {
    source_.refuse(entry.header, "the record " + printable(entry.name) + " " + why);
  };
  if (entries_.empty()) source.refuse(0, "the archive is empty");
  const std::string_view first = entries_.front().name;
  const std::string_view folder = first.substr(0, first.find('/') + 1);
  if (folder.empty()) refuse(entries_.front(), "lies in no folder, as those of torch.save do");
  for (const ZipEntry& entry : entries_) {
    if (!entry.name.starts_with(folder)) refuse(entry, "lies in another folder than the first");
    if (entry.method != ZipEntry::Method::Stored) refuse(entry, "is compressed, which torch.save does not do");
    by_name_.emplace(entry.name.substr(folder.size()), &entry);
  }
  if (const ZipEntry* constants = find("constants.pkl")) {
    refuse(*constants, "says that this is a program of TorchScript, not a file of torch.save");
  }
  if (const ZipEntry* order = find("byteorder"); order != nullptr) {
    require_checksum_of(*order);
    if (source_.text(order->begin, order->size) != "little") refuse(*order, "names another byte order than little");
  }
  const ZipEntry* pickle = find("data.pkl");
  if (pickle == nullptr) source_.refuse(0, "the archive has no record data.pkl");
  require_checksum_of(*pickle);
  tree_ = read_pickle(source_, pickle->begin, pickle->size, unknown);
  for (const Tree::Storage& storage : tree_.storages) {
    const ZipEntry& record = record_of(storage);
    const uint64_t each = storage.type ? size_of(*storage.type) : 1;
    if (storage.elements != record.size / each || record.size % each != 0) {
      refuse(record, "has " + std::to_string(record.size) + " bytes; the pickle says " +
                         std::to_string(storage.elements) + " elements of " + std::to_string(each));
    }
  }
}

const ZipEntry* TorchFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void TorchFile::require_checksum_of(const ZipEntry& entry) const {
  if (has_checksums_) require_checksum(source_, entry);
}

const ZipEntry& TorchFile::record_of(const Tree::Storage& storage) const {
  const ZipEntry* record = find("data/" + std::string(storage.key));
  if (record == nullptr) source_.refuse(0, "the archive has no record of the storage " + printable(storage.key));
  return *record;
}

std::string_view TorchFile::bytes_of(const Tree::Storage& storage) const {
  const ZipEntry& record = record_of(storage);
  require_checksum_of(record);
  return source_.text(record.begin, record.size);
}

}  // namespace metrics::io
