#pragma once

#include "torch_file.h"
#include <metrics/io/object.h>

namespace metrics::io {

/// Makes tensors and containers of what a file says. A storage is read once, however many tensors show it.
/// Throws FormatError for values within themselves, nested deeper than 200, or shared so that they are more than the
/// file is long.
Object object_of(const TorchFile& file);

}  // namespace metrics::io
