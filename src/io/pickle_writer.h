#pragma once

#include <metrics/io/object.h>

#include <string>
#include <vector>

namespace metrics::io {

/// A pickle, and the elements of its tensors, the i-th for the storage `i`.
struct Pickled {
  std::string bytes;
  std::vector<at::Tensor> elements;
};

/// Writes a value as torch.save does. Throws InvalidArgument that names what cannot be written by its way of keys.
Pickled pickled(const Object& object);

}  // namespace metrics::io
