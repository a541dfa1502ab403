#include <metrics/core/errors.h>
#include <metrics/version.h>

#include <iostream>

int main() {
  try {
    throw metrics::InvalidArgument("seen");
  } catch (const metrics::Error& error) {
    std::cout << METRICS_VERSION << " " << error.what() << "\n";
  }
}
