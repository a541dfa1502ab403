#pragma once

#include "half_formats.h"

#include <c10/core/ScalarType.h>

// The floating types that kernels read, from a tensor's dtype to a pointer of the type.

namespace metrics::kernels {

enum class Element { Float, Double, BFloat16, Half };

/// `dtype` is one of the four.
inline Element element_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return Element::Float;
    case at::kDouble:
      return Element::Double;
    case at::kBFloat16:
      return Element::BFloat16;
    default:
      return Element::Half;
  }
}

/// Calls f(data) with the type that it has.
template <class F>
auto with_element(const void* data, Element element, const F& f) {
  switch (element) {
    case Element::Float:
      return f(static_cast<const float*>(data));
    case Element::Double:
      return f(static_cast<const double*>(data));
    case Element::BFloat16:
      return f(static_cast<const BFloat16*>(data));
    default:
      return f(static_cast<const Half*>(data));
  }
}

}  // namespace metrics::kernels
