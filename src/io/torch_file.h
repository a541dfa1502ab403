#pragma once

#include "pickle.h"
#include "source.h"
#include "zip.h"

#include <string_view>
#include <vector>

namespace metrics::io {

/// A file of torch.save: a tree of values, whose tensors' elements lie in records of a zip archive. It refers to the
/// source's bytes.
class TorchFile {
 public:
  /// Throws FormatError for everything that torch.save, with its defaults, does not write: other archives, compressed
  /// records, TorchScript, the format before PyTorch 1.6, big-endian numbers, storages whose record has another size.
  /// What a record's checksum says is asked when its bytes are.
  TorchFile(const Source& source, Unknown unknown);

  const Source& source() const { return source_; }
  const Tree& tree() const { return tree_; }

  /// Where a storage's bytes lie in the file.
  const ZipEntry& record_of(const Tree::Storage& storage) const;
  /// A storage's bytes. Throws FormatError where their checksum is another.
  std::string_view bytes_of(const Tree::Storage& storage) const;

 private:
  /// Null where there is none.
  const ZipEntry* find(std::string_view name) const;
  void require_checksum_of(const ZipEntry& entry) const;

  Source source_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, const ZipEntry*> by_name_;  ///< without the folder that holds them all
  bool has_checksums_ = false;
  Tree tree_;
};

/// Whether the bytes begin like a zip archive.
bool begins_like_zip(std::string_view bytes);
/// Whether they begin like a file of torch.save before PyTorch 1.6, which is refused with advice.
bool begins_like_old_format(std::string_view bytes);

}  // namespace metrics::io
