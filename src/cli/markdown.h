#pragma once

#include "listing.h"

#include <filesystem>

namespace metrics::cli {

/// Writes a page for each domain, `<domain>.md`, and their index, `README.md`, into a folder that exists. Throws
/// metrics::Error where that cannot be.
void write_markdown(const std::filesystem::path& folder, const Listing& listing);

}  // namespace metrics::cli
