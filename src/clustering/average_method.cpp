#include "average_method.h"

#include <algorithm>
#include <cmath>

namespace metrics::clustering {

double average(AverageMethod method, double a, double b) {
  switch (method) {
    case AverageMethod::Min:
      return std::min(a, b);
    case AverageMethod::Geometric:
      return std::sqrt(a * b);
    case AverageMethod::Arithmetic:
      return (a + b) / 2;
    case AverageMethod::Max:
      break;
  }
  return std::max(a, b);
}

}  // namespace metrics::clustering
