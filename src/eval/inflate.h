#pragma once

#include "io/mapped_file.h"
#include "io/zip.h"

#include <memory>
#include <string>

namespace metrics::eval {

/// The full bytes of a compressed file in an archive, in a temporary file. `shown`: what errors call it.
/// Throws FormatError for bytes that cannot be inflated, or to another size or checksum than the archive says.
std::unique_ptr<const io::MappedFile> inflated(const io::Source& archive, const io::ZipEntry& entry,
                                               const std::string& shown);

}  // namespace metrics::eval
